"""Google's SDK, generateContent: every feature onto every provider."""

import json

import pytest
from google.genai import types

from gateway import (
    ALL,
    PDF,
    PDF_SEEN,
    PLAIN,
    PNG,
    PNG_SEEN,
    WEATHER,
    fits_weather,
    genai_client,
    results_by_call,
    sent,
    system_text,
)
from shapes import Report

client = genai_client()
DECLARED = types.FunctionDeclaration(
    name="get_weather", description="The weather", parameters_json_schema=WEATHER
)
TOOL = types.Tool(function_declarations=[DECLARED])
BY_HAND = types.AutomaticFunctionCallingConfig(disable=True)


def ask(model, contents, **config):
    return client.models.generate_content(
        model=model, contents=contents, config=types.GenerateContentConfig(**config)
    )


def with_tools(model, contents, **config):
    return ask(model, contents, tools=[TOOL], automatic_function_calling=BY_HAND, **config)


def said(role, *parts):
    return types.Content(role=role, parts=list(parts))


def text(words):
    return types.Part.from_text(text=words)


@pytest.mark.parametrize("model", ALL)
def test_content_is_generated(model):
    answer = ask(model, "Tell me of rain")
    assert answer.text.startswith('You asked: "Tell me of rain".')
    [candidate] = answer.candidates
    assert candidate.finish_reason == types.FinishReason.STOP
    assert candidate.content.role == "model"
    usage = answer.usage_metadata
    assert usage.prompt_token_count > 0 and usage.candidates_token_count >= 60
    thought = usage.thoughts_token_count or 0
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count + thought
    assert answer.model_version == model and answer.response_id


@pytest.mark.parametrize("model", ALL)
def test_a_stream_says_what_the_whole_answer_says(model):
    whole = ask(model, "Tell me of snow")
    chunks = list(client.models.generate_content_stream(model=model, contents="Tell me of snow"))
    assert len(chunks) > 3, "it did not stream"
    assert "".join(chunk.text or "" for chunk in chunks) == whole.text
    reasons = [chunk.candidates[0].finish_reason for chunk in chunks]
    assert reasons[-1] == types.FinishReason.STOP and set(reasons[:-1]) <= {None}
    last, usage = chunks[-1].usage_metadata, whole.usage_metadata
    assert last.prompt_token_count == usage.prompt_token_count
    assert last.candidates_token_count == usage.candidates_token_count
    assert last.total_token_count == usage.total_token_count


@pytest.mark.parametrize("model", ALL)
def test_a_chat_remembers_what_was_streamed(model):
    chat = client.chats.create(model=model)
    heard = [chunk.text or "" for chunk in chat.send_message_stream("Tell me of fog")]
    history = chat.get_history(curated=True)
    assert history[0].role == "user" and {turn.role for turn in history[1:]} == {"model"}
    parts = [part for turn in history[1:] for part in turn.parts]
    assert "".join(part.text for part in parts if not part.thought) == "".join(heard)
    assert "".join(chunk.text or "" for chunk in chat.send_message_stream("Go on"))
    assert len([turn for turn in chat.get_history(curated=True) if turn.role == "user"]) == 2


@pytest.mark.parametrize("model", ALL)
def test_a_tool_is_called_and_its_result_is_heard(model):
    question = said("user", text("What is the weather?"))
    first = with_tools(model, [question])
    assert first.candidates[0].finish_reason == types.FinishReason.STOP
    [call] = first.function_calls
    assert call.name == "get_weather"
    fits_weather(call.args)
    result = types.Part.from_function_response(name=call.name, response={"result": "18 degrees"})
    result.function_response.id = call.id
    second = with_tools(model, [question, first.candidates[0].content, said("user", result)])
    assert "18 degrees" in second.text and second.text.startswith("The tool said: ")
    assert not second.function_calls


@pytest.mark.parametrize("with_ids", [True, False], ids=["with ids", "without ids"])
@pytest.mark.parametrize("model", ALL)
def test_parallel_calls_of_one_function_keep_their_results_apart(model, with_ids):
    question = said("user", text("Compare the weather of two cities in parallel"))
    first = with_tools(model, [question])
    calls = first.function_calls
    assert len(calls) == 2 and calls[0].args != calls[1].args
    ids = [call.id for call in calls if call.id]
    assert len(set(ids)) == len(ids)
    results = []
    for call in calls:
        part = types.Part.from_function_response(
            name=call.name, response={"result": f"result for {call.args['city']}"}
        )
        part.function_response.id = call.id if with_ids else None
        results.append(part)
    content = first.candidates[0].content
    if not with_ids:
        for part in content.parts:
            if part.function_call:
                part.function_call.id = None
    elif all(call.id for call in calls):
        results.reverse()
    answer = with_tools(model, [question, content, said("user", *results)]).text
    pairs = results_by_call(sent()["body"])
    assert len(pairs) == 2
    for arguments, result in pairs:
        assert f"result for {arguments['city']}" in answer
        if not model.startswith("gemini"):
            assert f"result for {arguments['city']}" in result


@pytest.mark.parametrize("model", ALL)
def test_streamed_calls_are_whole(model):
    config = types.GenerateContentConfig(tools=[TOOL], automatic_function_calling=BY_HAND)
    chunks = client.models.generate_content_stream(model=model, contents="Compare in parallel", config=config)
    calls, reason = [], None
    for chunk in chunks:
        calls += chunk.function_calls or []
        reason = chunk.candidates[0].finish_reason or reason
    assert len(calls) == 2 and reason == types.FinishReason.STOP
    for call in calls:
        fits_weather(call.args)


@pytest.mark.parametrize("model", ALL)
def test_a_python_function_is_called_by_the_sdk(model):
    asked = []

    def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return f"18 degrees in {city}"

    answer = ask(model, "What is the weather?", tools=[get_weather])
    assert asked == ["Paris"]
    assert "18 degrees in Paris" in answer.text


@pytest.mark.parametrize("model", ALL)
def test_tool_choice_is_obeyed(model):
    schema = types.Schema(type="OBJECT", properties={"zone": types.Schema(type="STRING")})
    other = types.FunctionDeclaration(name="get_time", parameters=schema)

    def called(words, mode, names=None):
        calling = types.FunctionCallingConfig(mode=mode, allowed_function_names=names)
        answer = ask(
            model,
            words,
            tools=[types.Tool(function_declarations=[DECLARED, other])],
            automatic_function_calling=BY_HAND,
            tool_config=types.ToolConfig(function_calling_config=calling),
        )
        return [call.name for call in answer.function_calls or []]

    assert called("Weather?", "NONE") == []
    assert called("no tool, please", "ANY") == ["get_weather"]
    assert called("Weather?", "ANY", ["get_time"]) == ["get_time"]


@pytest.mark.parametrize("model", ALL)
def test_a_schema_fills_a_pydantic_model(model):
    answer = ask(model, "Report", response_mime_type="application/json", response_schema=Report)
    assert isinstance(answer.parsed, Report)
    assert answer.parsed.wind.direction == "north"


@pytest.mark.parametrize("model", PLAIN)
def test_a_json_schema_is_followed(model):
    answer = ask(
        model, "Report", response_mime_type="application/json", response_json_schema=Report.model_json_schema()
    )
    assert Report.model_validate_json(answer.text).days >= 0


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gemini-2.5-flash"])
def test_json_mode_gives_an_object(model):
    answer = ask(model, "Answer in JSON", response_mime_type="application/json")
    assert isinstance(json.loads(answer.text), dict)


@pytest.mark.parametrize("model", ALL)
def test_a_picture_is_seen(model):
    picture = types.Part.from_bytes(data=PNG, mime_type="image/png")
    assert ask(model, [picture, "What is it?"]).text.startswith(PNG_SEEN)


@pytest.mark.parametrize("model", PLAIN)
def test_a_document_is_seen(model):
    document = types.Part.from_bytes(data=PDF, mime_type="application/pdf")
    assert ask(model, [document, "Sum it up"]).text.startswith(PDF_SEEN)


@pytest.mark.parametrize("model", ALL)
def test_a_system_prompt_reaches_the_provider(model):
    parts = said("user", text("Speak like a pirate."), text("And be kind."))
    ask(model, "Hi", system_instruction="Speak like a pirate.")
    assert "Speak like a pirate." in system_text(sent()["body"])
    ask(model, "Hi", system_instruction=parts)
    told = system_text(sent()["body"])
    assert "Speak like a pirate." in told and "And be kind." in told


@pytest.mark.parametrize("model", ALL)
def test_a_chat_remembers_its_turns(model):
    chat = client.chats.create(model=model)
    chat.send_message("First")
    answer = chat.send_message("Second and last")
    assert answer.text.startswith('You asked: "Second and last".')
    body = sent()["body"]
    roles = [turn["role"] for turn in body.get("contents") or body["messages"]]
    assert roles in (["user", "assistant", "user"], ["user", "model", "user"])
    streamed = "".join(chunk.text or "" for chunk in chat.send_message_stream("Third"))
    assert streamed.startswith('You asked: "Third".')


@pytest.mark.parametrize("model", PLAIN + ["gemini-3-pro-preview"])
def test_a_stop_string_ends_the_answer(model):
    answer = ask(model, "Hi", stop_sequences=["asked"])
    assert answer.text.strip() == "You"
    assert answer.candidates[0].finish_reason == types.FinishReason.STOP


@pytest.mark.parametrize("model", ALL)
def test_a_limit_ends_the_answer(model):
    answer = ask(model, "Hi", max_output_tokens=40)
    assert answer.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    usage = answer.usage_metadata
    assert (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0) == 40


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gemini-2.5-flash"])
def test_several_candidates_are_told_apart(model):
    answer = ask(model, "Hi", candidate_count=2)
    assert len(answer.candidates) == 2
    assert answer.candidates[1].content.parts[0].text.startswith("You asked:")


@pytest.mark.parametrize("model", ALL)
def test_every_sampling_field_is_taken(model):
    answer = ask(model, "Hi", temperature=0.7, top_k=20, seed=7)
    assert answer.text.startswith("You asked:")


@pytest.mark.parametrize("model", PLAIN)
def test_a_filtered_answer_says_so(model):
    reason = ask(model, "Hi #mock finish=content_filter").candidates[0].finish_reason
    assert reason == types.FinishReason.SAFETY


@pytest.mark.parametrize("model", PLAIN)
def test_tokens_are_counted(model):
    few = client.models.count_tokens(model=model, contents="Hi")
    many = client.models.count_tokens(model=model, contents="word " * 400)
    assert few.total_tokens > 0
    assert 300 < many.total_tokens < 1000


def test_the_clients_own_headers_and_key_stay_here():
    ask("gemini-2.5-flash", "Hi")
    headers = sent()["headers"]
    assert headers["x-goog-api-key"] == "demo"
    assert "x-goog-api-client" not in headers

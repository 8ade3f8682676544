"""OpenAI's SDK, Responses: every feature onto every provider."""

import json

import openai
import pytest

from gateway import (
    ALL,
    PDF,
    PDF_SEEN,
    PLAIN,
    PNG,
    PNG_SEEN,
    THINKERS,
    WEATHER,
    base64_of,
    fits_weather,
    openai_client,
    sent,
)
from shapes import Report

client = openai_client()
MODELS = ALL + ["gpt-5-codex"]
TOOL = {"type": "function", "name": "get_weather", "description": "The weather", "parameters": WEATHER, "strict": False}
PATCH = {"type": "custom", "name": "apply_patch", "description": "Edits a file"}


def ask(model, input, **more):
    return client.responses.create(model=model, input=input, **more)


def calls(response, kind="function_call"):
    return [item for item in response.output if item.type == kind]


@pytest.mark.parametrize("model", MODELS)
def test_a_response_has_what_the_sdk_promises(model):
    answer = ask(model, "Tell me of rain", instructions="Be brief.", metadata={"a": "b"})
    assert answer.object == "response" and answer.id.startswith("resp_") and answer.created_at > 0
    assert answer.status == "completed" and answer.error is None and answer.incomplete_details is None
    assert answer.output_text.startswith('You asked: "Tell me of rain".')
    assert answer.instructions == "Be brief." and answer.metadata == {"a": "b"}
    assert answer.tools == [] and answer.tool_choice == "auto" and answer.parallel_tool_calls is True
    usage = answer.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert usage.input_tokens_details.cached_tokens >= 0 and usage.output_tokens_details.reasoning_tokens >= 0


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_is_told_in_order(model):
    whole = ask(model, "Tell me of snow")
    events = list(ask(model, "Tell me of snow", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == whole.output_text
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == whole.output_text
    assert last.response.usage.output_tokens == whole.usage.output_tokens
    kinds = {event.type for event in events}
    assert {"response.output_item.added", "response.content_part.added", "response.output_text.done"} <= kinds
    assert len([event for event in events if event.type == "response.output_text.delta"]) > 5, "it did not stream"


@pytest.mark.parametrize("model", MODELS)
def test_the_stream_helper_builds_the_response(model):
    with client.responses.stream(model=model, input="Weather in parallel?", tools=[TOOL]) as stream:
        seen = [event.type for event in stream]
        final = stream.get_final_response()
    assert "response.function_call_arguments.done" in seen
    called = calls(final)
    assert len(called) == 2 and called[0].call_id != called[1].call_id
    for call in called:
        assert call.name == "get_weather" and call.id != call.call_id
        fits_weather(json.loads(call.arguments))


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_is_parsed_into_the_wanted_form(model):
    answer = client.responses.parse(model=model, input="A report", text_format=Report)
    assert isinstance(answer.output_parsed, Report)
    with client.responses.stream(model=model, input="A report", text_format=Report) as stream:
        list(stream)
        assert isinstance(stream.get_final_response().output_parsed, Report)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", MODELS)
def test_a_conversation_of_three_turns_keeps_thoughts_and_calls(model, stream):
    more = {"tools": [TOOL], "store": False}
    if model not in PLAIN or model == "claude-sonnet-4-5":
        more |= {"reasoning": {"effort": "low", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}
    items = [{"role": "user", "content": "What is the weather?"}]
    for turn in range(3):
        if stream:
            answer = list(ask(model, items, stream=True, **more))[-1].response
        else:
            answer = ask(model, items, **more)
        items += answer.output
        if turn == 0:
            assert len(calls(answer)) == 1
            items += [
                {"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"}
                for call in calls(answer)
            ]
        else:
            items.append({"role": "user", "content": "And tomorrow, with no tool?"})
        if turn == 1:
            assert answer.output_text == "The tool said: 18 degrees"
    assert answer.status == "completed"


@pytest.mark.parametrize("model", THINKERS + ["claude-sonnet-4-5", "gpt-5-codex"])
def test_thoughts_are_told_in_a_summary(model):
    reasoning = {"effort": "high", "summary": "auto"}
    answer = ask(model, "Think hard", reasoning=reasoning, include=["reasoning.encrypted_content"], store=False)
    thought = calls(answer, "reasoning")[0]
    assert thought.summary[0].text.startswith("Let me think")
    assert answer.usage.output_tokens_details.reasoning_tokens > 0
    told = list(ask(model, "Think hard", reasoning=reasoning, stream=True))
    deltas = [event.delta for event in told if event.type == "response.reasoning_summary_text.delta"]
    assert "".join(deltas) == thought.summary[0].text


@pytest.mark.parametrize("model", MODELS)
def test_pictures_and_documents_arrive(model):
    picture = {"type": "input_image", "image_url": f"data:image/png;base64,{base64_of(PNG)}", "detail": "auto"}
    file = f"data:application/pdf;base64,{base64_of(PDF)}"
    document = {"type": "input_file", "filename": "a.pdf", "file_data": file}
    for part, seen in [(picture, PNG_SEEN), (document, PDF_SEEN)]:
        content = [{"type": "input_text", "text": "What is it?"}, part]
        assert ask(model, [{"role": "user", "content": content}]).output_text.startswith(seen)


@pytest.mark.parametrize("model", ["gpt-5", "claude-sonnet-4-5", "gemini-2.5-flash", "gpt-5-codex"])
def test_a_tool_of_free_text_is_called_with_free_text(model):
    more = {"tools": [PATCH], "tool_choice": "required"}
    call = calls(ask(model, "Fix it", **more), "custom_tool_call")[0]
    assert call.name == "apply_patch" and isinstance(call.input, str) and call.id.startswith("ctc_")
    told = list(ask(model, "Fix it", stream=True, **more))
    deltas = [event.delta for event in told if event.type == "response.custom_tool_call_input.delta"]
    done = [event.input for event in told if event.type == "response.custom_tool_call_input.done"]
    assert "".join(deltas) == done[0]
    answered = [
        {"role": "user", "content": "Fix it"},
        call,
        {"type": "custom_tool_call_output", "call_id": call.call_id, "output": "Done"},
    ]
    assert ask(model, answered, tools=[PATCH]).output_text == "The tool said: Done"


@pytest.mark.parametrize("model", MODELS)
def test_a_forced_and_a_forbidden_tool(model):
    other = {**TOOL, "name": "get_time"}
    forced = ask(model, "Weather?", tools=[other, TOOL], tool_choice={"type": "function", "name": "get_weather"})
    assert [call.name for call in calls(forced)] == ["get_weather"]
    assert not calls(ask(model, "Weather?", tools=[TOOL], tool_choice="none"))


@pytest.mark.parametrize("model", MODELS)
def test_a_limit_leaves_the_response_incomplete(model):
    answer = ask(model, "#mock tokens=90 reasoning=0", max_output_tokens=20)
    assert answer.status == "incomplete" and answer.incomplete_details.reason == "max_output_tokens"
    last = list(ask(model, "#mock tokens=90 reasoning=0", max_output_tokens=20, stream=True))[-1]
    assert last.type == "response.incomplete"


@pytest.mark.parametrize("model", MODELS)
def test_errors_have_the_sdks_types(model):
    with pytest.raises(openai.RateLimitError):
        ask(model, "#mock error=429")
    with pytest.raises(openai.BadRequestError):
        ask(model, "#mock error=400")
    with pytest.raises(openai.APIError):
        list(ask(model, "#mock stream_error=6", stream=True))


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "gemini-2.5-flash"])
def test_what_nobody_keeps_is_refused_by_name(model):
    with pytest.raises(openai.BadRequestError) as refused:
        ask(model, "Hi", previous_response_id="resp_1")
    assert refused.value.param == "previous_response_id"


@pytest.mark.parametrize("model", MODELS)
def test_tokens_are_counted(model):
    counted = client.responses.input_tokens.count(model=model, input="How many tokens is this?")
    assert counted.object == "response.input_tokens" and counted.input_tokens > 3


def test_openai_gets_the_request_as_it_is():
    ask("gpt-4o-mini", [{"role": "user", "content": "Hi"}], truncation="auto", prompt_cache_key="k")
    arrived = sent()
    assert arrived["path"] == "/v1/responses"
    body = json.loads(arrived["body_text"])
    assert body["truncation"] == "auto" and body["prompt_cache_key"] == "k"

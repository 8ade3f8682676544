"""Anthropic's SDK, Messages: every feature onto every provider."""

import json

import anthropic
import pytest

from gateway import (
    ALL,
    PDF,
    PDF_SEEN,
    PLAIN,
    PNG,
    PNG_SEEN,
    WEATHER,
    anthropic_client,
    base64_of,
    fits_weather,
    results_by_call,
    sent,
    system_text,
)
from shapes import Report

client = anthropic_client()
TOOL = {"name": "get_weather", "description": "The weather", "input_schema": WEATHER}


def user(content):
    return [{"role": "user", "content": content}]


def ask(model, messages, **more):
    return client.messages.create(**{"model": model, "messages": messages, "max_tokens": 1000, **more})


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def kinds_of(message):
    return [block.type for block in message.content]


def calls_of(message):
    return [block for block in message.content if block.type == "tool_use"]


@pytest.mark.parametrize("model", ALL)
def test_a_message_answers(model):
    message = ask(model, user("Tell me of rain"))
    assert message.type == "message" and message.role == "assistant" and message.id.startswith("msg_")
    assert message.model == model
    assert message.stop_reason == "end_turn" and message.stop_sequence is None
    assert kinds_of(message) == ["text"]
    assert message.content[0].text.startswith('You asked: "Tell me of rain".')
    assert message.usage.input_tokens > 0 and message.usage.output_tokens >= 60


@pytest.mark.parametrize("model", ALL)
def test_a_stream_says_what_the_whole_answer_says(model):
    whole = ask(model, user("Tell me of snow"))
    with client.messages.stream(model=model, max_tokens=1000, messages=user("Tell me of snow")) as stream:
        texts = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(texts) > 5, "it did not stream"
    assert "".join(texts) == text_of(final) == text_of(whole)
    assert final.stop_reason == "end_turn" and final.model == model
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert final.usage.input_tokens == whole.usage.input_tokens


@pytest.mark.parametrize("model", ALL)
def test_the_events_of_a_stream_come_in_their_order(model):
    events = list(ask(model, user("Hi"), stream=True))
    kinds = [event.type for event in events]
    assert kinds[0] == "message_start" and kinds[-2:] == ["message_delta", "message_stop"]
    assert events[0].message.content == [] and events[0].message.stop_reason is None
    assert events[0].message.usage is not None
    first = [event.type for event in events[1:-2] if event.index == 0]
    assert first[0] == "content_block_start" and first[-1] == "content_block_stop"
    assert set(first[1:-1]) == {"content_block_delta"} and len(first) > 5
    indexes = [event.index for event in events[1:-2]]
    assert indexes == sorted(indexes), "a block began before the one before it ended"
    assert events[-2].delta.stop_reason == "end_turn"
    assert events[-2].usage.output_tokens >= 60


@pytest.mark.parametrize("model", ALL)
def test_a_tool_is_called_and_its_result_is_heard(model):
    messages = user("What is the weather?")
    first = ask(model, messages, tools=[TOOL])
    assert first.stop_reason == "tool_use"
    [call] = calls_of(first)
    assert call.id and call.name == "get_weather"
    fits_weather(call.input)
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"}
    messages += [{"role": "assistant", "content": first.content}, *user([result])]
    second = ask(model, messages, tools=[TOOL])
    assert second.stop_reason == "end_turn"
    assert text_of(second) == "The tool said: 18 degrees"


@pytest.mark.parametrize("model", ALL)
def test_parallel_calls_of_one_function_keep_their_results_apart(model):
    messages = user("Compare the weather of two cities in parallel")
    first = ask(model, messages, tools=[TOOL])
    calls = calls_of(first)
    assert len(calls) == 2 and calls[0].id != calls[1].id and calls[0].input != calls[1].input
    results = [
        {
            "type": "tool_result",
            "tool_use_id": call.id,
            "content": [{"type": "text", "text": f"result for {call.input['city']}"}],
        }
        for call in reversed(calls)
    ]
    messages += [{"role": "assistant", "content": first.content}, *user(results)]
    answer = text_of(ask(model, messages, tools=[TOOL]))
    for call in calls:
        assert f"The tool said: result for {call.input['city']}" in answer
    pairs = results_by_call(sent()["body"])
    assert len(pairs) == 2
    for arguments, result in pairs:
        assert f"result for {arguments['city']}" in result


@pytest.mark.parametrize("model", ALL)
def test_streamed_calls_are_whole(model):
    more = {"model": model, "max_tokens": 1000, "tools": [TOOL]}
    with client.messages.stream(messages=user("Compare in parallel"), **more) as stream:
        events = list(stream)
        final = stream.get_final_message()
    assert final.stop_reason == "tool_use"
    calls = calls_of(final)
    assert len(calls) == 2 and calls[0].id != calls[1].id
    for call in calls:
        fits_weather(call.input)
    starts = [event.index for event in events if event.type == "content_block_start"]
    stops = [event.index for event in events if event.type == "content_block_stop"]
    assert starts == stops == list(range(len(final.content)))
    assert any(event.type == "input_json" for event in events)


@pytest.mark.parametrize("model", PLAIN)
def test_a_failed_tool_says_so(model):
    messages = user("Weather?")
    first = ask(model, messages, tools=[TOOL])
    result = {"type": "tool_result", "tool_use_id": calls_of(first)[0].id, "content": "no signal", "is_error": True}
    messages += [{"role": "assistant", "content": first.content}, *user([result])]
    answer = text_of(ask(model, messages, tools=[TOOL]))
    assert "no signal" in answer and "error" in answer.lower()


@pytest.mark.parametrize("model", PLAIN)
def test_text_after_a_result_stays_after_it(model):
    messages = user("Weather?")
    first = ask(model, messages, tools=[TOOL])
    result = {"type": "tool_result", "tool_use_id": calls_of(first)[0].id, "content": "dry"}
    messages += [
        {"role": "assistant", "content": first.content},
        *user([result, {"type": "text", "text": "In short, with no tool, please"}]),
    ]
    ask(model, messages, tools=[TOOL])
    told = json.dumps(sent()["body"])
    assert told.index("dry") < told.index("In short")


@pytest.mark.parametrize("model", PLAIN)
def test_a_picture_in_a_result_is_not_lost(model):
    messages = user("Weather?")
    first = ask(model, messages, tools=[TOOL])
    picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64_of(PNG)}}
    result = {
        "type": "tool_result",
        "tool_use_id": calls_of(first)[0].id,
        "content": [{"type": "text", "text": "a map"}, picture],
    }
    messages += [{"role": "assistant", "content": first.content}, *user([result])]
    ask(model, messages, tools=[TOOL])
    assert base64_of(PNG) in json.dumps(sent()["body"])


@pytest.mark.parametrize("model", ALL)
def test_tool_choice_is_obeyed(model):
    other = {"name": "get_time", "input_schema": {"type": "object", "properties": {"zone": {"type": "string"}}}}

    def called(choice, text):
        return [call.name for call in calls_of(ask(model, user(text), tools=[TOOL, other], tool_choice=choice))]

    assert called({"type": "none"}, "Weather?") == []
    assert called({"type": "any"}, "no tool, please") == ["get_weather"]
    assert called({"type": "tool", "name": "get_time"}, "Weather?") == ["get_time"]


@pytest.mark.parametrize("model", ["gpt-4o-mini", "claude-sonnet-4-5"])
def test_calls_can_be_kept_single(model):
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    assert len(calls_of(ask(model, user("in parallel"), tools=[TOOL], tool_choice=choice))) == 1


@pytest.mark.parametrize("model", ALL)
def test_parse_fills_a_pydantic_model(model):
    message = client.messages.parse(model=model, max_tokens=1000, messages=user("Report"), output_format=Report)
    assert isinstance(message.parsed_output, Report)
    assert message.parsed_output.wind.direction == "north"
    assert message.stop_reason == "end_turn"


@pytest.mark.parametrize("model", PLAIN)
def test_a_streamed_structure_parses(model):
    more = {"model": model, "max_tokens": 1000, "output_format": Report}
    with client.messages.stream(messages=user("Report"), **more) as stream:
        final = stream.get_final_message()
    assert isinstance(final.parsed_output, Report)


@pytest.mark.parametrize("model", ALL)
def test_a_picture_is_seen(model):
    source = {"type": "base64", "media_type": "image/png", "data": base64_of(PNG)}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What is it?"}]
    assert text_of(ask(model, user(content))).startswith(PNG_SEEN)


@pytest.mark.parametrize("model", PLAIN)
def test_a_document_is_seen(model):
    source = {"type": "base64", "media_type": "application/pdf", "data": base64_of(PDF)}
    content = [{"type": "document", "source": source, "title": "a.pdf"}, {"type": "text", "text": "Sum it up"}]
    assert text_of(ask(model, user(content))).startswith(PDF_SEEN)


@pytest.mark.parametrize("model", ALL)
def test_a_system_prompt_reaches_the_provider(model):
    marked = {"type": "text", "text": "And be kind.", "cache_control": {"type": "ephemeral"}}
    ask(model, user("Hi"), system="Speak like a pirate.")
    assert "Speak like a pirate." in system_text(sent()["body"])
    ask(model, user("Hi"), system=[{"type": "text", "text": "Speak like a pirate."}, marked])
    told = system_text(sent()["body"])
    assert "Speak like a pirate." in told and "And be kind." in told


@pytest.mark.parametrize("model", ALL)
def test_several_turns_arrive_in_order(model):
    messages = user("First") + [{"role": "assistant", "content": "Indeed."}] + user("Second and last")
    assert text_of(ask(model, messages)).startswith('You asked: "Second and last".')
    body = sent()["body"]
    roles = [turn["role"] for turn in body.get("contents") or body["messages"]]
    assert roles in (["user", "assistant", "user"], ["user", "model", "user"])


@pytest.mark.parametrize("model", PLAIN + ["gemini-3-pro-preview"])
def test_a_stop_string_ends_the_answer(model):
    message = ask(model, user("Hi"), stop_sequences=["asked"])
    assert text_of(message).strip() == "You"
    if model.startswith("claude"):
        assert message.stop_reason == "stop_sequence" and message.stop_sequence == "asked"
    else:
        # Other providers do not tell a stop string from the natural end.
        assert message.stop_reason in ("end_turn", "stop_sequence")


@pytest.mark.parametrize("model", ALL)
def test_a_limit_ends_the_answer(model):
    message = ask(model, user("Hi"), max_tokens=40)
    assert message.stop_reason == "max_tokens" and message.usage.output_tokens == 40


@pytest.mark.parametrize("model", ALL)
def test_every_sampling_field_is_taken(model):
    message = ask(
        model, user("Hi"), extra_body={"temperature": 0.5, "top_k": 20}, metadata={"user_id": "u-1"}
    )
    assert text_of(message).startswith("You asked:")


@pytest.mark.parametrize("model", PLAIN)
def test_a_cached_prompt_is_counted_as_such(model):
    block = {"type": "text", "text": f"{model}, said to Claude's SDK: " + "long text " * 1500}
    messages = user([{**block, "cache_control": {"type": "ephemeral"}}])
    first = ask(model, messages)
    second = ask(model, messages)
    assert second.usage.cache_read_input_tokens > 0
    total = second.usage.input_tokens + second.usage.cache_read_input_tokens
    written = first.usage.cache_creation_input_tokens or 0
    assert total == first.usage.input_tokens + written + (first.usage.cache_read_input_tokens or 0)


@pytest.mark.parametrize("model", PLAIN)
def test_tokens_are_counted(model):
    few = client.messages.count_tokens(model=model, messages=user("Hi"))
    many = client.messages.count_tokens(model=model, messages=user("word " * 400), system="Be brief.", tools=[TOOL])
    assert few.input_tokens > 0
    assert 300 < many.input_tokens < 2000


def test_betas_and_the_version_reach_anthropic():
    ask("claude-sonnet-4-5", user("Hi"), extra_headers={"anthropic-beta": "context-1m-2025-08-07"})
    headers = sent()["headers"]
    assert headers["anthropic-version"] == client.default_headers["anthropic-version"]
    assert "context-1m-2025-08-07" in headers["anthropic-beta"]
    assert headers["x-api-key"] == "demo"


@pytest.mark.parametrize("model", PLAIN)
def test_the_beta_client_is_served_too(model):
    message = client.beta.messages.create(model=model, max_tokens=100, messages=user("Hi"), betas=["files-api-2025-04-14"])
    assert message.content[0].text.startswith("You asked:")


@pytest.mark.parametrize("model", PLAIN)
def test_a_bearer_token_is_a_key_too(model):
    bearer = anthropic.Anthropic(base_url=client.base_url, auth_token=client.api_key, api_key=None, max_retries=0)
    assert text_of(bearer.messages.create(model=model, max_tokens=100, messages=user("Hi"))).startswith("You asked:")

"""OpenAI's SDK, chat completions: every feature onto every provider."""

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
    WEATHER,
    base64_of,
    fits_weather,
    openai_client,
    results_by_call,
    sent,
    system_text,
)
from shapes import Report

client = openai_client()
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather", "parameters": WEATHER},
}


def user(text):
    return [{"role": "user", "content": text}]


def ask(model, messages, **more):
    return client.chat.completions.create(model=model, messages=messages, **more)


@pytest.mark.parametrize("model", ALL)
def test_chat_answers(model):
    answer = ask(model, user("Tell me of rain"))
    assert answer.object == "chat.completion" and answer.id and answer.created > 0
    assert answer.model == model
    assert len(answer.choices) == 1
    choice = answer.choices[0]
    assert choice.index == 0 and choice.finish_reason == "stop"
    assert choice.message.role == "assistant"
    assert choice.message.content.startswith('You asked: "Tell me of rain".')
    assert not choice.message.tool_calls
    usage = answer.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens >= 60
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


@pytest.mark.parametrize("model", ALL)
def test_a_stream_says_what_the_whole_answer_says(model):
    whole = ask(model, user("Tell me of snow"))
    chunks = list(ask(model, user("Tell me of snow"), stream=True, stream_options={"include_usage": True}))
    told = [chunk for chunk in chunks if chunk.choices]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in told)
    assert text == whole.choices[0].message.content
    assert all(chunk.object == "chat.completion.chunk" for chunk in chunks)
    assert len({chunk.id for chunk in chunks}) == 1
    assert {chunk.model for chunk in chunks} == {model}
    assert told[0].choices[0].delta.role == "assistant"
    assert sum(chunk.choices[0].delta.role is not None for chunk in told) == 1
    reasons = [chunk.choices[0].finish_reason for chunk in told]
    assert reasons[-1] == "stop" and reasons.count(None) == len(reasons) - 1
    assert len(told) > 5, "it did not stream"
    last = chunks[-1]
    assert last.choices == [] and last.usage == whole.usage
    assert all(chunk.usage is None for chunk in chunks[:-1])


@pytest.mark.parametrize("model", PLAIN)
def test_a_stream_tells_no_usage_unasked(model):
    chunks = list(ask(model, user("Hi"), stream=True))
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)


@pytest.mark.parametrize("model", PLAIN)
@pytest.mark.parametrize("manner", ["unicode", "chunk=7", "crlf", "comments", "unicode chunk=1"])
def test_a_stream_survives_how_it_was_cut(model, manner):
    messages = user(f"Say #mock {manner} tokens=40")
    chunks = ask(model, messages, stream=True)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == ask(model, messages).choices[0].message.content


@pytest.mark.parametrize("model", ALL)
def test_the_stream_helper_builds_the_completion(model):
    with client.chat.completions.stream(model=model, messages=user("Tell me of hail")) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(deltas) == final.choices[0].message.content
    assert final.choices[0].message.content.startswith('You asked: "Tell me of hail".')
    assert final.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("model", ALL)
def test_a_tool_is_called_and_its_result_is_heard(model):
    messages = user("What is the weather?")
    first = ask(model, messages, tools=[TOOL])
    choice = first.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert not choice.message.content
    [call] = choice.message.tool_calls
    assert call.type == "function" and call.id and call.function.name == "get_weather"
    fits_weather(json.loads(call.function.arguments))
    messages += [
        choice.message,
        {"role": "tool", "tool_call_id": call.id, "content": "18 degrees"},
    ]
    second = ask(model, messages, tools=[TOOL])
    assert second.choices[0].finish_reason == "stop"
    assert second.choices[0].message.content == "The tool said: 18 degrees"


@pytest.mark.parametrize("model", ALL)
def test_parallel_calls_of_one_function_keep_their_results_apart(model):
    messages = user("Compare the weather of two cities in parallel")
    choice = ask(model, messages, tools=[TOOL]).choices[0]
    calls = choice.message.tool_calls
    assert len(calls) == 2 and len({call.id for call in calls}) == 2
    told = {call.id: json.loads(call.function.arguments) for call in calls}
    assert told[calls[0].id] != told[calls[1].id]
    messages.append(choice.message)
    for call in reversed(calls):
        content = f"result for {told[call.id]['city']}"
        messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
    answer = ask(model, messages, tools=[TOOL]).choices[0].message.content
    for arguments in told.values():
        assert f"The tool said: result for {arguments['city']}" in answer
    pairs = results_by_call(sent()["body"])
    assert len(pairs) == 2
    for arguments, result in pairs:
        assert f"result for {arguments['city']}" in result


@pytest.mark.parametrize("model", ALL)
def test_streamed_calls_are_whole(model):
    messages = user("Compare the weather in parallel")
    calls, reason = {}, None
    for chunk in ask(model, messages, tools=[TOOL], stream=True):
        for choice in chunk.choices:
            reason = choice.finish_reason or reason
            for delta in choice.delta.tool_calls or []:
                if delta.index not in calls:
                    assert delta.id and delta.type == "function" and delta.function.name == "get_weather"
                    calls[delta.index] = {"id": delta.id, "arguments": ""}
                else:
                    assert not delta.id and not delta.function.name
                calls[delta.index]["arguments"] += delta.function.arguments or ""
    assert reason == "tool_calls"
    assert sorted(calls) == [0, 1] and calls[0]["id"] != calls[1]["id"]
    for call in calls.values():
        fits_weather(json.loads(call["arguments"]))


@pytest.mark.parametrize("model", ALL)
def test_the_stream_helper_gathers_calls(model):
    with client.chat.completions.stream(model=model, messages=user("Weather?"), tools=[TOOL]) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        final = stream.get_final_completion()
    [call] = final.choices[0].message.tool_calls
    assert [event.name for event in done] == ["get_weather"]
    fits_weather(json.loads(call.function.arguments))


@pytest.mark.parametrize("model", PLAIN)
def test_text_around_calls_is_kept(model):
    message = ask(model, user("Weather? #mock interleave"), tools=[TOOL]).choices[0].message
    assert message.content == "Let me look that up. One moment, please."
    assert len(message.tool_calls) == 1


@pytest.mark.parametrize("model", PLAIN)
def test_empty_arguments_are_an_empty_object(model):
    messages = user("Weather? #mock empty_args")
    [call] = ask(model, messages, tools=[TOOL]).choices[0].message.tool_calls
    assert json.loads(call.function.arguments) == {}
    with client.chat.completions.stream(model=model, messages=messages, tools=[TOOL]) as stream:
        final = stream.get_final_completion()
    assert json.loads(final.choices[0].message.tool_calls[0].function.arguments) == {}


@pytest.mark.parametrize("model", ALL)
def test_tool_choice_is_obeyed(model):
    other = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}}}}
    tools = [TOOL, other]

    def called(choice, text):
        message = ask(model, user(text), tools=tools, tool_choice=choice).choices[0].message
        return [call.function.name for call in message.tool_calls or []]

    assert called("none", "Weather?") == []
    assert called("required", "no tool, please") == ["get_weather"]
    assert called({"type": "function", "function": {"name": "get_time"}}, "Weather?") == ["get_time"]


@pytest.mark.parametrize("model", ["gpt-4o-mini", "claude-sonnet-4-5"])
def test_calls_can_be_kept_single(model):
    message = ask(model, user("in parallel"), tools=[TOOL], parallel_tool_calls=False).choices[0].message
    assert len(message.tool_calls) == 1


@pytest.mark.parametrize("model", PLAIN)
def test_a_name_that_the_provider_refuses_comes_back_as_it_was(model):
    name = "weather-of_the-" + "x" * 49
    tool = {"type": "function", "function": {"name": name, "parameters": WEATHER}}
    messages = user("Weather?")
    message = ask(model, messages, tools=[tool]).choices[0].message
    assert message.tool_calls[0].function.name == name
    messages += [message, {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "dry"}]
    assert ask(model, messages, tools=[tool]).choices[0].message.content == "The tool said: dry"


@pytest.mark.parametrize("model", PLAIN)
def test_a_tool_without_parameters_is_taken(model):
    tool = {"type": "function", "function": {"name": "now"}}
    [call] = ask(model, user("Time?"), tools=[tool]).choices[0].message.tool_calls
    assert call.function.name == "now" and json.loads(call.function.arguments) == {}


@pytest.mark.parametrize("model", PLAIN)
def test_a_history_with_calls_needs_no_tools(model):
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
    messages = user("Weather?") + [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "windy"},
    ]
    assert ask(model, messages).choices[0].message.content == "The tool said: windy"


@pytest.mark.parametrize("model", ALL)
def test_parse_fills_a_pydantic_model(model):
    answer = client.chat.completions.parse(model=model, messages=user("Report"), response_format=Report)
    choice = answer.choices[0]
    assert choice.finish_reason == "stop"
    assert isinstance(choice.message.parsed, Report)
    assert choice.message.parsed.city == "Paris" and choice.message.parsed.wind.direction == "north"


@pytest.mark.parametrize("model", PLAIN)
def test_a_streamed_structure_parses(model):
    with client.chat.completions.stream(model=model, messages=user("Report"), response_format=Report) as stream:
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Report)


@pytest.mark.parametrize("model", PLAIN)
def test_a_structure_and_tools_go_together(model):
    strict = {**TOOL["function"], "strict": True, "parameters": {**WEATHER, "additionalProperties": False}}
    answer = client.chat.completions.parse(
        model=model,
        messages=user("no tool, a report"),
        tools=[{"type": "function", "function": strict}],
        tool_choice="auto",
        response_format=Report,
    )
    message = answer.choices[0].message
    if message.tool_calls:
        # A provider that cannot do both may only be asked for a call.
        fits_weather(json.loads(message.tool_calls[0].function.arguments))
    else:
        assert isinstance(message.parsed, Report)


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gemini-2.5-flash"])
def test_json_mode_gives_an_object(model):
    answer = ask(model, user("Answer in JSON"), response_format={"type": "json_object"})
    assert isinstance(json.loads(answer.choices[0].message.content), dict)


def test_json_mode_becomes_an_instruction_where_there_is_none():
    ask("claude-sonnet-4-5", user("Answer in JSON"), response_format={"type": "json_object"})
    assert "json" in system_text(sent()["body"]).lower()


@pytest.mark.parametrize("model", ALL)
def test_a_picture_is_seen(model):
    content = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64_of(PNG)}", "detail": "low"}},
    ]
    answer = ask(model, [{"role": "user", "content": content}]).choices[0].message.content
    assert answer.startswith(PNG_SEEN)


@pytest.mark.parametrize("model", ["gpt-4o-mini", "claude-sonnet-4-5"])
def test_a_picture_elsewhere_is_named(model):
    content = [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "text", "text": "What is it?"},
    ]
    answer = ask(model, [{"role": "user", "content": content}]).choices[0].message.content
    assert answer.startswith("I see 1 image (https://example.com/a.png)")


@pytest.mark.parametrize("model", PLAIN)
def test_a_document_is_seen(model):
    file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{base64_of(PDF)}"}
    content = [{"type": "file", "file": file}, {"type": "text", "text": "Sum it up"}]
    answer = ask(model, [{"role": "user", "content": content}]).choices[0].message.content
    assert answer.startswith(PDF_SEEN)


@pytest.mark.parametrize("model", ["gpt-4o-audio-preview", "gemini-2.5-flash"])
def test_a_sound_is_heard(model):
    audio = {"data": base64_of(b"RIFF....WAVE"), "format": "wav"}
    content = [{"type": "input_audio", "input_audio": audio}, {"type": "text", "text": "What is said?"}]
    answer = ask(model, [{"role": "user", "content": content}]).choices[0].message.content
    assert answer.startswith("I see 1 audio (audio/wav, 12 bytes)")


@pytest.mark.parametrize("role", ["system", "developer"])
@pytest.mark.parametrize("model", ALL)
def test_a_system_prompt_reaches_the_provider(model, role):
    messages = [{"role": role, "content": "Speak like a pirate."}] + user("Hi there")
    answer = ask(model, messages)
    assert answer.choices[0].message.content.startswith('You asked: "Hi there".')
    assert "Speak like a pirate." in system_text(sent()["body"])


@pytest.mark.parametrize("model", PLAIN)
def test_a_later_system_message_is_not_lost(model):
    messages = [
        {"role": "system", "content": "Be brief."},
        *user("One"),
        {"role": "assistant", "content": "1"},
        {"role": "system", "content": "Now speak Latin."},
        *user("Two"),
    ]
    ask(model, messages)
    assert "Now speak Latin." in json.dumps(sent()["body"])


@pytest.mark.parametrize("model", ALL)
def test_several_turns_arrive_in_order(model):
    messages = user("First") + [{"role": "assistant", "content": "Indeed."}] + user("Second and last")
    answer = ask(model, messages)
    assert answer.choices[0].message.content.startswith('You asked: "Second and last".')
    body = sent()["body"]
    roles = [turn["role"] for turn in body.get("contents") or body["messages"]]
    assert roles in (["user", "assistant", "user"], ["user", "model", "user"])


@pytest.mark.parametrize("stop", ["asked", ["asked", "never"]])
@pytest.mark.parametrize("model", PLAIN + ["gemini-3-pro-preview"])
def test_a_stop_string_ends_the_answer(model, stop):
    choice = ask(model, user("Hi"), stop=stop).choices[0]
    assert choice.message.content.strip() == "You"
    assert choice.finish_reason == "stop"


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("model", ALL)
def test_a_limit_ends_the_answer(model, field):
    answer = ask(model, user("Hi"), **{field: 40})
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 40
    chunks = [c for c in ask(model, user("Hi"), stream=True, **{field: 40}) if c.choices]
    assert chunks[-1].choices[0].finish_reason == "length"


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gemini-2.5-flash"])
def test_several_choices_are_told_apart(model):
    answer = ask(model, user("Hi"), n=2)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.choices[1].message.content.startswith("You asked:")
    texts = {0: "", 1: ""}
    for chunk in ask(model, user("Hi"), n=2, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == {choice.index: choice.message.content for choice in answer.choices}


@pytest.mark.parametrize("model", ALL)
def test_every_sampling_field_is_taken(model):
    raw = client.chat.completions.with_raw_response.create(
        model=model,
        messages=user("Hi"),
        temperature=0.7,
        top_p=0.9,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=0.1,
        logit_bias={"50256": -100},
        user="user-1",
        metadata={"team": "a"},
    )
    assert raw.parse().choices[0].message.content.startswith("You asked:")
    losses = raw.headers.get("x-tollgate-losses", "")
    if model != "gpt-4o-mini":
        assert "logit_bias" in losses


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "gemini-2.5-flash"])
def test_a_strict_request_refuses_to_lose_anything(model):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(model, user("Hi"), logit_bias={"50256": -100}, extra_headers={"x-tollgate-strict": "true"})
    assert caught.value.param == "logit_bias"


def test_a_refusal_is_shown_as_one():
    message = ask("gpt-4o-mini", user("Hi #mock finish=refusal")).choices[0].message
    assert message.refusal and message.content is None


@pytest.mark.parametrize("model", PLAIN)
def test_a_filtered_answer_says_so(model):
    assert ask(model, user("Hi #mock finish=content_filter")).choices[0].finish_reason == "content_filter"


def test_citations_come_as_annotations():
    message = ask("gpt-4o-mini", user("Hi #mock citations")).choices[0].message
    assert message.annotations[0].url_citation.url == "https://example.com/source"


@pytest.mark.parametrize("model", PLAIN)
def test_a_cached_prompt_is_counted_as_such(model):
    part = {"type": "text", "text": f"{model}: " + "long text " * 1500, "cache_control": {"type": "ephemeral"}}
    if model == "gpt-4o-mini":
        del part["cache_control"]
    messages = [{"role": "user", "content": [part]}]
    ask(model, messages)
    usage = ask(model, messages).usage
    assert 0 < usage.prompt_tokens_details.cached_tokens <= usage.prompt_tokens
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_the_clients_own_headers_and_key_stay_here():
    ask("gpt-4o-mini", user("Hi"))
    headers = sent()["headers"]
    assert headers["authorization"] == "Bearer demo"
    assert not [name for name in headers if name.startswith("x-stainless")]
    assert headers["user-agent"].startswith("tollgate/")


@pytest.mark.parametrize("model", PLAIN)
def test_a_request_id_is_given(model):
    answer = ask(model, user("Hi"))
    assert answer._request_id

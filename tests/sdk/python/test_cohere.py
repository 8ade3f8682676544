"""Cohere's SDK: its chat v2 onto every provider, Cohere among them."""

import asyncio
import json

import cohere
import pytest
from cohere.core.api_error import ApiError

from gateway import ALL, EACH, KEY, PLAIN, PNG, PNG_SEEN, URL, WEATHER, base64_of, fits_weather, sent

client = cohere.ClientV2(api_key=KEY, base_url=URL, timeout=20)
COMMAND = "cohere/command-a-03-2025"
EVERY = [COMMAND, *dict.fromkeys(ALL + EACH)]
SOME = [COMMAND, *PLAIN]
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather", "parameters": WEATHER},
}
NO_RETRY = {"max_retries": 0}


def user(text):
    return [{"role": "user", "content": text}]


def words(parts):
    return "".join(part.text for part in parts or [] if part.type == "text")


@pytest.mark.parametrize("model", EVERY)
def test_chat_answers(model):
    answer = client.chat(model=model, messages=user("Tell me of rain"))
    assert answer.id and answer.finish_reason == "COMPLETE" and answer.message.role == "assistant"
    assert words(answer.message.content).startswith('You asked: "Tell me of rain".')
    assert not answer.message.tool_calls
    assert answer.usage.billed_units.input_tokens > 0 and answer.usage.tokens.output_tokens >= 60


@pytest.mark.parametrize("model", EVERY)
def test_a_stream_says_what_the_whole_answer_says(model):
    whole = client.chat(model=model, messages=user("Tell me of snow"))
    events = list(client.chat_stream(model=model, messages=user("Tell me of snow")))
    assert events[0].type == "message-start" and events[0].id
    assert events[-1].type == "message-end" and events[-1].delta.finish_reason == "COMPLETE"
    deltas = [event for event in events if event.type == "content-delta"]
    said = "".join(event.delta.message.content.text or "" for event in deltas)
    assert said == words(whole.message.content) and len(deltas) > 5
    used = events[-1].delta.usage.billed_units
    assert used.output_tokens == whole.usage.billed_units.output_tokens


@pytest.mark.parametrize("model", EVERY)
def test_tools_are_called_and_their_results_are_heard(model):
    messages = user("What is the weather? parallel")
    answer = client.chat(model=model, messages=messages, tools=[TOOL])
    assert answer.finish_reason == "TOOL_CALL" and len(answer.message.tool_calls) == 2
    messages.append(answer.message)
    for call, degrees in zip(answer.message.tool_calls, (18, 19), strict=True):
        assert call.function.name == "get_weather"
        fits_weather(json.loads(call.function.arguments))
        document = {"type": "document", "document": {"data": f"{degrees} degrees"}}
        messages.append({"role": "tool", "tool_call_id": call.id, "content": [document]})
    second = client.chat(model=model, messages=messages, tools=[TOOL])
    assert words(second.message.content) == "The tool said: 18 degrees\nThe tool said: 19 degrees"


@pytest.mark.parametrize("model", EVERY)
def test_calls_stream_in_pieces(model):
    events = list(client.chat_stream(model=model, messages=user("Weather? parallel"), tools=[TOOL]))
    names, arguments = {}, {}
    for event in events:
        if event.type == "tool-call-start":
            names[event.index] = event.delta.message.tool_calls.function.name
            arguments[event.index] = event.delta.message.tool_calls.function.arguments or ""
        if event.type == "tool-call-delta":
            arguments[event.index] += event.delta.message.tool_calls.function.arguments
    assert list(names.values()) == ["get_weather"] * 2
    for text in arguments.values():
        fits_weather(json.loads(text))
    assert events[-1].delta.finish_reason == "TOOL_CALL"


@pytest.mark.parametrize("model", SOME)
def test_a_tool_can_be_demanded_and_forbidden(model):
    asked = {"model": model, "messages": user("What is the weather? no tool"), "tools": [TOOL]}
    assert client.chat(**asked, tool_choice="REQUIRED").message.tool_calls
    assert not client.chat(**asked, tool_choice="NONE").message.tool_calls


@pytest.mark.parametrize("model", SOME)
def test_an_answer_has_the_wanted_form(model):
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string"}, "year": {"type": "integer"}},
        "required": ["title", "year"],
        "additionalProperties": False,
    }
    form = {"type": "json_object", "json_schema": schema}
    answer = client.chat(model=model, messages=user("A book"), response_format=form)
    assert set(json.loads(words(answer.message.content))) == {"title", "year"}


@pytest.mark.parametrize("model", SOME)
def test_a_picture_is_seen(model):
    url = {"url": f"data:image/png;base64,{base64_of(PNG)}"}
    parts = [{"type": "image_url", "image_url": url}, {"type": "text", "text": "What is this?"}]
    answer = client.chat(model=model, messages=user(parts))
    assert words(answer.message.content).startswith(PNG_SEEN)


@pytest.mark.parametrize("model", ["cohere/command-a-reasoning-08-2025", "claude-sonnet-4-5", "gemini-2.5-flash"])
def test_thought_is_shown_apart_from_words(model):
    thinking = {"type": "enabled", "token_budget": 1024}
    answer = client.chat(model=model, messages=user("Why?"), thinking=thinking)
    thought = "".join(part.thinking for part in answer.message.content if part.type == "thinking")
    assert thought.startswith("Let me think about this.")
    assert words(answer.message.content).startswith('You asked: "Why?".')
    events = client.chat_stream(model=model, messages=user("Why?"), thinking=thinking)
    deltas = [event.delta.message.content for event in events if event.type == "content-delta"]
    assert "".join(content.thinking or "" for content in deltas) == thought


@pytest.mark.parametrize("model", EVERY)
def test_documents_are_read_by_whoever_is_asked(model):
    documents = ["A mock says so.", {"id": "doc1", "data": {"text": "Another says so too."}}]
    answer = client.chat(model=model, messages=user("Who says so?"), documents=documents)
    assert answer.finish_reason == "COMPLETE" and words(answer.message.content)
    body = json.dumps(sent()["body"])
    for text in ("A mock says so.", "Another says so too."):
        assert text in body or base64_of(text.encode()) in body


def test_what_only_cohere_knows_reaches_it():
    client.chat(
        model=COMMAND,
        messages=user("Hi"),
        safety_mode="STRICT",
        citation_options={"mode": "FAST"},
        strict_tools=True,
        tools=[TOOL],
        logprobs=True,
        k=3,
        priority=7,
    )
    body = sent()["body"]
    asked = {name: body[name] for name in ("safety_mode", "strict_tools", "logprobs", "k", "priority")}
    assert asked == {"safety_mode": "STRICT", "strict_tools": True, "logprobs": True, "k": 3, "priority": 7}
    assert body["citation_options"] == {"mode": "FAST"} and body["model"] == "command-a-03-2025"


# Claude is asked for it in words, and a fake one does not hear them.
@pytest.mark.parametrize("model", [model for model in SOME if not model.startswith("claude")])
def test_free_json_is_json(model):
    form = {"type": "json_object"}
    answer = client.chat(model=model, messages=user("A book, as JSON"), response_format=form)
    assert isinstance(json.loads(words(answer.message.content)), dict)


@pytest.mark.parametrize("model", EVERY)
def test_the_asynchronous_client_is_answered_too(model):
    async def ask():
        async with cohere.AsyncClientV2(api_key=KEY, base_url=URL, timeout=20) as both:
            whole = await both.chat(model=model, messages=user("Tell me of fog"))
            events = [event async for event in both.chat_stream(model=model, messages=user("Tell me of fog"))]
            return whole, events

    whole, events = asyncio.run(ask())
    deltas = [event.delta.message.content.text for event in events if event.type == "content-delta"]
    assert "".join(text or "" for text in deltas) == words(whole.message.content)


def test_models_are_listed_and_found():
    listed = {model.name: model for model in client.models.list(page_size=1000).models}
    assert set(PLAIN) <= set(listed) and listed["gpt-4o-mini"].endpoints == ["chat"]
    assert client.models.get("gpt-4o-mini").context_length == listed["gpt-4o-mini"].context_length > 0
    with pytest.raises(cohere.NotFoundError):
        client.models.get("no-such-model")
    with pytest.raises(cohere.NotFoundError):
        client.chat(model="no-such-model", messages=user("Hi"))


def test_documents_are_cited():
    documents = [{"id": "doc:0", "data": {"title": "Mocks", "snippet": "A mock says so."}}]
    answer = client.chat(model=COMMAND, messages=user("Who says so?"), documents=documents)
    assert answer.message.citations[0].sources[0].document["title"] == "Mocks"
    assert sent()["path"] == "/v2/chat"


@pytest.mark.parametrize("model", SOME)
def test_options_steer_the_answer(model):
    answer = client.chat(model=model, messages=user("Tell me of rain"), max_tokens=20, temperature=0.3, p=0.9)
    assert answer.finish_reason == "MAX_TOKENS" and answer.usage.billed_units.output_tokens == 20


@pytest.mark.parametrize("model", SOME)
def test_an_error_is_the_sdks_own(model):
    with pytest.raises(cohere.TooManyRequestsError) as refused:
        client.chat(model=model, messages=user("#mock error=429"), request_options=NO_RETRY)
    assert refused.value.status_code == 429 and refused.value.body["message"]
    with pytest.raises(ApiError) as refused:
        client.chat(model=model, messages=user("#mock error=401"), request_options=NO_RETRY)
    events = list(client.chat_stream(model=model, messages=user("#mock stream_error=3")))
    assert events[-1].delta.finish_reason == "ERROR" and events[-1].delta.error

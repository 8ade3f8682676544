"""Thinking: shown, counted, and carried through loops of tools from provider to provider."""

import json

import pytest
from google.genai import types

from gateway import WEATHER, anthropic_client, genai_client, openai_client, sent

openai = openai_client()
anthropic = anthropic_client()
genai = genai_client()

CHAT_TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}
MESSAGES_TOOL = {"name": "get_weather", "input_schema": WEATHER}
GENAI_TOOL = types.Tool(
    function_declarations=[types.FunctionDeclaration(name="get_weather", parameters_json_schema=WEATHER)]
)
THINKING = {"type": "enabled", "budget_tokens": 1024}

SHOWING = ["claude-sonnet-4-5", "claude-opus-4-6", "gemini-2.5-flash", "gemini-3-pro-preview"]
HIDING = ["gpt-5", "o3"]
THOUGHT = "Let me think about this."
# A loop of three turns, and who serves each of them.
RELAYS = [
    ["claude-sonnet-4-5"] * 3,
    ["claude-opus-4-6"] * 3,
    ["gemini-3-pro-preview"] * 3,
    ["gemini-2.5-flash"] * 3,
    ["gpt-5"] * 3,
    ["claude-sonnet-4-5", "gpt-5", "claude-sonnet-4-5"],
    ["claude-sonnet-4-5", "gemini-3-pro-preview", "claude-sonnet-4-5"],
    ["gemini-3-pro-preview", "claude-sonnet-4-5", "gemini-3-pro-preview"],
    ["gemini-3-pro-preview", "gpt-5", "gemini-3-pro-preview"],
    ["gpt-5", "claude-sonnet-4-5", "gemini-3-pro-preview"],
    ["gpt-4o-mini", "gemini-3-pro-preview", "claude-opus-4-6"],
    ["gemini-2.5-flash", "claude-opus-4-6", "o3"],
]
relays = pytest.mark.parametrize("models", RELAYS, ids=" ".join)


def signatures_sent() -> list[str]:
    """Signatures of thought in what last reached the provider."""
    found = []

    def look(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key in ("signature", "thoughtSignature", "thought_signature"):
                    found.append(inner)
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    look(sent()["body"])
    return found


# OpenAI's SDK


@pytest.mark.parametrize("model", SHOWING)
def test_chat_shows_the_thought_and_counts_it(model):
    asked = {"model": model, "messages": [{"role": "user", "content": "Why?"}], "reasoning_effort": "low"}
    answer = openai.chat.completions.create(**asked)
    message = answer.choices[0].message
    assert message.reasoning_content.startswith(THOUGHT)
    assert message.content.startswith("You asked:")
    assert answer.usage.completion_tokens_details.reasoning_tokens > 0
    stream = openai.chat.completions.create(**asked, stream=True)
    deltas = [chunk.choices[0].delta for chunk in stream if chunk.choices]
    thought = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert thought == message.reasoning_content
    assert "".join(delta.content or "" for delta in deltas) == message.content


@pytest.mark.parametrize("model", HIDING)
def test_chat_counts_a_hidden_thought(model):
    answer = openai.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Why?"}], reasoning_effort="high"
    )
    assert answer.usage.completion_tokens_details.reasoning_tokens == 64
    assert answer.usage.completion_tokens > 64


def test_chat_shows_claudes_signature():
    answer = openai.chat.completions.create(
        model="claude-sonnet-4-5", messages=[{"role": "user", "content": "Why?"}], reasoning_effort="low"
    )
    [block] = answer.choices[0].message.thinking_blocks
    assert block["type"] == "thinking" and block["signature"] and block["thinking"].startswith(THOUGHT)


@pytest.mark.parametrize("effort", ["none", "minimal", "low", "medium", "high", "xhigh"])
@pytest.mark.parametrize("model", [*SHOWING, *HIDING])
def test_chat_takes_every_effort(model, effort):
    answer = openai.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Why?"}], reasoning_effort=effort
    )
    assert answer.choices[0].message.content.startswith("You asked:")


@pytest.mark.parametrize("model", SHOWING)
def test_a_small_limit_leaves_room_for_the_answer(model):
    answer = openai.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "Why?"}],
        reasoning_effort="high",
        max_completion_tokens=300,
    )
    assert answer.choices[0].message.content


def chat_turn(model, messages, streamed):
    asked = {"model": model, "messages": messages, "tools": [CHAT_TOOL]}
    if model != "gpt-4o-mini":
        asked["reasoning_effort"] = "low"
    if not streamed:
        return openai.chat.completions.create(**asked).choices[0].message.model_dump(exclude_none=True)
    message = {"role": "assistant", "content": "", "tool_calls": []}
    for chunk in openai.chat.completions.create(**asked, stream=True):
        for choice in chunk.choices:
            delta = choice.delta.model_dump(exclude_none=True)
            message["content"] += delta.pop("content", None) or ""
            for call in delta.pop("tool_calls", None) or []:
                index = call.pop("index")
                if index == len(message["tool_calls"]):
                    message["tool_calls"].append(call)
                else:
                    function = message["tool_calls"][index]["function"]
                    function["arguments"] += call["function"].get("arguments") or ""
            for block in delta.pop("thinking_blocks", None) or []:
                blocks = message.setdefault("thinking_blocks", [])
                if blocks and blocks[-1]["type"] == block["type"] == "thinking" and not blocks[-1].get("signature"):
                    blocks[-1]["thinking"] += block.get("thinking") or ""
                    blocks[-1]["signature"] = block.get("signature")
                else:
                    blocks.append(block)
    if not message["tool_calls"]:
        del message["tool_calls"]
    return message


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@relays
def test_chat_carries_thought_through_a_loop(models, streamed):
    messages = [{"role": "user", "content": "Weather?"}]
    first = chat_turn(models[0], messages, streamed)
    [call] = first["tool_calls"]
    messages += [first, {"role": "tool", "tool_call_id": call["id"], "content": "18 degrees"}]
    second = chat_turn(models[1], messages, streamed)
    assert second["content"] == "The tool said: 18 degrees"
    if models[0] == models[1] and models[0].startswith(("claude", "gemini-3")):
        assert signatures_sent(), "the signature was lost on its way back"
    messages += [second, {"role": "user", "content": "And tomorrow?"}]
    third = chat_turn(models[2], messages, streamed)
    assert len(third["tool_calls"]) == 1
    if models[0] == models[2] and models[0].startswith(("claude", "gemini-3")):
        assert signatures_sent(), "the signature was lost on its way back"


# Anthropic's SDK


@pytest.mark.parametrize("model", SHOWING)
def test_messages_show_the_thought(model):
    asked = {"model": model, "max_tokens": 4000, "messages": [{"role": "user", "content": "Why?"}]}
    asked["thinking"] = {"type": "adaptive", "display": "summarized"} if "4-6" in model else THINKING
    message = anthropic.messages.create(**asked)
    kinds = [block.type for block in message.content]
    assert kinds[:2] == ["thinking", "text"]
    assert message.content[0].thinking.startswith(THOUGHT)
    if model.startswith("claude"):
        assert message.content[0].signature
    with anthropic.messages.stream(**asked) as stream:
        final = stream.get_final_message()
    assert [block.type for block in final.content] == kinds
    assert final.content[0].thinking == message.content[0].thinking
    assert final.content[1].text == message.content[1].text


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@relays
def test_messages_carry_thought_through_a_loop(models, streamed):
    def turn(model):
        asked = {"model": model, "max_tokens": 4000, "messages": messages, "tools": [MESSAGES_TOOL]}
        asked["thinking"] = {"type": "adaptive"} if "4-6" in model else THINKING
        if streamed:
            with anthropic.messages.stream(**asked) as stream:
                return stream.get_final_message().content
        return anthropic.messages.create(**asked).content

    messages = [{"role": "user", "content": "Weather?"}]
    first = turn(models[0])
    [call] = [block for block in first if block.type == "tool_use"]
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "18 degrees"}
    messages += [{"role": "assistant", "content": first}, {"role": "user", "content": [result]}]
    second = turn(models[1])
    assert [block.text for block in second if block.type == "text"] == ["The tool said: 18 degrees"]
    if models[0] == models[1] and models[0].startswith(("claude", "gemini-3")):
        assert signatures_sent(), "the signature was lost on its way back"
    messages += [{"role": "assistant", "content": second}, {"role": "user", "content": "And tomorrow?"}]
    third = turn(models[2])
    assert [block.name for block in third if block.type == "tool_use"] == ["get_weather"]
    if models[0] == models[2] and models[0].startswith(("claude", "gemini-3")):
        assert signatures_sent(), "the signature was lost on its way back"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_redacted_thought_survives_a_loop(streamed):
    messages = [{"role": "user", "content": "Weather? #mock redacted"}]
    first = chat_turn("claude-sonnet-4-5", messages, streamed)
    assert first["thinking_blocks"][0]["type"] == "redacted_thinking"
    messages += [first, {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "dry"}]
    assert chat_turn("claude-sonnet-4-5", messages, streamed)["content"] == "The tool said: dry"
    assert "redacted_thinking" in json.dumps(sent()["body"])


# Google's SDK


def thinking_config(model):
    if model.startswith("gemini-3"):
        return types.ThinkingConfig(include_thoughts=True, thinking_level="LOW")
    return types.ThinkingConfig(include_thoughts=True, thinking_budget=1024)


@pytest.mark.parametrize("model", SHOWING)
def test_generate_content_shows_the_thought(model):
    config = types.GenerateContentConfig(thinking_config=thinking_config(model))
    answer = genai.models.generate_content(model=model, contents="Why?", config=config)
    parts = answer.candidates[0].content.parts
    thought = "".join(part.text for part in parts if part.thought)
    assert thought.startswith(THOUGHT)
    assert answer.text.startswith("You asked:")
    assert answer.usage_metadata.thoughts_token_count > 0
    chunks = genai.models.generate_content_stream(model=model, contents="Why?", config=config)
    parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts or []]
    assert "".join(part.text for part in parts if part.thought) == thought
    assert "".join(part.text or "" for part in parts if not part.thought) == answer.text


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
@relays
def test_generate_content_carries_thought_through_a_loop(models, streamed):
    def turn(model):
        config = types.GenerateContentConfig(
            tools=[GENAI_TOOL],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            thinking_config=thinking_config(model),
        )
        asked = {"model": model, "contents": contents, "config": config}
        if not streamed:
            return genai.models.generate_content(**asked).candidates[0].content
        chunks = genai.models.generate_content_stream(**asked)
        parts = [part for chunk in chunks for part in chunk.candidates[0].content.parts or []]
        return types.Content(role="model", parts=parts)

    contents = [types.Content(role="user", parts=[types.Part.from_text(text="Weather?")])]
    first = turn(models[0])
    [call] = [part.function_call for part in first.parts if part.function_call]
    result = types.Part.from_function_response(name=call.name, response={"result": "18 degrees"})
    result.function_response.id = call.id
    contents += [first, types.Content(role="user", parts=[result])]
    second = turn(models[1])
    spoken = "".join(part.text or "" for part in second.parts if not part.thought)
    assert spoken.startswith("The tool said: ") and "18 degrees" in spoken
    if models[0] == models[1] and models[0].startswith(("claude", "gemini-3")):
        assert signatures_sent(), "the signature was lost on its way back"
    again = types.Content(role="user", parts=[types.Part.from_text(text="And tomorrow?")])
    contents += [second, again]
    third = turn(models[2])
    assert [part.function_call.name for part in third.parts if part.function_call] == ["get_weather"]

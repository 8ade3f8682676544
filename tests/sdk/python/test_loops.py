"""The loops in which the SDKs run tools by themselves and keep a conversation."""

import anthropic
import pytest
from google.genai import types

from gateway import ALL, PLAIN, anthropic_client, genai_client

messages = anthropic_client()
generate = genai_client()
TOLD = "The tool said: 18 degrees in"


def weather(asked):
    @anthropic.beta_tool
    def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return f"18 degrees in {city}"

    return get_weather


@pytest.mark.parametrize("model", ALL)
def test_anthropics_runner_runs_parallel_tools(model):
    asked = []
    runner = messages.beta.messages.tool_runner(
        model=model,
        max_tokens=1000,
        messages=[{"role": "user", "content": "The weather of two cities in parallel"}],
        tools=[weather(asked)],
    )
    final = runner.until_done()
    # Much code takes the last block for the answer.
    assert final.content[-1].text == f"{TOLD} Paris\n{TOLD} Tokyo"
    assert asked == ["Paris", "Tokyo"]


@pytest.mark.parametrize("model", PLAIN)
def test_anthropics_runner_runs_streams(model):
    asked = []
    runner = messages.beta.messages.tool_runner(
        model=model,
        max_tokens=1000,
        messages=[{"role": "user", "content": "The weather"}],
        tools=[weather(asked)],
        stream=True,
    )
    reasons = []
    for stream in runner:
        final = stream.get_final_message()
        reasons.append(final.stop_reason)
    assert reasons == ["tool_use", "end_turn"]
    assert final.content[-1].text == f"{TOLD} Paris" and asked == ["Paris"]


@pytest.mark.parametrize("model", ALL)
def test_googles_sdk_calls_functions_by_itself(model):
    asked = []

    def get_weather(city: str) -> dict:
        """The weather of a city."""
        asked.append(city)
        return {"output": f"18 degrees in {city}"}

    chat = generate.chats.create(model=model, config=types.GenerateContentConfig(tools=[get_weather]))
    answer = chat.send_message("The weather of two cities in parallel")
    assert f"18 degrees in {asked[0]}" in answer.text and asked == ["Paris", "Tokyo"]


@pytest.mark.parametrize("model", PLAIN)
def test_googles_chats_remember(model):
    chat = generate.chats.create(model=model)
    assert chat.send_message("One").text
    assert "".join(chunk.text or "" for chunk in chat.send_message_stream("Two"))
    assert chat.send_message("Three").text.startswith('You asked: "Three"')

"""OpenAI's agents run tools, hand over and stream, by chat and by Responses, on each provider's dialect."""

import asyncio

import openai
import pytest
from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool
from agents import set_tracing_disabled
from openai.types.shared import Reasoning

from gateway import EACH, openai_client
from shapes import Report

# Traces would go to OpenAI.
set_tracing_disabled(True)

each = pytest.mark.parametrize("name", EACH)
every = pytest.mark.parametrize("kind", [OpenAIChatCompletionsModel, OpenAIResponsesModel], ids=["chat", "responses"])


def settings(kind):
    sealed = ["reasoning.encrypted_content"] if kind is OpenAIResponsesModel else None
    return ModelSettings(
        reasoning=Reasoning(effort="low", summary="auto"), include_usage=True, store=False, response_include=sealed
    )


@each
@every
def test_agents_work_hand_over_and_go_on(kind, name):
    model = kind(model=name, openai_client=openai_client(kind=openai.AsyncOpenAI))
    asked = []

    @function_tool
    async def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return f"18 degrees in {city}"

    worker = Agent(name="Worker", model=model, tools=[get_weather], model_settings=settings(kind))
    leader = Agent(name="Leader", model=model, handoffs=[worker], model_settings=settings(kind))

    async def talk():
        first = await Runner.run(worker, "The weather of two cities in parallel")
        assert asked == ["Paris", "Tokyo"]
        assert "18 degrees in Paris" in first.final_output and "18 degrees in Tokyo" in first.final_output
        stream = Runner.run_streamed(worker, [*first.to_input_list(), {"role": "user", "content": "And tomorrow?"}])
        names = [event.name async for event in stream.stream_events() if event.type == "run_item_stream_event"]
        assert [name for name in names if name.startswith(("tool", "message"))] == (
            ["tool_called", "tool_output", "message_output_created"]
        )
        assert "18 degrees in" in stream.final_output and len(asked) == 3
        usage = stream.context_wrapper.usage
        assert usage.requests == 2 and usage.input_tokens > 0 and usage.output_tokens > 0
        handed = await Runner.run(leader, "Ask somebody who knows")
        assert handed.last_agent is worker

    asyncio.run(talk())


@each
@every
def test_an_agents_output_has_its_type(kind, name):
    model = kind(model=name, openai_client=openai_client(kind=openai.AsyncOpenAI))
    agent = Agent(name="Reporter", model=model, output_type=Report, model_settings=settings(kind))
    assert isinstance(asyncio.run(Runner.run(agent, "Report")).final_output, Report)

"""Pydantic AI, with its model of each API, runs an agent on each provider's dialect."""

import asyncio

import anthropic
import openai
import pytest
from pydantic_ai import Agent, NativeOutput, ToolOutput
from pydantic_ai.messages import ThinkingPart
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.bedrock import BedrockConverseModel
from pydantic_ai.models.google import GoogleModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.bedrock import BedrockProvider
from pydantic_ai.providers.google import GoogleProvider
from pydantic_ai.providers.openai import OpenAIProvider

from gateway import EACH, anthropic_client, bedrock_client, genai_client, openai_client
from shapes import Report


def chat(name):
    client = openai_client(kind=openai.AsyncOpenAI)
    return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=client)), {"openai_reasoning_effort": "low"}


def responses(name):
    client = openai_client(kind=openai.AsyncOpenAI)
    settings = {"openai_reasoning_effort": "low", "openai_reasoning_summary": "auto"}
    return OpenAIResponsesModel(name, provider=OpenAIProvider(openai_client=client)), settings


def messages(name):
    client = anthropic_client(kind=anthropic.AsyncAnthropic)
    thinking = {"type": "enabled", "budget_tokens": 1024}
    return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client)), {"anthropic_thinking": thinking}


def generate(name):
    config = {"include_thoughts": True, "thinking_level": "low"}
    return GoogleModel(name, provider=GoogleProvider(client=genai_client())), {"google_thinking_config": config}


def converse(name):
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    settings = {"bedrock_additional_model_requests_fields": thinking}
    return BedrockConverseModel(name, provider=BedrockProvider(bedrock_client=bedrock_client())), settings


each = pytest.mark.parametrize("name", EACH)
every = pytest.mark.parametrize("say", [chat, responses, messages, generate, converse])


@each
@every
def test_an_agent_runs_tools_thinks_and_remembers(say, name):
    model, settings = say(name)
    agent = Agent(model, model_settings={"max_tokens": 4000, **settings}, instructions="Be brief.")
    asked = []

    @agent.tool_plain
    async def get_weather(city: str) -> str:
        """The weather of a city."""
        asked.append(city)
        return f"18 degrees in {city}"

    async def talk():
        first = await agent.run("The weather of two cities in parallel")
        assert asked == ["Paris", "Tokyo"]
        assert "18 degrees in Paris" in first.output and "18 degrees in Tokyo" in first.output
        assert first.usage.requests == 2 and first.usage.input_tokens > 0 and first.usage.output_tokens > 0
        second = await agent.run("And tomorrow?", message_history=first.all_messages())
        assert "18 degrees in" in second.output and len(asked) == 3
        async with agent.run_stream("And then?", message_history=second.all_messages()) as stream:
            told = "".join([piece async for piece in stream.stream_text(delta=True)])
        assert "18 degrees in" in told and len(asked) == 4
        assert stream.usage.output_tokens > 0
        return stream.all_messages()

    parts = [part for message in asyncio.run(talk()) for part in message.parts]
    # OpenAI shows no thoughts in chat.
    if not name.startswith("gpt-5") or say is responses:
        assert any(isinstance(part, ThinkingPart) for part in parts)


@pytest.mark.parametrize("way", [ToolOutput, NativeOutput])
@each
@every
def test_an_output_has_its_type(say, name, way):
    model, _ = say(name)
    if way is NativeOutput and not model.profile.get("supports_json_schema_output"):
        pytest.skip("it does not ask this model for it")
    agent = Agent(model, output_type=way(Report))

    async def ask():
        whole = await agent.run("Report")
        async with agent.run_stream("Report") as stream:
            return whole.output, await stream.get_output()

    for output in asyncio.run(ask()):
        assert isinstance(output, Report)

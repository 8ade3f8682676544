"""LangChain, with its model of each API, keeps up a conversation with each provider's dialect."""

import pytest
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from gateway import EACH, KEY, URL
from shapes import Report


def chat(name):
    # By itself it would speak Responses with some models.
    return openai(name, use_responses_api=False, stream_usage=True)


def responses(name):
    reasoning = {"effort": "low", "summary": "auto"}
    include = ["reasoning.encrypted_content"]
    return openai(name, use_responses_api=True, store=False, reasoning=reasoning, include=include)


def openai(name, **more):
    return ChatOpenAI(model=name, base_url=f"{URL}/v1", api_key=KEY, max_retries=0, **more)


def messages(name, **more):
    return ChatAnthropic(model=name, base_url=URL, api_key=KEY, max_retries=0, max_tokens=4000, **more)


def thinking(name):
    return messages(name, thinking={"type": "enabled", "budget_tokens": 1024})


def generate(name):
    return ChatGoogleGenerativeAI(model=name, base_url=URL, google_api_key=KEY, max_retries=1, include_thoughts=True)


def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"18 degrees in {city}"


def add_up(stream):
    whole = None
    for chunk in stream:
        whole = chunk if whole is None else whole + chunk
    return whole


each = pytest.mark.parametrize("name", EACH)


@each
@pytest.mark.parametrize("say", [chat, responses, thinking, generate])
def test_a_conversation_of_three_turns_uses_tools(say, name):
    model = say(name).bind_tools([get_weather])
    talk = [HumanMessage("The weather of two cities in parallel")]

    def answered(reply):
        assert reply.usage_metadata["input_tokens"] > 0 and reply.usage_metadata["output_tokens"] > 0
        results = [ToolMessage(get_weather(**call["args"]), tool_call_id=call["id"]) for call in reply.tool_calls]
        talk.extend([reply, *results])
        return reply

    first = answered(model.invoke(talk))
    assert [call["args"] for call in first.tool_calls] == [{"city": "Paris"}, {"city": "Tokyo"}]
    second = answered(add_up(model.stream(talk)))
    assert "18 degrees in Paris" in second.text and "18 degrees in Tokyo" in second.text
    talk.append(HumanMessage("And tomorrow?"))
    third = answered(add_up(model.stream(talk)))
    assert len(third.tool_calls) == 1
    assert "18 degrees in" in model.invoke(talk).text


@each
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("say", [chat, messages, generate])
def test_an_output_has_its_type(say, method, name):
    assert isinstance(say(name).with_structured_output(Report, method=method).invoke("Report"), Report)


@pytest.mark.parametrize("name", ["text-embedding-3-small", "gemini-embedding-001"])
def test_documents_are_embedded(name):
    # Its own tokens are what only OpenAI's models understand.
    vectors = OpenAIEmbeddings(
        model=name, base_url=f"{URL}/v1", api_key=KEY, max_retries=0, check_embedding_ctx_length=False
    ).embed_documents(["one", "two"])
    assert len(vectors) == 2 and vectors[0] != vectors[1]

"""Clients that were made for a cloud, set to the gateway's address."""

import pytest
from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

import anthropic
from gateway import KEY, PLAIN, URL, sent

every = pytest.mark.parametrize("model", PLAIN)
TOOLS = [
    {
        "name": "get_weather",
        "description": "The weather of a city.",
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    }
]


def vertex():
    return anthropic.AnthropicVertex(
        region="europe-west1", project_id="p", access_token=KEY, base_url=f"{URL}/v1", max_retries=0
    )


def bedrock():
    return anthropic.AnthropicBedrock(
        aws_access_key=KEY, aws_secret_key="any", aws_region="us-east-1", base_url=URL, max_retries=0
    )


def foundry():
    return anthropic.AnthropicFoundry(api_key=KEY, base_url=f"{URL}/anthropic", max_retries=0)


def mantle():
    return anthropic.AnthropicBedrockMantle(api_key=KEY, base_url=f"{URL}/anthropic", max_retries=0)


kinds = pytest.mark.parametrize("client", [vertex, bedrock, foundry, mantle])


def user(text):
    return [{"role": "user", "content": text}]


@kinds
@every
def test_claudes_clients_of_each_cloud_get_whole_answers(client, model):
    message = client().messages.create(model=model, max_tokens=50, messages=user("Hi"))
    assert message.content[0].text and message.usage.output_tokens > 0
    assert message.model == model


@kinds
@every
def test_claudes_clients_of_each_cloud_get_streams(client, model):
    with client().messages.stream(model=model, max_tokens=50, messages=user("#mock tokens=7")) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text and message.content[0].text == text
    assert message.stop_reason in ("end_turn", "max_tokens") and message.usage.output_tokens > 0


@kinds
def test_claudes_clients_of_each_cloud_call_tools(client):
    message = client().messages.create(
        model="claude-sonnet-4-5",
        max_tokens=200,
        tools=TOOLS,
        tool_choice={"type": "any"},
        messages=user("What is the weather in Ulm?"),
    )
    assert message.stop_reason == "tool_use" and message.content[-1].name == "get_weather"
    assert sent()["path"] == "/v1/messages"
    assert "anthropic_version" not in sent()["body"]


@kinds
def test_claudes_clients_of_each_cloud_hear_errors_as_their_own(client):
    with pytest.raises(anthropic.RateLimitError) as caught:
        client().messages.create(model="claude-sonnet-4-5", max_tokens=50, messages=user("#mock error=429"))
    assert caught.value.status_code == 429


@pytest.mark.parametrize("client", [bedrock])
def test_betas_in_the_body_reach_claude_as_a_header(client):
    client().beta.messages.create(
        model="claude-sonnet-4-5",
        max_tokens=50,
        betas=["interleaved-thinking-2025-05-14"],
        messages=user("Hi"),
    )
    assert sent()["headers"]["anthropic-beta"] == "interleaved-thinking-2025-05-14"


@every
def test_tokens_are_counted_for_vertexs_client(model):
    count = vertex().messages.count_tokens(model=model, messages=user("How many tokens are these?"))
    assert count.input_tokens > 3


@every
def test_googles_client_of_vertex_names_its_project(model):
    client = genai.Client(
        vertexai=True,
        project="p",
        location="global",
        credentials=Credentials(token=KEY),
        http_options=types.HttpOptions(base_url=URL),
    )
    assert client.models.generate_content(model=model, contents="Hi").text
    chunks = client.models.generate_content_stream(model=model, contents="#mock tokens=5")
    assert "".join(chunk.text or "" for chunk in chunks)
    assert client.models.count_tokens(model=model, contents="How many?").total_tokens > 1

"""Base addresses and credentials as people set them for each SDK."""

import openai
import pytest
from google import genai
from google.genai import types

import anthropic
from gateway import KEY, PLAIN, URL

every = pytest.mark.parametrize("model", PLAIN)


def user(text):
    return [{"role": "user", "content": text}]


@every
def test_azures_client_finds_its_deployments(model):
    version = "2024-10-21"
    by_model = openai.AzureOpenAI(azure_endpoint=URL, api_key=KEY, api_version=version, max_retries=0)
    answer = by_model.chat.completions.create(model=model, messages=user("Hi"))
    assert answer.model == model
    by_deployment = openai.AzureOpenAI(
        azure_endpoint=URL, azure_deployment=model, azure_ad_token=KEY, api_version=version, max_retries=0
    )
    chunks = list(by_deployment.chat.completions.create(model="ours", messages=user("Hi"), stream=True))
    assert {chunk.model for chunk in chunks} == {model}


@pytest.mark.parametrize("model", ["text-embedding-3-small", "gemini-embedding-001"])
def test_azures_client_embeds(model):
    client = openai.AzureOpenAI(azure_endpoint=URL, api_key=KEY, api_version="2024-10-21", max_retries=0)
    assert client.embeddings.create(model=model, input="one").data[0].embedding


@pytest.mark.parametrize("base", ["", "/", "//v1", "/v1/v1/", "/openai/v1", "/v1beta/openai/"])
@every
def test_openais_client_may_write_its_base_in_many_ways(model, base):
    client = openai.OpenAI(base_url=URL + base, api_key=KEY, max_retries=0)
    assert client.chat.completions.create(model=model, messages=user("Hi")).model == model
    assert model in [each.id for each in client.models.list()]


@pytest.mark.parametrize("base", ["/", "/v1", "/anthropic"])
@every
def test_anthropics_client_may_write_its_base_in_many_ways(model, base):
    client = anthropic.Anthropic(base_url=URL + base, api_key=KEY, max_retries=0)
    message = client.messages.create(model=model, max_tokens=50, messages=user("Hi"))
    assert message.model == model
    assert model in [each.id for each in client.models.list()]


def test_anthropics_client_may_show_two_keys():
    ours = {"authorization": f"Bearer {KEY}"}
    client = anthropic.Anthropic(base_url=URL, api_key="sk-ant-own", default_headers=ours, max_retries=0)
    assert client.messages.create(model="gpt-4o-mini", max_tokens=50, messages=user("Hi")).content


@pytest.mark.parametrize("base, version", [("/", None), ("", "v1"), ("/v1beta", None), ("/gemini", "v1beta")])
@every
def test_googles_client_may_write_its_base_in_many_ways(model, base, version):
    options = types.HttpOptions(base_url=URL + base, api_version=version)
    client = genai.Client(api_key=KEY, http_options=options)
    assert client.models.generate_content(model=model, contents="Hi").text
    assert client.models.get(model=model).name == f"models/{model}"


@every
def test_googles_client_may_be_set_for_vertex(model):
    client = genai.Client(vertexai=True, api_key=KEY, http_options=types.HttpOptions(base_url=URL))
    chunks = client.models.generate_content_stream(model=model, contents="Hi")
    assert "".join(chunk.text or "" for chunk in chunks)


def test_what_is_not_served_says_what_to_use_instead():
    client = openai.OpenAI(base_url=f"{URL}/v1", api_key=KEY, max_retries=0)
    with pytest.raises(openai.NotFoundError) as caught:
        client.post("/threads", cast_to=object, body={})
    assert "POST /v1/chat/completions" in caught.value.message

"""Vectors, asked for through OpenAI's and Google's SDKs, of either provider."""

import base64
import math

import openai
import pytest
from google.genai import errors, types

from gateway import genai_client, openai_client

client = openai_client()
google = genai_client()
SIZES = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "gemini-embedding-001": 3072}
models = pytest.mark.parametrize("model", list(SIZES))


def close(one, other):
    return len(one) == len(other) and all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(one, other))


@models
def test_openais_sdk_gets_vectors(model):
    # Unasked, the SDK takes them in base64 and unpacks them.
    answer = client.embeddings.create(model=model, input="a small text")
    assert answer.object == "list" and answer.model == model
    [vector] = answer.data
    assert vector.object == "embedding" and vector.index == 0
    assert len(vector.embedding) == SIZES[model]
    assert answer.usage.prompt_tokens > 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens
    floats = client.embeddings.create(model=model, input="a small text", encoding_format="float")
    assert close(vector.embedding, floats.data[0].embedding)


@models
def test_base64_stays_base64_when_asked_for(model):
    answer = client.embeddings.create(model=model, input="text", encoding_format="base64", dimensions=8)
    assert len(base64.b64decode(answer.data[0].embedding)) == 8 * 4


@models
def test_openais_sdk_gets_the_wanted_size(model):
    answer = client.embeddings.create(model=model, input=["one", "two", "three"], dimensions=64)
    assert [each.index for each in answer.data] == [0, 1, 2]
    assert [len(each.embedding) for each in answer.data] == [64, 64, 64]
    assert answer.data[0].embedding != answer.data[1].embedding


@models
def test_googles_sdk_gets_vectors(model):
    answer = google.models.embed_content(model=model, contents="a small text")
    [vector] = answer.embeddings
    assert len(vector.values) == SIZES[model]
    same = client.embeddings.create(model=model, input="a small text", encoding_format="float")
    assert close(vector.values, same.data[0].embedding)


@models
def test_googles_sdk_gets_the_wanted_size(model):
    config = types.EmbedContentConfig(output_dimensionality=64)
    answer = google.models.embed_content(model=model, contents=["one", "two"], config=config)
    assert [len(each.values) for each in answer.embeddings] == [64, 64]
    assert answer.embeddings[0].values != answer.embeddings[1].values


def test_a_task_type_reaches_gemini():
    config = types.EmbedContentConfig(task_type="RETRIEVAL_QUERY")
    answer = google.models.embed_content(model="gemini-embedding-001", contents="one", config=config)
    assert len(answer.embeddings) == 1


@models
def test_a_fault_is_raised(model):
    with pytest.raises(openai.RateLimitError):
        client.embeddings.create(model=model, input="Hi #mock error=429")
    with pytest.raises(errors.ClientError) as caught:
        google.models.embed_content(model=model, contents="Hi #mock error=429")
    assert caught.value.code == 429


def test_a_model_that_embeds_nothing_is_refused():
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="claude-sonnet-4-5", input="one")


@models
def test_an_empty_input_is_refused(model):
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model=model, input="")

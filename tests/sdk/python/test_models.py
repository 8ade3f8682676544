"""Lists of models, in the shape of each SDK."""

import anthropic
import openai
import pytest
from google.genai import errors

from gateway import PLAIN, anthropic_client, genai_client, openai_client

chat = openai_client()
messages = anthropic_client()
generate = genai_client()


def test_openais_sdk_lists_models():
    models = list(chat.models.list())
    ids = [model.id for model in models]
    assert len(ids) == len(set(ids))
    assert set(PLAIN) <= set(ids)
    for model in models:
        assert model.object == "model" and model.owned_by and isinstance(model.created, int)


def test_anthropics_sdk_lists_models():
    models = list(messages.models.list(limit=1000))
    ids = [model.id for model in models]
    assert len(ids) == len(set(ids)) and set(PLAIN) <= set(ids)
    for model in models:
        assert model.type == "model" and model.display_name and model.created_at.year >= 1970


def test_anthropics_sdk_pages_to_an_end():
    assert len(list(messages.models.list(limit=20))) == len(list(messages.models.list(limit=1000)))


def test_googles_sdk_lists_models():
    models = list(generate.models.list())
    names = [model.name for model in models]
    assert len(names) == len(set(names))
    assert {f"models/{model}" for model in PLAIN} <= set(names)
    by_name = {model.name: model for model in models}
    flash = by_name["models/gemini-2.5-flash"]
    assert flash.input_token_limit > 100_000 and "generateContent" in flash.supported_actions


@pytest.mark.parametrize("model", PLAIN)
def test_one_model_is_found(model):
    assert chat.models.retrieve(model).id == model
    assert messages.models.retrieve(model).id == model
    found = generate.models.get(model=model)
    assert found.name == f"models/{model}"


def test_an_unknown_model_is_not_found():
    with pytest.raises(openai.NotFoundError):
        chat.models.retrieve("no-such-model")
    with pytest.raises(anthropic.NotFoundError):
        messages.models.retrieve("no-such-model")
    with pytest.raises(errors.ClientError) as caught:
        generate.models.get(model="no-such-model")
    assert caught.value.code == 404


def test_a_stranger_sees_no_models():
    with pytest.raises(openai.AuthenticationError):
        openai_client("wrong").models.list()

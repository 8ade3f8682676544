"""Every fault raises the exception that its SDK has for it, whichever provider had it."""

import anthropic
import openai
import pytest
from google.genai import errors, types

from gateway import PLAIN, anthropic_client, genai_client, openai_client

every = pytest.mark.parametrize("model", PLAIN)

chat_client = openai_client()
messages_client = anthropic_client()
generate_client = genai_client()


def chat(words, model, client=chat_client, **more):
    messages = [{"role": "user", "content": words}]
    return client.chat.completions.create(model=model, messages=messages, **more)


def message(words, model, client=messages_client, **more):
    messages = [{"role": "user", "content": words}]
    return client.messages.create(model=model, max_tokens=100, messages=messages, **more)


def generate(words, model, client=generate_client):
    return client.models.generate_content(model=model, contents=words)


def drain(kind, words, model):
    """Reads a stream to its end; the text that came before it broke."""
    text = []
    try:
        if kind == "chat":
            for chunk in chat(words, model, stream=True):
                text += [choice.delta.content or "" for choice in chunk.choices]
        elif kind == "message":
            for event in message(words, model, stream=True):
                if event.type == "content_block_delta":
                    text.append(event.delta.text)
        else:
            for chunk in generate_client.models.generate_content_stream(model=model, contents=words):
                text.append(chunk.text or "")
    except Exception as error:
        return "".join(text), error
    raise AssertionError(f"the stream ended as if all were well: {''.join(text)}")


@every
def test_a_wrong_key_is_an_authentication_error(model):
    with pytest.raises(openai.AuthenticationError) as chat_error:
        chat("Hi", model, openai_client("wrong"))
    assert chat_error.value.code == "invalid_api_key"
    with pytest.raises(anthropic.AuthenticationError) as message_error:
        message("Hi", model, anthropic_client("wrong"))
    assert message_error.value.type == "authentication_error"
    with pytest.raises(errors.ClientError) as generate_error:
        generate("Hi", model, genai_client("wrong"))
    assert generate_error.value.code in (400, 401)
    assert generate_error.value.status in ("UNAUTHENTICATED", "INVALID_ARGUMENT")


def test_an_unknown_model_is_not_found():
    with pytest.raises(openai.NotFoundError) as chat_error:
        chat("Hi", "no-such-model")
    assert chat_error.value.code == "model_not_found" and chat_error.value.param == "model"
    assert "no-such-model" in chat_error.value.message
    with pytest.raises(anthropic.NotFoundError) as message_error:
        message("Hi", "no-such-model")
    assert message_error.value.type == "not_found_error"
    assert "no-such-model" in message_error.value.api_message
    with pytest.raises(errors.ClientError) as generate_error:
        generate("Hi", "no-such-model")
    assert generate_error.value.code == 404 and generate_error.value.status == "NOT_FOUND"
    assert "no-such-model" in generate_error.value.message


@every
def test_a_bad_request_names_its_field(model):
    with pytest.raises(openai.BadRequestError) as chat_error:
        chat([{"type": "image_url"}], model)
    assert chat_error.value.type == "invalid_request_error"
    assert chat_error.value.param.startswith("messages[0].content[0]")
    with pytest.raises(anthropic.BadRequestError) as message_error:
        message([{"type": "image"}], model)
    assert message_error.value.type == "invalid_request_error"
    shown = message_error.value.api_message
    assert "messages.0.content.0" in shown or "messages[0].content[0]" in shown
    with pytest.raises(errors.ClientError) as generate_error:
        generate(types.Content(role="user", parts=[types.Part()]), model)
    assert generate_error.value.code == 400 and generate_error.value.status == "INVALID_ARGUMENT"
    # Google names the field in the details.
    assert "contents[0].parts[0]" in str(generate_error.value)


@every
def test_a_body_of_the_wrong_type_names_its_field(model):
    with pytest.raises(openai.BadRequestError) as chat_error:
        chat("Hi", model, extra_body={"messages": "Hi"})
    assert chat_error.value.param == "messages"
    with pytest.raises(anthropic.BadRequestError) as message_error:
        message("Hi", model, extra_body={"messages": "Hi"})
    assert "messages" in message_error.value.api_message


@every
def test_too_many_requests_say_when_to_come_back(model):
    # Google says how long to wait in the body alone.
    words = "Hi #mock error=429"
    with pytest.raises(openai.RateLimitError) as chat_error:
        chat(words, model)
    assert chat_error.value.response.headers["retry-after"] == "7"
    assert chat_error.value.code == "rate_limit_exceeded" or model != "gpt-4o-mini"
    with pytest.raises(anthropic.RateLimitError) as message_error:
        message(words, model)
    assert message_error.value.response.headers["retry-after"] == "7"
    assert message_error.value.type == "rate_limit_error"
    with pytest.raises(errors.ClientError) as generate_error:
        generate(words, model)
    assert generate_error.value.code == 429 and generate_error.value.status == "RESOURCE_EXHAUSTED"
    details = generate_error.value.details["error"]["details"]
    assert [each["retryDelay"] for each in details if "RetryInfo" in each["@type"]] == ["7s"]


@every
def test_a_fault_of_the_provider_is_a_server_error(model):
    with pytest.raises(openai.InternalServerError) as chat_error:
        chat("Hi #mock error=500", model)
    assert chat_error.value.status_code == 500 and chat_error.value.message
    with pytest.raises(anthropic.InternalServerError) as message_error:
        message("Hi #mock error=500", model)
    assert message_error.value.status_code == 500 and message_error.value.type == "api_error"
    with pytest.raises(errors.ServerError) as generate_error:
        generate("Hi #mock error=500", model)
    assert generate_error.value.code == 500 and generate_error.value.status == "INTERNAL"


@every
def test_an_overloaded_provider_is_told_as_such(model):
    status = 529 if model.startswith("claude") else 503
    words = f"Hi #mock error={status}"
    with pytest.raises(openai.InternalServerError) as chat_error:
        chat(words, model)
    assert chat_error.value.status_code == status
    with pytest.raises((anthropic.OverloadedError, anthropic.ServiceUnavailableError)) as message_error:
        message(words, model)
    assert message_error.value.status_code == status and message_error.value.type == "overloaded_error"
    with pytest.raises(errors.ServerError) as generate_error:
        generate(words, model)
    assert generate_error.value.code in (status, 503) and generate_error.value.status == "UNAVAILABLE"


@every
def test_a_page_of_a_proxy_becomes_a_clean_error(model):
    with pytest.raises(openai.InternalServerError) as chat_error:
        chat("Hi #mock html", model)
    with pytest.raises(anthropic.InternalServerError) as message_error:
        message("Hi #mock html", model)
    with pytest.raises(errors.ServerError) as generate_error:
        generate("Hi #mock html", model)
    assert chat_error.value.status_code == message_error.value.status_code == generate_error.value.code == 502
    assert message_error.value.type == "api_error"
    for error in (chat_error, message_error, generate_error):
        assert error.value.message and "<" not in error.value.message


@every
def test_a_prompt_that_is_too_long_is_told_as_such(model):
    with pytest.raises(openai.BadRequestError) as chat_error:
        chat("Hi #mock context", model)
    assert chat_error.value.code == "context_length_exceeded"
    with pytest.raises(anthropic.BadRequestError) as message_error:
        message("Hi #mock context", model)
    assert message_error.value.type == "invalid_request_error"
    with pytest.raises(errors.ClientError) as generate_error:
        generate("Hi #mock context", model)
    assert generate_error.value.code == 400


@every
def test_a_forbidden_request_is_told_as_such(model):
    with pytest.raises(openai.PermissionDeniedError):
        chat("Hi #mock error=403", model)
    with pytest.raises(anthropic.PermissionDeniedError) as message_error:
        message("Hi #mock error=403", model)
    assert message_error.value.type == "permission_error"
    with pytest.raises(errors.ClientError) as generate_error:
        generate("Hi #mock error=403", model)
    assert generate_error.value.code == 403 and generate_error.value.status == "PERMISSION_DENIED"


@every
def test_an_error_inside_a_stream_is_raised(model):
    words = "Hi #mock stream_error=6"
    text, error = drain("chat", words, model)
    assert isinstance(error, openai.APIError) and error.message and text.startswith("You")
    text, error = drain("message", words, model)
    assert isinstance(error, anthropic.APIStatusError) and text.startswith("You")
    assert error.type in ("overloaded_error", "api_error")
    text, error = drain("generate", words, model)
    assert isinstance(error, errors.APIError) and error.code >= 500 and text.startswith("You")


@pytest.mark.parametrize("how", ["cut=6", "end=6"])
@every
def test_a_stream_that_breaks_off_is_no_clean_end(model, how):
    words = f"Hi #mock {how}"
    text, error = drain("chat", words, model)
    assert isinstance(error, openai.APIError) and text.startswith("You")
    text, error = drain("message", words, model)
    assert isinstance(error, anthropic.APIError) and text.startswith("You")
    text, error = drain("generate", words, model)
    assert isinstance(error, errors.APIError) and text.startswith("You")


def test_an_unknown_path_is_not_found():
    with pytest.raises(openai.NotFoundError):
        chat_client.post("/no/such/path", cast_to=object, body={})

"""A limit or budget that is reached raises the exception that each SDK has for it, and says when to
come back; answers before that say how it stands."""

import json
import os
import subprocess
import time
import uuid
from datetime import datetime

import anthropic
import openai
import pytest
from google.genai import errors

from gateway import PLAIN, URL, anthropic_client, genai_client, openai_client

every = pytest.mark.parametrize("model", PLAIN)


def key(**fields) -> str:
    """The secret of a new key with these fields, once the running gateway knows it."""
    command = [os.environ["TOLLGATE_BINARY"], "keys", "create", f"sdk-{uuid.uuid4().hex[:12]}", "--json"]
    for name, value in fields.items():
        command += ["--set", f"{name}={json.dumps(value)}"]
    environment = {"TOLLGATE_DATA_DIR": os.environ["TOLLGATE_DATA"], "OPENAI_API_KEY": "any"}
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=20)
    secret = json.loads(made.stdout)["key"]
    end = time.monotonic() + 20
    while True:
        try:
            openai_client(secret).models.list()
            return secret
        except openai.AuthenticationError:
            assert time.monotonic() < end, "the gateway does not take the new key over"
            time.sleep(0.05)


def chat(client, model, **more):
    messages = [{"role": "user", "content": "Hi"}]
    return client.chat.completions.create(model=model, messages=messages, max_tokens=50, **more)


def respond(client, model):
    return client.responses.create(model=model, input="Hi", max_output_tokens=50)


def message(client, model):
    messages = [{"role": "user", "content": "Hi"}]
    return client.messages.create(model=model, max_tokens=50, messages=messages)


def generate(client, model):
    return client.models.generate_content(model=model, contents="Hi", config={"max_output_tokens": 50})


# An hour that rolls is cut into slices of so many seconds.
SLICE = 300


def after(headers) -> int:
    seconds = int(headers["retry-after"])
    # The last slice leaves the hour whole.
    assert 1 <= seconds <= 3600 + SLICE
    return seconds


@every
def test_openai_reads_how_a_limit_stands_and_when_it_is_reached(model):
    client = openai_client(key(limits=[{"requests": 2, "per": "hour"}, {"tokens": 100000, "per": "hour"}]))
    first = client.chat.completions.with_raw_response.create(
        model=model, messages=[{"role": "user", "content": "Hi"}], max_tokens=50
    )
    assert first.headers["x-ratelimit-limit-requests"] == "2"
    assert first.headers["x-ratelimit-remaining-requests"] == "1"
    assert first.headers["x-ratelimit-reset-requests"].endswith("s")
    assert 0 < int(first.headers["x-ratelimit-remaining-tokens"]) < 100000
    assert first.parse().choices[0].message.content
    streamed = client.chat.completions.with_raw_response.create(
        model=model, messages=[{"role": "user", "content": "Hi"}], max_tokens=50, stream=True
    )
    assert streamed.headers["x-ratelimit-remaining-requests"] == "0"
    assert list(streamed.parse())
    for ask in (chat, respond):
        with pytest.raises(openai.RateLimitError) as error:
            ask(client, model)
        assert error.value.status_code == 429 and error.value.code == "rate_limit_exceeded"
        assert "limit of 2 requests an hour" in error.value.message
        after(error.value.response.headers)
        assert error.value.response.headers["x-ratelimit-remaining-requests"] == "0"


@every
def test_anthropic_reads_how_a_limit_stands_and_when_it_is_reached(model):
    client = anthropic_client(key(limits=[{"requests": 1, "per": "hour"}, {"tokens": 100000, "per": "hour"}]))
    first = client.messages.with_raw_response.create(
        model=model, max_tokens=50, messages=[{"role": "user", "content": "Hi"}]
    )
    assert first.headers["anthropic-ratelimit-requests-limit"] == "1"
    assert first.headers["anthropic-ratelimit-requests-remaining"] == "0"
    reset = datetime.fromisoformat(first.headers["anthropic-ratelimit-requests-reset"])
    assert reset.tzinfo is not None
    assert 0 < int(first.headers["anthropic-ratelimit-tokens-remaining"]) < 100000
    assert first.parse().content[0].text
    with pytest.raises(anthropic.RateLimitError) as error:
        message(client, model)
    assert error.value.status_code == 429 and error.value.type == "rate_limit_error"
    assert "limit of 1 requests an hour" in error.value.api_message
    after(error.value.response.headers)
    assert error.value.request_id


@every
def test_google_reads_when_a_limit_is_reached(model):
    client = genai_client(key(limits=[{"requests": 1, "per": "hour"}]))
    headers = generate(client, model).sdk_http_response.headers
    assert headers["x-ratelimit-limit-requests"] == "1"
    assert headers["x-ratelimit-remaining-requests"] == "0"
    with pytest.raises(errors.ClientError) as error:
        generate(client, model)
    assert error.value.code == 429 and error.value.status == "RESOURCE_EXHAUSTED"
    assert "limit of 1 requests an hour" in error.value.message
    seconds = after(error.value.response.headers)
    details = error.value.details["error"]["details"]
    delays = [each["retryDelay"] for each in details if "RetryInfo" in each["@type"]]
    assert delays == [f"{seconds}s"]


@every
def test_a_spent_budget_raises_what_an_empty_account_does(model):
    spent = key(budgets=[{"usd": "0.0000001", "per": "ever"}])
    with pytest.raises(openai.RateLimitError) as chat_error:
        chat(openai_client(spent), model)
    assert chat_error.value.code == chat_error.value.type == "insufficient_quota"
    assert "budget of 0.0000001 USD in all" in chat_error.value.message
    assert chat_error.value.response.headers["x-should-retry"] == "false"
    assert "retry-after" not in chat_error.value.response.headers
    with pytest.raises(anthropic.RateLimitError) as message_error:
        message(anthropic_client(spent), model)
    assert "budget of 0.0000001 USD in all" in message_error.value.api_message
    assert message_error.value.response.headers["x-should-retry"] == "false"
    with pytest.raises(errors.ClientError) as generate_error:
        generate(genai_client(spent), model)
    assert generate_error.value.code == 429 and generate_error.value.status == "RESOURCE_EXHAUSTED"
    assert "budget of 0.0000001 USD in all" in generate_error.value.message


def test_the_sdks_do_not_ask_again_where_waiting_does_not_help():
    spent = key(budgets=[{"usd": "0.0000001", "per": "ever"}])
    # With their own retries on, each would wait for seconds if it took this for a passing limit.
    begun = time.monotonic()
    with pytest.raises(openai.RateLimitError):
        chat(openai.OpenAI(base_url=f"{URL}/v1", api_key=spent, max_retries=3), "gpt-4o-mini")
    with pytest.raises(anthropic.RateLimitError):
        message(anthropic.Anthropic(base_url=URL, api_key=spent, max_retries=3), "gpt-4o-mini")
    assert time.monotonic() - begun < 1

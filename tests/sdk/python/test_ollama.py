"""Ollama's SDK: every feature onto every provider, an Ollama among them."""

import base64

import ollama
import pytest

from gateway import ALL, KEY, PLAIN, PNG, PNG_SEEN, URL, WEATHER
from shapes import Report

client = ollama.Client(host=URL, headers={"Authorization": f"Bearer {KEY}"}, timeout=20)
LLAMA = "ollama/qwen3"
EVERY = [LLAMA, *ALL]
SOME = [LLAMA, *PLAIN]
TOOL = {
    "type": "function",
    "function": {"name": "get_weather", "description": "The weather", "parameters": WEATHER},
}


def user(text, **more):
    return [{"role": "user", "content": text, **more}]


@pytest.mark.parametrize("model", EVERY)
def test_chat_answers(model):
    answer = client.chat(model=model, messages=user("Tell me of rain"))
    assert answer.message.role == "assistant" and answer.done and answer.done_reason == "stop"
    assert answer.message.content.startswith('You asked: "Tell me of rain".')
    assert not answer.message.tool_calls and answer.created_at
    assert answer.prompt_eval_count > 0 and answer.eval_count >= 60
    assert answer.eval_count / answer.eval_duration > 0


@pytest.mark.parametrize("model", EVERY)
def test_a_stream_says_what_the_whole_answer_says(model):
    whole = client.chat(model=model, messages=user("Tell me of snow"))
    parts = list(client.chat(model=model, messages=user("Tell me of snow"), stream=True))
    assert "".join(part.message.content or "" for part in parts) == whole.message.content
    assert len(parts) > 5, "it did not stream"
    assert [part.done for part in parts].count(True) == 1 and parts[-1].done
    assert parts[-1].eval_count == whole.eval_count
    assert parts[-1].prompt_eval_count == whole.prompt_eval_count


@pytest.mark.parametrize("model", EVERY)
def test_a_prompt_is_answered_whole_and_streamed(model):
    whole = client.generate(model=model, prompt="Tell me of hail", system="Be brief")
    assert whole.response.startswith('You asked: "Tell me of hail".') and whole.done
    parts = list(client.generate(model=model, prompt="Tell me of hail", system="Be brief", stream=True))
    assert "".join(part.response for part in parts) == whole.response
    assert parts[-1].eval_count == whole.eval_count


@pytest.mark.parametrize("model", EVERY)
@pytest.mark.parametrize("stream", [False, True])
def test_tools_are_called_and_their_results_are_heard(model, stream):
    messages = user("What is the weather? parallel")
    asked = client.chat(model=model, messages=messages, tools=[TOOL], stream=stream)
    told = list(asked) if stream else [asked]
    calls = [call for part in told for call in part.message.tool_calls or []]
    assert len(calls) == 2 and told[-1].done
    for call in calls:
        assert call.function.name == "get_weather"
        # The SDK sends types and descriptions of a schema and nothing else.
        assert set(call.function.arguments) == {"city", "unit", "days"}
        assert isinstance(call.function.arguments["days"], int)
    messages.append(ollama.Message(role="assistant", content="", tool_calls=calls))
    for degrees in (18, 19):
        messages.append({"role": "tool", "content": f"{degrees} degrees", "tool_name": "get_weather"})
    second = client.chat(model=model, messages=messages, tools=[TOOL])
    assert second.message.content == "The tool said: 18 degrees\nThe tool said: 19 degrees"


@pytest.mark.parametrize("model", SOME)
def test_an_answer_has_the_wanted_form(model):
    answer = client.chat(model=model, messages=user("Report"), format=Report.model_json_schema())
    assert Report.model_validate_json(answer.message.content).tags


@pytest.mark.parametrize("model", SOME)
def test_a_picture_is_seen(model):
    answer = client.chat(model=model, messages=user("What is this?", images=[PNG]))
    assert answer.message.content.startswith(PNG_SEEN)
    answer = client.generate(model=model, prompt="What is this?", images=[base64.b64encode(PNG).decode()])
    assert answer.response.startswith(PNG_SEEN)


@pytest.mark.parametrize("model", [LLAMA, "claude-sonnet-4-5", "gemini-2.5-flash"])
@pytest.mark.parametrize("think", [True, "high"])
def test_thought_is_shown_apart_from_words(model, think):
    parts = list(client.chat(model=model, messages=user("Why?"), think=think, stream=True))
    thought = "".join(part.message.thinking or "" for part in parts)
    assert thought.startswith("Let me think about this.")
    words = "".join(part.message.content or "" for part in parts)
    assert words.startswith('You asked: "Why?".')


@pytest.mark.parametrize("model", SOME)
def test_options_steer_the_answer(model):
    answer = client.chat(
        model=model, messages=user("Tell me of rain"), options={"num_predict": 5, "num_ctx": 4096}
    )
    assert answer.done_reason == "length" and answer.eval_count == 5


@pytest.mark.parametrize("model", SOME)
def test_an_error_is_the_sdks_own(model):
    with pytest.raises(ollama.ResponseError) as refused:
        client.chat(model=model, messages=user("#mock error=429"))
    assert refused.value.status_code == 429 and refused.value.error
    with pytest.raises(ollama.ResponseError):
        list(client.chat(model=model, messages=user("#mock stream_error=3"), stream=True))


@pytest.mark.parametrize("model", ["text-embedding-3-small", "gemini-embedding-001", "ollama/nomic-embed-text"])
def test_vectors_come_one_for_each_input(model):
    answer = client.embed(model=model, input=["rain", "snow"])
    assert len(answer.embeddings) == 2 and answer.embeddings[0] != answer.embeddings[1]
    older = client.embeddings(model=model, prompt="rain")
    assert len(older.embedding) == len(answer.embeddings[0])


def test_models_are_listed_and_shown():
    names = [model.model for model in client.list().models]
    assert "gpt-4o-mini" in names
    shown = client.show("gpt-4o-mini")
    assert "tools" in shown.capabilities and shown.modelinfo["general.architecture"]
    assert client.ps().models == []
    with pytest.raises(ollama.ResponseError) as refused:
        client.show("no-such-model")
    assert refused.value.status_code == 404

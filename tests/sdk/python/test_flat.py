"""What is neither chat nor embeddings, through OpenAI's SDK, and rerankers through Cohere's."""

import base64
import io
import json

import cohere
import openai
import pytest

from gateway import KEY, PNG, URL, anthropic_client, openai_client, sent

client = openai_client()


def cohere_client(kind):
    return kind(api_key=KEY, base_url=URL, timeout=20)


def test_moderations():
    answer = client.moderations.create(model="omni-moderation-latest", input=["I kill time", "hello"])
    assert [each.flagged for each in answer.results] == [True, False]
    parts = [
        {"type": "text", "text": "hello"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + base64.b64encode(PNG).decode()}},
    ]
    assert not client.moderations.create(input=parts).results[0].flagged


def test_pictures_are_made():
    answer = client.images.generate(model="gpt-image-1", prompt="a cat", n=2)
    assert len(answer.data) == 2 and base64.b64decode(answer.data[0].b64_json).startswith(b"\x89PNG")
    assert answer.usage.output_tokens == 2 * 272
    old = client.images.generate(model="dall-e-3", prompt="a cat")
    assert old.data[0].url


def test_pictures_are_streamed():
    events = list(client.images.generate(model="gpt-image-1", prompt="a cat", stream=True, partial_images=2))
    kinds = [each.type for each in events]
    assert kinds == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert events[-1].usage.output_tokens == 272


def test_pictures_are_changed():
    picture = ("a.png", io.BytesIO(PNG), "image/png")
    answer = client.images.edit(model="gpt-image-1", image=[picture, picture], prompt="more cats")
    assert answer.data[0].b64_json
    answer = client.images.create_variation(model="dall-e-2", image=("a.png", io.BytesIO(PNG), "image/png"))
    assert answer.data[0].url


def test_speech():
    text = "The quick brown fox. " * 50
    answer = client.audio.speech.create(model="gpt-4o-mini-tts", voice="coral", input=text)
    assert answer.read().decode() == text
    with client.audio.speech.with_streaming_response.create(model="tts-1", voice="ash", input=text) as stream:
        assert b"".join(stream.iter_bytes()).decode() == text


def test_transcripts():
    sound = ("speech.mp3", b"ID3" + b"\0" * 500, "audio/mpeg")
    answer = client.audio.transcriptions.create(model="openai/gpt-4o-transcribe", file=sound)
    assert answer.text == "Heard 503 bytes." and answer.usage.type == "tokens"
    answer = client.audio.transcriptions.create(model="whisper-1", file=sound, response_format="verbose_json")
    assert answer.duration > 0
    assert client.audio.transcriptions.create(model="whisper-1", file=sound, response_format="text").strip()
    assert client.audio.translations.create(model="whisper-1", file=sound).text == "Heard 503 bytes."


def test_transcripts_are_streamed():
    sound = ("speech.mp3", b"ID3" * 100, "audio/mpeg")
    events = list(client.audio.transcriptions.create(model="gpt-4o-transcribe", file=sound, stream=True))
    assert events[-1].type == "transcript.text.done" and events[-1].text == "Heard 300 bytes."
    assert "".join(each.delta for each in events[:-1]) == events[-1].text


def test_a_large_file_is_transcribed():
    sound = ("speech.wav", b"\1" * (5 << 20), "audio/wav")
    answer = client.audio.transcriptions.create(model="whisper-1", file=sound)
    assert answer.text == f"Heard {5 << 20} bytes."


def test_a_fault_is_raised():
    with pytest.raises(openai.RateLimitError):
        client.images.generate(model="gpt-image-1", prompt="Hi #mock error=429")
    with pytest.raises(openai.NotFoundError):
        client.audio.speech.create(model="nobody-knows", voice="ash", input="hello")
    with pytest.raises(openai.BadRequestError):
        client.moderations.create(model="claude-sonnet-4-5", input="hello")


def test_what_goes_through():
    through = openai.OpenAI(base_url=f"{URL}/p/openai/v1", api_key=KEY, max_retries=0)
    answer = through.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}])
    assert answer.choices[0].message.content
    assert sent()["headers"]["authorization"] == "Bearer demo"
    assert len(list(through.models.list())) > 3


def test_files_and_batches():
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions"}
    line["body"] = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
    content = json.dumps(line).encode()
    file = client.files.create(file=("a.jsonl", content), purpose="batch")
    assert file.bytes == len(content)
    assert client.files.content(file.id).read() == content
    assert file.id in [each.id for each in client.files.list()]
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    batch = client.batches.retrieve(batch.id)
    answers = client.files.content(batch.output_file_id).text.splitlines()
    assert json.loads(answers[0])["custom_id"] == "a"
    assert batch.id in [each.id for each in client.batches.list()]
    assert client.files.delete(file.id).deleted


def test_batches_of_messages():
    batches = anthropic_client().messages.batches
    params = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    batch = batches.create(requests=[{"custom_id": "a", "params": params}])
    assert batches.retrieve(batch.id).processing_status == "ended"
    assert batch.id in [each.id for each in batches.list()]
    assert [each.custom_id for each in batches.results(batch.id)] == ["a"]


DOCUMENTS = ["berlin is the capital of germany", "the capital of france is paris", "bread"]


@pytest.mark.parametrize("model", ["rerank-v3.5", "voyage/rerank-2.5"])
@pytest.mark.parametrize("kind", [cohere.Client, cohere.ClientV2])
def test_coheres_sdk_puts_documents_in_order(model, kind):
    reranker = cohere_client(kind)
    answer = reranker.rerank(model=model, query="the capital of France", documents=DOCUMENTS, top_n=2)
    assert [each.index for each in answer.results] == [1, 0]
    assert answer.results[0].relevance_score > answer.results[1].relevance_score
    assert answer.meta.billed_units


@pytest.mark.parametrize("model", ["embed-v4.0", "text-embedding-3-small", "gemini-embedding-001", "voyage-3.5"])
def test_coheres_sdk_gets_vectors(model):
    embedder = cohere_client(cohere.ClientV2)
    answer = embedder.embed(
        model=model, texts=["one", "two"], input_type="search_query", embedding_types=["float"], output_dimension=64
    )
    assert [len(each) for each in answer.embeddings.float_] == [64, 64]
    assert answer.texts == ["one", "two"]

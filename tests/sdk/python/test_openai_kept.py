"""OpenAI's SDK: responses and conversations that the gateway keeps, whoever answers."""

import time

import openai
import pytest

from gateway import openai_client

client = openai_client()
# Of providers that keep nothing themselves.
MODELS = ["claude-sonnet-4-5", "gemini-2.5-flash"]


@pytest.mark.parametrize("model", MODELS)
def test_a_response_is_retrieved_listed_and_deleted(model):
    made = client.responses.create(model=model, input="Tell me of rain")
    assert made.status == "completed"
    again = client.responses.retrieve(made.id)
    assert again.output_text == made.output_text and again.usage == made.usage
    items = client.responses.input_items.list(made.id)
    assert [item.content[0].text for item in items] == ["Tell me of rain"]
    with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
        client.responses.cancel(made.id)
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError, match="not found"):
        client.responses.retrieve(made.id)


@pytest.mark.parametrize("model", MODELS)
def test_a_chain_goes_on_also_from_a_stream(model):
    with client.responses.stream(model=model, input="I am Ann") as stream:
        first = stream.get_final_response()
    second = client.responses.create(model=model, input="Who am I?", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    items = list(client.responses.input_items.list(second.id, order="asc", limit=1))
    assert [item.role for item in items] == ["user", "assistant", "user"]
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(model=model, input="?", previous_response_id="resp_000000000000000000000000")
    assert refused.value.code == "previous_response_not_found"


@pytest.mark.parametrize("model", MODELS)
def test_a_response_in_the_background_is_polled(model):
    made = client.responses.create(model=model, input="Tell me of snow", background=True)
    assert made.status == "queued" and made.background
    for _ in range(200):
        made = client.responses.retrieve(made.id)
        if made.status not in ("queued", "in_progress"):
            break
        time.sleep(0.05)
    assert made.status == "completed" and made.output_text


@pytest.mark.parametrize("model", MODELS)
def test_a_conversation_goes_on(model):
    said = {"type": "message", "role": "user", "content": "I am Ann"}
    conversation = client.conversations.create(items=[said], metadata={"topic": "names"})
    answer = client.responses.create(model=model, input="Who am I?", conversation=conversation.id)
    assert answer.conversation.id == conversation.id
    items = list(client.conversations.items.list(conversation.id, order="asc"))
    assert [item.role for item in items] == ["user", "user", "assistant"]
    assert client.conversations.items.retrieve(items[0].id, conversation_id=conversation.id).id == items[0].id
    added = client.conversations.items.create(conversation.id, items=[said])
    client.conversations.items.delete(added.data[0].id, conversation_id=conversation.id)
    noted = client.conversations.update(conversation.id, metadata={"topic": "other"})
    assert noted.metadata == {"topic": "other"}
    assert client.conversations.retrieve(conversation.id).metadata == {"topic": "other"}
    assert client.conversations.delete(conversation.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(conversation.id)

"""OpenAI's SDK, text completions: onto every provider."""

import openai
import pytest

from gateway import ALL, PLAIN, openai_client, sent

client = openai_client()
# A model that takes prompts itself.
INSTRUCT = "gpt-3.5-turbo-instruct"


def ask(model, prompt, **more):
    return client.completions.create(model=model, prompt=prompt, max_tokens=300, **more)


@pytest.mark.parametrize("model", [INSTRUCT, *ALL])
def test_a_prompt_is_answered(model):
    answer = ask(model, "Tell me of rain")
    assert answer.object == "text_completion" and answer.id and answer.created > 0
    assert answer.model == model
    [choice] = answer.choices
    assert choice.index == 0 and choice.finish_reason == "stop" and choice.logprobs is None
    assert choice.text.startswith('You asked: "Tell me of rain".')
    usage = answer.usage
    assert usage.prompt_tokens > 0 and usage.completion_tokens >= 60
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


@pytest.mark.parametrize("model", [INSTRUCT, *ALL])
def test_a_stream_says_what_the_whole_answer_says(model):
    whole = ask(model, "Tell me of snow")
    chunks = list(ask(model, "Tell me of snow", stream=True, stream_options={"include_usage": True}))
    told = [chunk for chunk in chunks if chunk.choices]
    assert "".join(chunk.choices[0].text for chunk in told) == whole.choices[0].text
    assert {chunk.model for chunk in chunks} == {model} and len({chunk.id for chunk in chunks}) == 1
    reasons = [chunk.choices[0].finish_reason for chunk in told]
    assert reasons[-1] == "stop" and reasons.count(None) == len(reasons) - 1
    assert len(told) > 5, "it did not stream"
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == whole.usage.total_tokens


@pytest.mark.parametrize("model", [INSTRUCT, *PLAIN])
def test_a_stop_string_ends_the_text(model):
    text = ask(model, "Tell me of rain", stop=["asked"]).choices[0].text
    assert text == "You "


def test_prompts_of_tokens_reach_whom_they_are_for():
    answer = client.completions.create(model=INSTRUCT, prompt=[[1, 2], [3]], n=2, best_of=2, logprobs=2)
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    assert answer.choices[0].logprobs.tokens
    assert sent()["body"]["prompt"] == [[1, 2], [3]]


@pytest.mark.parametrize("model", PLAIN[1:])
def test_prompts_of_tokens_are_refused_elsewhere(model):
    with pytest.raises(openai.BadRequestError) as refused:
        client.completions.create(model=model, prompt=[1, 2])
    assert refused.value.param == "prompt"


@pytest.mark.parametrize("model", [INSTRUCT, *PLAIN])
def test_an_error_is_the_sdks_own(model):
    with pytest.raises(openai.RateLimitError):
        ask(model, "#mock error=429")
    with pytest.raises(openai.APIError):
        list(ask(model, "#mock stream_error=3", stream=True))

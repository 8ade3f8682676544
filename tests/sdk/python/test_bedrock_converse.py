"""Amazon's SDK, with `converse` and `converse_stream`, answered by each provider's dialect."""

import json

import pytest
from botocore.exceptions import ClientError, EventStreamError

from gateway import ALL, CLAUDE_ON_BEDROCK as CLAUDE, KEY, NOVA, PDF, PDF_SEEN, PLAIN, PNG, PNG_SEEN, WEATHER
from gateway import bedrock_client, fits_weather, provider_page, sent

EVERYONE = [*PLAIN, CLAUDE]

every = pytest.mark.parametrize("model", EVERYONE)


client = bedrock_client()


def user(*blocks):
    return [{"role": "user", "content": [{"text": b} if isinstance(b, str) else b for b in blocks]}]


def ask(model, *blocks, **more):
    return client.converse(modelId=model, messages=user(*blocks), **more)


def stream(model, *blocks, **more):
    """The message, stop reason and usage that a stream adds up to, as `converse` gives them."""
    answer = client.converse_stream(modelId=model, messages=user(*blocks), **more)
    return add_up(answer["stream"])


def add_up(events):
    content, reply, order = {}, {}, []
    for event in events:
        (name, body), = event.items()
        order.append(name)
        if name == "messageStart":
            reply["role"] = body["role"]
        elif name == "contentBlockStart":
            content[body["contentBlockIndex"]] = {"toolUse": {**body["start"]["toolUse"], "input": ""}}
        elif name == "contentBlockDelta":
            delta = body["delta"]
            block = content.setdefault(body["contentBlockIndex"], {})
            if "text" in delta:
                block["text"] = block.get("text", "") + delta["text"]
            if "toolUse" in delta:
                block["toolUse"]["input"] += delta["toolUse"]["input"]
            for field, value in delta.get("reasoningContent", {}).items():
                thought = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {})
                thought[field] = thought.get(field, "") + value
        elif name == "messageStop":
            reply["stopReason"] = body["stopReason"]
        elif name == "metadata":
            reply["usage"], reply["metrics"] = body["usage"], body["metrics"]
    assert order[0] == "messageStart" and order[-2:] == ["messageStop", "metadata"]
    for block in content.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json.loads(block["toolUse"]["input"] or "{}")
    message = {"role": reply["role"], "content": [content[index] for index in sorted(content)]}
    return {"output": {"message": message}, **reply}


def text(reply):
    return "".join(block.get("text", "") for block in reply["output"]["message"]["content"])


def tool_uses(reply):
    return [b["toolUse"] for b in reply["output"]["message"]["content"] if "toolUse" in b]


def fits_usage(usage, least=1):
    assert usage["inputTokens"] >= 1 and usage["outputTokens"] >= least
    cached = usage.get("cacheReadInputTokens", 0) + usage.get("cacheWriteInputTokens", 0)
    assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"] + cached


@pytest.mark.parametrize("model", [*ALL, CLAUDE, NOVA, "openai.gpt-oss-120b-1:0"])
def test_whole_and_streamed_answers_agree(model):
    words = "What is a gateway?"
    options = {"system": [{"text": "Be kind."}], "inferenceConfig": {"maxTokens": 3000}}
    whole = ask(model, words, **options)
    assert text(whole).startswith(f'You asked: "{words}".')
    assert whole["output"]["message"]["role"] == "assistant" and whole["stopReason"] == "end_turn"
    fits_usage(whole["usage"], 60)
    assert isinstance(whole["metrics"]["latencyMs"], int)
    streamed = stream(model, words, **options)
    assert text(streamed) == text(whole)
    assert streamed["stopReason"] == "end_turn"
    assert streamed["usage"]["outputTokens"] == whole["usage"]["outputTokens"]


@every
def test_a_bearer_token_does_as_well(model):
    bearing = bedrock_client("wrong")

    def show(request, **_):
        request.headers["Authorization"] = f"Bearer {KEY}"

    bearing.meta.events.register("before-send.bedrock-runtime", show)
    reply = bearing.converse(modelId=model, messages=user("Hi there"))
    assert text(reply).startswith('You asked: "Hi there".')


def test_a_wrong_key_is_refused():
    with pytest.raises(ClientError) as error:
        bedrock_client("wrong").converse(modelId=CLAUDE, messages=user("Hi"))
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"


@every
def test_limits_and_stop_strings_end_an_answer(model):
    for say in (ask, stream):
        cut = say(model, "Hi", inferenceConfig={"maxTokens": 20})
        assert cut["stopReason"] == "max_tokens"
        if not model.startswith("gemini"):
            stopped = say(model, "#mock echo\nbefore STOP after", inferenceConfig={"stopSequences": ["STOP"]})
            assert text(stopped).strip() == "before"


TOOLS = {
    "tools": [
        {"toolSpec": {"name": "weather", "description": "Tells it", "inputSchema": {"json": WEATHER}}}
    ]
}


@every
@pytest.mark.parametrize("say", [ask, stream])
def test_a_loop_of_tools(model, say):
    reply = say(model, "What is the weather? Do it parallel.", toolConfig=TOOLS)
    assert reply["stopReason"] == "tool_use"
    uses = tool_uses(reply)
    assert len(uses) == 2 and len({use["toolUseId"] for use in uses}) == 2
    for use in uses:
        assert use["name"] == "weather"
        fits_weather(use["input"])
    results = [
        {"toolResult": {"toolUseId": uses[0]["toolUseId"], "content": [{"json": {"sky": "grey"}}]}},
        {"toolResult": {"toolUseId": uses[1]["toolUseId"], "content": [{"text": "it broke"}], "status": "error"}},
    ]
    messages = [
        *user("What is the weather? Do it parallel."),
        reply["output"]["message"],
        {"role": "user", "content": results},
    ]
    answer = client.converse(modelId=model, messages=messages, toolConfig=TOOLS)
    assert answer["stopReason"] == "end_turn"
    assert "grey" in text(answer) and "it broke" in text(answer)


@every
def test_a_tool_can_be_forced(model):
    for choice in ({"any": {}}, {"tool": {"name": "weather"}}):
        reply = ask(model, "no tool, please", toolConfig={**TOOLS, "toolChoice": choice})
        assert tool_uses(reply)[0]["name"] == "weather"


@every
def test_pictures_and_documents_are_seen(model):
    picture = {"image": {"format": "png", "source": {"bytes": PNG}}}
    document = {"document": {"format": "pdf", "name": "A paper", "source": {"bytes": PDF}}}
    assert PNG_SEEN in text(ask(model, "What is this?", picture))
    assert PDF_SEEN in text(ask(model, "What is this?", document))
    note = {"document": {"format": "txt", "name": "Note", "source": {"bytes": b"The coast is clear."}}}
    ask(model, "What is this?", note)
    assert "The coast is clear." in json.dumps(sent()["body"]) or "VGhlIGNvYXN0IGlzIGNsZWFyLg" in json.dumps(
        sent()["body"]
    )


@pytest.mark.parametrize("say", [ask, stream])
@pytest.mark.parametrize("model", ["claude-sonnet-4-5", CLAUDE])
def test_thoughts_are_told_and_taken_back(model, say):
    thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    options = {"additionalModelRequestFields": thinking, "inferenceConfig": {"maxTokens": 4000}, "toolConfig": TOOLS}
    reply = say(model, "What is the weather?", **options)
    thought = reply["output"]["message"]["content"][0]["reasoningContent"]["reasoningText"]
    assert thought["text"] and thought["signature"]
    use = tool_uses(reply)[0]
    result = {"toolResult": {"toolUseId": use["toolUseId"], "content": [{"text": "rain"}]}}
    messages = [
        *user("What is the weather?"),
        reply["output"]["message"],
        {"role": "user", "content": [result]},
    ]
    answer = client.converse(modelId=model, messages=messages, **options)
    assert "rain" in text(answer)
    assert json.dumps(thought["signature"]) in json.dumps(sent()["body"])


@pytest.mark.parametrize("say", [ask, stream])
def test_thoughts_of_the_others_are_told_too(say):
    reply = say("gemini-3-pro-preview", "Why?", inferenceConfig={"maxTokens": 4000})
    assert text(reply).startswith('You asked: "Why?".')
    nova = {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}
    reply = say(NOVA, "Why?", additionalModelRequestFields=nova)
    assert reply["output"]["message"]["content"][0]["reasoningContent"]["reasoningText"]["text"]


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", CLAUDE])
def test_cache_points_are_kept(model):
    long = f"You know all of {model} " + "and of the coast " * 40
    system = [{"text": long}, {"cachePoint": {"type": "default", "ttl": "1h"}}]
    first = ask(model, "Tell me of the coast, please.", system=system)["usage"]
    assert first["cacheWriteInputTokens"] > 0
    assert first["cacheDetails"] == [{"ttl": "1h", "inputTokens": first["cacheWriteInputTokens"]}]
    second = stream(model, "Tell me of the coast, please.", system=system)["usage"]
    assert second["cacheReadInputTokens"] == first["cacheWriteInputTokens"]
    fits_usage(second)


@every
def test_structured_output(model):
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    structure = {"jsonSchema": {"schema": json.dumps(schema), "name": "place"}}
    reply = ask(model, "Where?", outputConfig={"textFormat": {"type": "json_schema", "structure": structure}})
    assert isinstance(json.loads(text(reply))["city"], str)


FAULTS = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


@every
@pytest.mark.parametrize("status", FAULTS)
def test_every_fault_raises_its_exception(model, status):
    exception = getattr(client.exceptions, FAULTS[status])
    for say in (ask, stream):
        with pytest.raises(exception) as error:
            say(model, f"#mock error={status}")
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
        assert error.value.response["Error"]["Message"]


@every
@pytest.mark.parametrize("script", ["stream_error=4", "cut=4", "end=4"])
def test_a_stream_that_breaks_raises(model, script):
    events = client.converse_stream(modelId=model, messages=user(f"#mock {script}"))["stream"]
    with pytest.raises(EventStreamError) as error:
        list(events)
    code = error.value.response["Error"]["Code"]
    assert code in ("serviceUnavailableException", "internalServerException", "modelStreamErrorException")


@every
def test_a_prompt_that_is_too_long_is_a_validation_exception(model):
    with pytest.raises(client.exceptions.ValidationException) as error:
        ask(model, "#mock context")
    assert "too long" in str(error.value).lower() or "maximum" in str(error.value).lower()


@every
def test_tokens_are_counted(model):
    counted = client.count_tokens(modelId=model, input={"converse": {"messages": user("Tell me of rain")}})
    assert counted["inputTokens"] > 0


def test_a_model_named_by_an_arn_is_found():
    arn = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{CLAUDE}"
    assert text(ask(arn, "Hi")).startswith('You asked: "Hi".')
    assert provider_page("last")["path"].lower().endswith("converse")

"""Conversations of three turns, in each API, whose thoughts are sealed by one provider and answered by any.

The fake provider is as strict as the real ones: it refuses a seal that was altered or is another's, and a
call that lacks the seal it needs. Whoever sealed a thought gets it back; for the others it is a loss.
"""

import pytest
from google.genai import types

from gateway import EACH, NOVA, WEATHER, anthropic_client, bedrock_client, genai_client, openai_client, sent

openai, anthropic, genai, bedrock = openai_client(), anthropic_client(), genai_client(), bedrock_client()
FUNCTION = {"name": "get_weather", "parameters": WEATHER}
TOLD = "18 degrees"


class Chat:
    def __init__(self):
        self.talk = []

    def say(self, text):
        self.talk.append({"role": "user", "content": text})

    def answer(self, call):
        self.talk.append({"role": "tool", "tool_call_id": call["id"], "content": TOLD})

    def turn(self, model):
        tools = [{"type": "function", "function": FUNCTION}]
        asked = {"model": model, "messages": self.talk, "tools": tools, "reasoning_effort": "low"}
        answer = openai.chat.completions.with_raw_response.create(**asked)
        message = answer.parse().choices[0].message.model_dump(exclude_none=True)
        self.talk.append(message)
        return message.get("content"), message.get("tool_calls", []), answer.headers


class Responses:
    def __init__(self):
        self.talk = []

    def say(self, text):
        self.talk.append({"role": "user", "content": text})

    def answer(self, call):
        self.talk.append({"type": "function_call_output", "call_id": call["call_id"], "output": TOLD})

    def turn(self, model):
        answer = openai.responses.with_raw_response.create(
            model=model,
            input=self.talk,
            tools=[{"type": "function", **FUNCTION}],
            reasoning={"effort": "low", "summary": "auto"},
            include=["reasoning.encrypted_content"],
            store=False,
        )
        response = answer.parse()
        items = [item.model_dump(exclude_none=True) for item in response.output]
        self.talk += items
        return response.output_text, [i for i in items if i["type"] == "function_call"], answer.headers


class Messages:
    def __init__(self):
        self.talk = []

    def say(self, text):
        self.talk.append({"role": "user", "content": text})

    def answer(self, call):
        result = {"type": "tool_result", "tool_use_id": call["id"], "content": TOLD}
        self.talk.append({"role": "user", "content": [result]})

    def turn(self, model):
        answer = anthropic.messages.with_raw_response.create(
            model=model,
            max_tokens=4000,
            messages=self.talk,
            tools=[{"name": "get_weather", "input_schema": WEATHER}],
            thinking={"type": "enabled", "budget_tokens": 1024},
        )
        blocks = [block.model_dump(exclude_none=True) for block in answer.parse().content]
        self.talk.append({"role": "assistant", "content": blocks})
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        return text, [block for block in blocks if block["type"] == "tool_use"], answer.headers


class Generate:
    def __init__(self):
        self.talk = []

    def say(self, text):
        self.talk.append(types.Content(role="user", parts=[types.Part.from_text(text=text)]))

    def answer(self, call):
        part = types.Part.from_function_response(name=call.name, response={"result": TOLD})
        part.function_response.id = call.id
        self.talk.append(types.Content(role="user", parts=[part]))

    def turn(self, model):
        declared = types.FunctionDeclaration(name="get_weather", parameters_json_schema=WEATHER)
        config = types.GenerateContentConfig(
            tools=[types.Tool(function_declarations=[declared])],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            thinking_config=types.ThinkingConfig(include_thoughts=True, thinking_level="LOW"),
        )
        answer = genai.models.generate_content(model=model, contents=self.talk, config=config)
        content = answer.candidates[0].content
        self.talk.append(content)
        text = "".join(part.text or "" for part in content.parts if not part.thought)
        calls = [part.function_call for part in content.parts if part.function_call]
        return text, calls, answer.sdk_http_response.headers


class Converse:
    def __init__(self):
        self.talk = []

    def say(self, text):
        self.talk.append({"role": "user", "content": [{"text": text}]})

    def answer(self, call):
        result = {"toolUseId": call["toolUseId"], "content": [{"text": TOLD}]}
        self.talk.append({"role": "user", "content": [{"toolResult": result}]})

    def turn(self, model):
        thinking = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
        if "nova" in model:
            thinking = {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}
        answer = bedrock.converse(
            modelId=model,
            messages=self.talk,
            inferenceConfig={"maxTokens": 4000},
            toolConfig={"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": WEATHER}}}]},
            additionalModelRequestFields=thinking,
        )
        message = answer["output"]["message"]
        self.talk.append(message)
        text = "".join(block.get("text", "") for block in message["content"])
        calls = [block["toolUse"] for block in message["content"] if "toolUse" in block]
        return text, calls, answer["ResponseMetadata"]["HTTPHeaders"]


SEALS = ("signature", "thoughtSignature", "thought_signature", "encrypted_content")
ISSUERS = {"gpt": "OpenAI", "claude": "Anthropic", "gemini": "Google"}


def issuer(model):
    """Who seals a model's thoughts; nobody does for Amazon's own."""
    return next((issuer for word, issuer in ISSUERS.items() if word in model), None)


def seals(value):
    """All seals in a provider's request."""
    if isinstance(value, list):
        return [seal for inner in value for seal in seals(inner)]
    if isinstance(value, dict):
        own = [inner for key, inner in value.items() if key in SEALS and isinstance(inner, str)]
        return own + seals(list(value.values()))
    return []


def takes_seals(client, model):
    """OpenAI's chat has no place for them: only clients of Responses get by it."""
    return model != "gpt-5" or client is Responses


@pytest.mark.parametrize("client", [Chat, Responses, Messages, Generate, Converse])
@pytest.mark.parametrize("other", EACH)
@pytest.mark.parametrize("model", EACH)
def test_who_sealed_a_thought_gets_it_back(client, model, other):
    talk = client()
    talk.say("Weather?")
    _, [call], _ = talk.turn(model)
    sealed = issuer(model) and takes_seals(client, model)
    talk.answer(call)
    text, _, headers = talk.turn(other)
    assert TOLD in text
    if sealed and issuer(other) == issuer(model) and takes_seals(client, other):
        assert seals(sent()["body"])
    elif sealed and not (client is Converse and other == NOVA):
        # Converse is Bedrock's own, and there a body goes through as it is.
        lost = headers["x-tollgate-losses"]
        assert any(f"{what};dropped" in lost for what in ("thinking", "signature", "thought", "reasoning")), lost
    talk.say("And tomorrow?")
    _, calls, _ = talk.turn(model)
    assert len(calls) == 1
    if sealed:
        assert seals(sent()["body"])

"""How the clients of each API ask, and how their answers are known to be whole.

Every request says the same: an instruction, one message, and how many tokens the fake provider is to
answer with.
"""

import json

from rig import ANTHROPIC, GEMINI, KEY, OPENAI

NOVA, OLLAMA, INSTRUCT = "us.amazon.nova-lite-v1:0", "llama3.2", "gpt-3.5-turbo-instruct"
SYSTEM = "Be brief."
# The dialects of conversations.
SPEAKERS = ("chat", "responses", "messages", "generate", "converse", "ollama")

# Provider, by the dialect it is spoken to in: the model that is asked for. Two are aliases of the rig's.
PROVIDERS = {
    "chat": OPENAI,
    "responses": "answers",
    "messages": ANTHROPIC,
    "generate": GEMINI,
    "converse": NOVA,
    "completions": INSTRUCT,
    "ollama": "llamas",
}


class Client:
    """One API: where a request goes, what it says, and how its answers are read."""

    def __init__(self, own, paths, body, last, whole, mark=b"data: "):
        # The model of its own kind of provider; paths of whole and of streamed answers; the body;
        # what ends a stream; a member of every whole answer; what every event of a stream has.
        self.own, self.paths, self.say, self.last, self.member, self.mark = own, paths, body, last, whole, mark

    def headers(self):
        version = ["anthropic-version=2023-06-01"] if self.say is messages else []
        return ["content-type=application/json", f"authorization=Bearer {KEY}", *version]

    def path(self, model, streamed):
        return self.paths[bool(streamed)].replace("{model}", model)

    def body(self, model, text, streamed):
        return json.dumps(self.say(model, text, bool(streamed))).encode()

    def is_whole(self, answer, streamed):
        return self.last in answer[-4000:] if streamed else self.member in json.loads(answer)

    def events(self, answer):
        return answer.count(self.mark)


def user(content):
    return [{"role": "user", "content": content}]


def chat(model, text, streamed):
    return {"model": model, "stream": streamed, "messages": [{"role": "system", "content": SYSTEM}, *user(text)]}


def responses(model, text, streamed):
    return {"model": model, "stream": streamed, "instructions": SYSTEM, "input": user(text), "store": False}


def messages(model, text, streamed):
    return {"model": model, "stream": streamed, "max_tokens": 4000, "system": SYSTEM, "messages": user(text)}


def generate(_, text, __):
    said = [{"role": "user", "parts": [{"text": text}]}]
    return {"systemInstruction": {"parts": [{"text": SYSTEM}]}, "contents": said}


def converse(_, text, __):
    return {"system": [{"text": SYSTEM}], "messages": user([{"text": text}])}


def completions(model, text, streamed):
    return {"model": model, "stream": streamed, "max_tokens": 4000, "prompt": f"{SYSTEM}\n{text}"}


GENERATE = ("/v1beta/models/{model}:generateContent", "/v1beta/models/{model}:streamGenerateContent?alt=sse")
CONVERSE = ("/model/{model}/converse", "/model/{model}/converse-stream")
CLIENTS = {
    "chat": Client(OPENAI, ("/v1/chat/completions",) * 2, chat, b"[DONE]", "choices"),
    "responses": Client(OPENAI, ("/v1/responses",) * 2, responses, b"response.completed", "output"),
    "messages": Client(ANTHROPIC, ("/v1/messages",) * 2, messages, b"message_stop", "content"),
    "generate": Client(GEMINI, GENERATE, generate, b"finishReason", "candidates"),
    "converse": Client(NOVA, CONVERSE, converse, b"metadata", "output", b":event-type"),
    "completions": Client(INSTRUCT, ("/v1/completions",) * 2, completions, b"[DONE]", "choices"),
    "ollama": Client(OLLAMA, ("/api/chat",) * 2, chat, b'"done":true', "message", b"created_at"),
}

"""The gateway under test, seen as a client of each SDK sees it, and what reached the provider.

`run.sh` sets the addresses. Retries of the SDKs are off, so that every fault shows.
"""

import base64
import json
import os
import urllib.request

import anthropic
import boto3
import openai
from botocore.config import Config
from google import genai
from google.genai import types

URL = os.environ["TOLLGATE_URL"]
PROVIDER = os.environ["PROVIDER_URL"]
KEY = os.environ["TOLLGATE_KEY"]

# A model of each provider's dialect, then those that think.
PLAIN = ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash"]
THINKERS = ["gpt-5", "o3", "gemini-3-pro-preview"]
ALL = PLAIN + THINKERS
# One of each dialect that a provider speaks, and all of them think.
CLAUDE_ON_BEDROCK = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "us.amazon.nova-2-lite-v1:0"
EACH = ["gpt-5", "gpt-5-codex", "claude-opus-4-6", "gemini-3-pro-preview", CLAUDE_ON_BEDROCK, NOVA]

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PNG_SEEN = f"I see 1 image (image/png, {len(PNG)} bytes)"
PDF = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n"
PDF_SEEN = f"I see 1 document (application/pdf, {len(PDF)} bytes)"


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def openai_client(key: str = KEY, kind=openai.OpenAI):
    return kind(base_url=f"{URL}/v1", api_key=key, max_retries=0, timeout=20)


def anthropic_client(key: str = KEY, kind=anthropic.Anthropic):
    return kind(base_url=URL, api_key=key, max_retries=0, timeout=20)


def genai_client(key: str = KEY) -> genai.Client:
    options = types.HttpOptions(
        base_url=URL, timeout=20_000, retry_options=types.HttpRetryOptions(attempts=1)
    )
    return genai.Client(api_key=key, http_options=options)


def bedrock_client(key: str = KEY):
    """A client that signs. Its bearer tokens the SDK sends over TLS alone, and here is none."""
    config = Config(retries={"total_max_attempts": 1}, read_timeout=20, connect_timeout=5, proxies={})
    return boto3.Session().client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=URL,
        config=config,
        aws_access_key_id=key,
        aws_secret_access_key="any",
    )


def provider_page(page: str):
    with urllib.request.urlopen(f"{PROVIDER}/__mock/{page}", timeout=5) as answer:
        return json.load(answer)


def sent() -> dict:
    """The last request that reached the provider: method, path, query, headers, body."""
    return provider_page("last")


def results_by_call(body: dict) -> list[tuple[dict, str]]:
    """The arguments of each call in a provider's request, each with the text of its result."""
    if "contents" in body:
        calls, results = [], []
        for content in body["contents"]:
            for part in content["parts"]:
                if "functionCall" in part:
                    calls.append(part["functionCall"]["args"])
                if "functionResponse" in part:
                    results.append(json.dumps(part["functionResponse"]["response"]))
        return list(zip(calls, results, strict=True))
    calls, results = {}, {}
    for message in body["messages"]:
        for call in message.get("tool_calls") or []:
            calls[call["id"]] = json.loads(call["function"]["arguments"])
        if message["role"] == "tool":
            results[message["tool_call_id"]] = json.dumps(message["content"])
        content = message.get("content")
        for block in content if isinstance(content, list) else []:
            if block["type"] == "tool_use":
                calls[block["id"]] = block["input"]
            if block["type"] == "tool_result":
                results[block["tool_use_id"]] = json.dumps(block["content"])
    return [(calls[id], results[id]) for id in calls]


def system_text(body: dict) -> str:
    """What a provider's request says as its system prompt."""
    if "contents" in body:
        return json.dumps(body.get("systemInstruction") or body.get("system_instruction"))
    if "system" in body:
        return json.dumps(body["system"])
    return json.dumps([m["content"] for m in body["messages"] if m["role"] in ("system", "developer")])


WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "Where"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
    },
    "required": ["city", "unit", "days"],
}


def fits_weather(arguments: dict) -> None:
    assert set(arguments) == {"city", "unit", "days"}
    assert isinstance(arguments["city"], str) and arguments["city"]
    assert arguments["unit"] in ("celsius", "fahrenheit")
    assert isinstance(arguments["days"], int) and 1 <= arguments["days"] <= 7

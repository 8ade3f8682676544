"""Realtime sessions, through OpenAI's SDK, its framework for agents, and Google's SDK."""

import asyncio
import base64
import json

import openai
import pytest
from agents import function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner
from google.genai import types

from gateway import KEY, URL, genai_client, openai_client, sent

WS = URL.replace("http", "ws")
MODEL = "gpt-realtime"
TEXT = {"type": "realtime", "output_modalities": ["text"]}


def say(connection, text):
    part = {"type": "input_text", "text": text}
    connection.conversation.item.create(item={"type": "message", "role": "user", "content": [part]})
    connection.response.create()


def until(connection, kind):
    events = []
    for event in connection:
        events.append(event)
        if event.type == kind:
            return events


def test_a_session_of_words():
    with openai_client().realtime.connect(model=MODEL) as connection:
        assert connection.recv().type == "session.created"
        connection.session.update(session=TEXT)
        assert until(connection, "session.updated")[-1].session.output_modalities == ["text"]
        say(connection, "Tell me of rain")
        events = until(connection, "response.done")
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        assert text.startswith('You asked: "Tell me of rain".')
        usage = events[-1].response.usage
        assert usage.total_tokens == usage.input_tokens + usage.output_tokens > 0
    assert (sent()["path"], sent()["query"]) == ("/v1/realtime", f"model={MODEL}")
    assert "sec-websocket-extensions" not in sent()["headers"]


def test_sound_is_heard_and_made():
    with openai_client().realtime.connect(model=f"openai/{MODEL}") as connection:
        sound = base64.b64encode(bytes(48_000)).decode()
        connection.input_audio_buffer.append(audio=sound)
        connection.input_audio_buffer.commit()
        connection.response.create()
        events = until(connection, "response.done")
        heard = b"".join(
            base64.b64decode(event.delta) for event in events if event.type == "response.output_audio.delta"
        )
        details = events[-1].response.usage.output_token_details
        assert len(heard) == 2_400 * details.audio_tokens > 0


def test_what_is_wrong_is_told_in_the_session_and_before():
    with openai_client().realtime.connect(model=MODEL) as connection:
        connection.send({"type": "session.update", "session": {}})
        error = until(connection, "error")[-1].error
        assert (error.type, error.param) == ("invalid_request_error", "session.type")
    for key, model in [("wrong", MODEL), (KEY, "claude-sonnet-4-5")]:
        with pytest.raises(Exception) as refused:
            openai_client(key).realtime.connect(model=model, max_retries=0).enter()
        status = getattr(getattr(refused.value, "response", None), "status_code", None)
        assert status in (400, 401), refused.value


def test_tools_are_called_asynchronously():
    async def talk():
        async with openai_client(kind=openai.AsyncOpenAI).realtime.connect(model=MODEL) as connection:
            tool = {"type": "function", "name": "get_weather",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
            await connection.session.update(session={**TEXT, "tools": [tool]})
            part = {"type": "input_text", "text": "#mock tools=1\nHow is the weather?"}
            await connection.conversation.item.create(
                item={"type": "message", "role": "user", "content": [part]}
            )
            await connection.response.create()
            calls = []
            async for event in connection:
                if event.type == "response.function_call_arguments.done":
                    calls.append(event)
                if event.type != "response.done":
                    continue
                if event.response.output[0].type == "message":
                    return calls, event.response.output[0].content[0].text
                await connection.conversation.item.create(item={"type": "function_call_output",
                    "call_id": calls[0].call_id, "output": "rain"})
                await connection.response.create()

    calls, text = asyncio.run(talk())
    assert "city" in json.loads(calls[0].arguments) and "rain" in text


def test_secrets_and_calls():
    client = openai_client()
    secret = client.realtime.client_secrets.create(session={"type": "realtime", "model": MODEL})
    assert secret.value.startswith("ek_") and secret.session.model == MODEL
    session = {"type": "realtime", "model": f"openai/{MODEL}"}
    call = client.realtime.calls.create(sdp="v=0\r\n", session=session)
    assert call.text.splitlines()[1] == f"s=answered by {MODEL}"
    call_id = call.response.headers["location"].rsplit("/", 1)[1]
    client.realtime.calls.accept(call_id, type="realtime", model=f"openai/{MODEL}")
    assert (sent()["path"], sent()["body"]["model"]) == (f"/v1/realtime/calls/{call_id}/accept", MODEL)
    client.realtime.calls.hangup(call_id)
    with client.realtime.connect(call_id=call_id) as connection:
        assert connection.recv().type == "session.created"


def test_an_agent_talks_and_uses_its_tool():
    used = []

    @function_tool
    def get_weather(city: str) -> str:
        """The weather in a city."""
        used.append(city)
        return "rain"

    async def talk():
        agent = RealtimeAgent(name="Guide", instructions="Help.", tools=[get_weather])
        settings = {"model_name": MODEL, "modalities": ["text"]}
        runner = RealtimeRunner(agent, config={"model_settings": settings})
        where = {"api_key": KEY, "url": f"{WS}/v1/realtime?model={MODEL}"}
        async with await runner.run(model_config=where) as session:
            await session.send_message("#mock tools=1\nHow is the weather?")
            ends = 0
            async for event in session:
                assert event.type != "error", event
                ends += event.type == "agent_end"
                if used and ends >= 2:
                    return

    asyncio.run(asyncio.wait_for(talk(), 30))
    assert len(used) == 1


def live(talk, model, config):
    """Google's SDK opens sessions over TLS alone, but for this."""

    async def run():
        client = genai_client()
        client._api_client._websocket_base_url = lambda http_options=None: WS
        client._api_client._websocket_ssl_ctx = {}
        async with client.aio.live.connect(model=model, config=config) as session:
            return await talk(session)

    return asyncio.run(asyncio.wait_for(run(), 30))


def test_gemini_s_sessions():
    async def talk(session):
        text, usage = "", None
        await session.send_client_content(turns={"role": "user", "parts": [{"text": "Tell me of snow"}]})
        async for message in session.receive():
            text += message.text or ""
            usage = message.usage_metadata or usage
        return text, usage

    config = {"response_modalities": ["TEXT"]}
    text, usage = live(talk, "gemini-live-2.5-flash-preview", config)
    assert text.startswith('You asked: "Tell me of snow".')
    assert usage.total_token_count == usage.prompt_token_count + usage.response_token_count > 0
    assert sent()["headers"]["x-goog-api-key"] == "demo"


def test_gemini_s_tools():
    weather = {"name": "get_weather", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}

    async def talk(session):
        content = {"role": "user", "parts": [{"text": "#mock tools=1\nHow is the weather?"}]}
        await session.send_client_content(turns=content)
        async for message in session.receive():
            if message.tool_call:
                call = message.tool_call.function_calls[0]
                answer = types.FunctionResponse(id=call.id, name=call.name, response={"result": "rain"})
                await session.send_tool_response(function_responses=[answer])
            if message.server_content and message.server_content.turn_complete:
                return call.name

    config = {"response_modalities": ["TEXT"], "tools": [{"function_declarations": [weather]}]}
    assert live(talk, "gemini-live-2.5-flash-preview", config) == "get_weather"

"""The asynchronous clients, once each, with many requests at a time."""

import asyncio

import anthropic
import openai
import pytest

from gateway import PLAIN, anthropic_client, genai_client, openai_client


@pytest.mark.parametrize("model", PLAIN)
def test_async_chat(model):
    async def run():
        async with openai_client(kind=openai.AsyncOpenAI) as client:

            async def one(number):
                messages = [{"role": "user", "content": f"Number {number}"}]
                whole = await client.chat.completions.create(model=model, messages=messages)
                text = ""
                async for chunk in await client.chat.completions.create(
                    model=model, messages=messages, stream=True
                ):
                    text += chunk.choices[0].delta.content or ""
                assert text == whole.choices[0].message.content
                assert f'"Number {number}"' in text

            await asyncio.gather(*[one(number) for number in range(8)])

    asyncio.run(run())


@pytest.mark.parametrize("model", PLAIN)
def test_async_messages(model):
    async def run():
        async with anthropic_client(kind=anthropic.AsyncAnthropic) as client:

            async def one(number):
                asked = {"model": model, "max_tokens": 500}
                asked["messages"] = [{"role": "user", "content": f"Number {number}"}]
                whole = await client.messages.create(**asked)
                async with client.messages.stream(**asked) as stream:
                    text = "".join([each async for each in stream.text_stream])
                assert text == whole.content[0].text
                assert f'"Number {number}"' in text

            await asyncio.gather(*[one(number) for number in range(8)])

    asyncio.run(run())


@pytest.mark.parametrize("model", PLAIN)
def test_async_generate(model):
    async def run():
        client = genai_client().aio

        async def one(number):
            asked = {"model": model, "contents": f"Number {number}"}
            whole = await client.models.generate_content(**asked)
            text = ""
            async for chunk in await client.models.generate_content_stream(**asked):
                text += chunk.text or ""
            assert text == whole.text
            assert f'"Number {number}"' in text

        await asyncio.gather(*[one(number) for number in range(8)])

    asyncio.run(run())

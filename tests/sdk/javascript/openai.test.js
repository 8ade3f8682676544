// OpenAI's JavaScript SDK against the gateway.

import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

const { TOLLGATE_URL, TOLLGATE_KEY } = process.env;
const client = new OpenAI({ baseURL: `${TOLLGATE_URL}/v1`, apiKey: TOLLGATE_KEY, maxRetries: 0 });
const models = ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "gpt-5", "gemini-3-pro-preview"];
const plain = models.slice(0, 3);

const messages = (content) => [{ role: "user", content }];
const tools = [
  {
    type: "function",
    function: {
      name: "get_weather",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  },
];

for (const model of models) {
  test(`chat answers: ${model}`, async () => {
    const answer = await client.chat.completions.create({ model, messages: messages("Tell me of rain") });
    assert.match(answer.choices[0].message.content, /^You asked: "Tell me of rain"\./);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  });

  test(`a stream says what the whole answer says: ${model}`, async () => {
    const asked = { model, messages: messages("Tell me of snow") };
    const whole = await client.chat.completions.create(asked);
    const stream = await client.chat.completions.create({
      ...asked,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let last;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      last = chunk;
    }
    assert.equal(text, whole.choices[0].message.content);
    assert.deepEqual(last.choices, []);
    assert.deepEqual(last.usage, whole.usage);
  });

  test(`the stream helper builds the completion: ${model}`, async () => {
    const stream = client.chat.completions.stream({ model, messages: messages("Weather in parallel?"), tools });
    const final = await stream.finalChatCompletion();
    const calls = final.choices[0].message.tool_calls;
    assert.equal(final.choices[0].finish_reason, "tool_calls");
    assert.equal(calls.length, 2);
    assert.notEqual(calls[0].id, calls[1].id);
    assert.deepEqual(calls.map((call) => JSON.parse(call.function.arguments).city), ["Paris", "Tokyo"]);
  });

  test(`the SDK runs a tool by itself: ${model}`, async () => {
    const asked = [];
    const runner = client.chat.completions.runTools({
      model,
      messages: messages("What is the weather?"),
      tools: [
        {
          type: "function",
          function: {
            ...tools[0].function,
            parse: JSON.parse,
            function: ({ city }) => {
              asked.push(city);
              return `18 degrees in ${city}`;
            },
          },
        },
      ],
    });
    assert.equal(await runner.finalContent(), "The tool said: 18 degrees in Paris");
    assert.deepEqual(asked, ["Paris"]);
  });
}

for (const model of plain) {
  test(`too many requests are told as such: ${model}`, async () => {
    const refused = client.chat.completions.create({
      model,
      messages: messages("Hi #mock error=429"),
    });
    await assert.rejects(refused, (error) => {
      assert.ok(error instanceof OpenAI.RateLimitError);
      assert.equal(error.headers.get("retry-after"), "7");
      return true;
    });
  });

  test(`an error inside a stream is thrown: ${model}`, async () => {
    const stream = await client.chat.completions.create({
      model,
      messages: messages("Hi #mock stream_error=3"),
      stream: true,
    });
    await assert.rejects(async () => {
      for await (const _ of stream);
    }, OpenAI.APIError);
  });
}

test("a wrong key is refused", async () => {
  const stranger = new OpenAI({ baseURL: `${TOLLGATE_URL}/v1`, apiKey: "wrong", maxRetries: 0 });
  await assert.rejects(stranger.models.list(), OpenAI.AuthenticationError);
});

test("models are listed and found", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  for (const model of plain) assert.ok(ids.includes(model), model);
  assert.equal((await client.models.retrieve("gpt-4o-mini")).id, "gpt-4o-mini");
});

for (const model of ["text-embedding-3-small", "gemini-embedding-001"]) {
  test(`vectors come in the wanted size: ${model}`, async () => {
    const answer = await client.embeddings.create({ model, input: ["one", "two"], dimensions: 64 });
    assert.deepEqual(answer.data.map((each) => each.embedding.length), [64, 64]);
    const plainly = await client.embeddings.create({ model, input: "one", dimensions: 64, encoding_format: "float" });
    plainly.data[0].embedding.forEach((value, at) => {
      assert.ok(Math.abs(value - answer.data[0].embedding[at]) < 1e-6);
    });
  });
}

// Anthropic's JavaScript SDK against the gateway.

import assert from "node:assert/strict";
import { test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";

const { TOLLGATE_URL, TOLLGATE_KEY } = process.env;
const client = new Anthropic({ baseURL: TOLLGATE_URL, apiKey: TOLLGATE_KEY, maxRetries: 0 });
const models = ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "gpt-5", "gemini-3-pro-preview"];

const asking = (model, content) => ({ model, max_tokens: 1000, messages: [{ role: "user", content }] });
const text = (message) => message.content.map((block) => block.text ?? "").join("");
const tools = [
  {
    name: "get_weather",
    input_schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
];

for (const model of models) {
  test(`a message answers: ${model}`, async () => {
    const message = await client.messages.create(asking(model, "Tell me of rain"));
    assert.match(text(message), /^You asked: "Tell me of rain"\./);
    assert.equal(message.stop_reason, "end_turn");
    assert.ok(message.usage.input_tokens > 0);
  });

  test(`a stream says what the whole answer says: ${model}`, async () => {
    const whole = await client.messages.create(asking(model, "Tell me of snow"));
    const stream = client.messages.stream(asking(model, "Tell me of snow"));
    let heard = "";
    stream.on("text", (delta) => (heard += delta));
    const final = await stream.finalMessage();
    assert.equal(heard, text(whole));
    assert.equal(text(final), heard);
    assert.equal(final.stop_reason, "end_turn");
    assert.equal(final.usage.output_tokens, whole.usage.output_tokens);
    assert.equal(final.usage.input_tokens, whole.usage.input_tokens);
  });

  test(`a streamed call is answered: ${model}`, async () => {
    const asked = { ...asking(model, "What is the weather?"), tools };
    const first = await client.messages.stream(asked).finalMessage();
    assert.equal(first.stop_reason, "tool_use");
    const call = first.content.find((block) => block.type === "tool_use");
    assert.deepEqual(call.input, { city: "Paris" });
    const result = { type: "tool_result", tool_use_id: call.id, content: "18 degrees" };
    const second = await client.messages.create({
      ...asked,
      messages: [
        ...asked.messages,
        { role: "assistant", content: first.content },
        { role: "user", content: [result] },
      ],
    });
    assert.equal(text(second), "The tool said: 18 degrees");
  });

  test(`an error inside a stream is thrown: ${model}`, async () => {
    const stream = client.messages.stream(asking(model, "Hi #mock stream_error=3"));
    await assert.rejects(stream.finalMessage(), Anthropic.APIError);
  });
}

test("a wrong key is refused", async () => {
  const stranger = new Anthropic({ baseURL: TOLLGATE_URL, apiKey: "wrong", maxRetries: 0 });
  await assert.rejects(stranger.messages.create(asking("gpt-4o-mini", "Hi")), Anthropic.AuthenticationError);
});

test("models are listed and tokens counted", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes("claude-sonnet-4-5"));
  const { max_tokens: _, ...counted } = asking("claude-sonnet-4-5", "Hi");
  assert.ok((await client.messages.countTokens(counted)).input_tokens > 0);
});

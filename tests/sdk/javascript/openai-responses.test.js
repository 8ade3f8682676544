// OpenAI's JavaScript SDK, Responses, against the gateway.

import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

const { TOLLGATE_URL, TOLLGATE_KEY } = process.env;
const client = new OpenAI({ baseURL: `${TOLLGATE_URL}/v1`, apiKey: TOLLGATE_KEY, maxRetries: 0 });
const models = ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "gpt-5-codex", "gemini-3-pro-preview"];
const tools = [
  {
    type: "function",
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    strict: false,
  },
];

for (const model of models) {
  test(`a response answers: ${model}`, async () => {
    const answer = await client.responses.create({ model, input: "Tell me of rain" });
    assert.match(answer.output_text, /^You asked: "Tell me of rain"\./);
    assert.equal(answer.status, "completed");
    assert.equal(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens);
  });

  test(`the stream helper builds the response: ${model}`, async () => {
    const whole = await client.responses.create({ model, input: "Tell me of snow" });
    const stream = client.responses.stream({ model, input: "Tell me of snow" });
    let text = "";
    for await (const event of stream) if (event.type === "response.output_text.delta") text += event.delta;
    const final = await stream.finalResponse();
    assert.equal(text, whole.output_text);
    assert.equal(final.output_text ?? text, whole.output_text);
    assert.equal(final.usage.output_tokens, whole.usage.output_tokens);
  });

  test(`streamed parallel calls are answered: ${model}`, async () => {
    const input = [{ role: "user", content: "The weather of two cities in parallel" }];
    // OpenAI takes a thought back that nobody keeps only with its seal, and seals none of a model without.
    const include = model === "gpt-4o-mini" ? [] : ["reasoning.encrypted_content"];
    const asked = { model, input, tools, include, store: false };
    const final = await client.responses.stream(asked).finalResponse();
    const calls = final.output.filter((item) => item.type === "function_call");
    assert.deepEqual(calls.map((call) => JSON.parse(call.arguments).city), ["Paris", "Tokyo"]);
    // The helper adds what it parsed.
    input.push(...final.output.map(({ parsed_arguments, ...item }) => item));
    for (const { call_id } of calls) input.push({ type: "function_call_output", call_id, output: `for ${call_id}` });
    const answer = await client.responses.create(asked);
    assert.match(answer.output_text, /The tool said: for [^]*The tool said: for /);
  });

  test(`faults are thrown: ${model}`, async () => {
    const asked = { model, input: "#mock error=429" };
    await assert.rejects(client.responses.create(asked), OpenAI.RateLimitError);
    const stream = await client.responses.create({ model, input: "#mock stream_error=6", stream: true });
    await assert.rejects(async () => {
      for await (const _ of stream);
    }, OpenAI.APIError);
  });
}

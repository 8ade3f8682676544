// Vercel's AI SDK, whose provider for OpenAI speaks Responses, against the gateway.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createOpenAI } from "@ai-sdk/openai";
import { Output, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";

// It warns of models that it does not know.
globalThis.AI_SDK_LOG_WARNINGS = false;
const { TOLLGATE_URL, TOLLGATE_KEY: apiKey } = process.env;
const { responses } = createOpenAI({ baseURL: `${TOLLGATE_URL}/v1`, apiKey });
const models = ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "gpt-5", "gpt-5-codex", "gemini-3-pro-preview"];

const tools = {
  get_weather: tool({
    description: "The weather",
    inputSchema: jsonSchema({
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    }),
    execute: async ({ city }) => `18 degrees in ${city}`,
  }),
};
// It refers to what the provider keeps, unless it is told that nothing is.
const providerOptions = { openai: { store: false } };

async function heard(asked) {
  const errors = [];
  const stream = streamText({ ...asked, maxRetries: 0, onError: ({ error }) => errors.push(error) });
  let text = "";
  let thought = "";
  for await (const piece of stream.fullStream) {
    if (piece.type === "text-delta") text += piece.text;
    if (piece.type === "reasoning-delta") thought += piece.text;
  }
  return { text, thought, errors, stream };
}

for (const name of models) {
  test(`a stream says what the whole answer says, tokens counted: ${name}`, async () => {
    const asked = { model: responses(name), prompt: "Tell me of snow", providerOptions };
    const whole = await generateText({ ...asked, maxRetries: 0 });
    const { text, errors, stream } = await heard(asked);
    assert.deepEqual(errors, []);
    assert.equal(text, whole.text);
    assert.equal(await stream.finishReason, "stop");
    const [told, counted] = [await stream.usage, whole.usage];
    assert.ok(told.inputTokens > 0 && told.outputTokens > 0);
    assert.deepEqual([told.inputTokens, told.outputTokens], [counted.inputTokens, counted.outputTokens]);
  });

  test(`streamed parallel calls are run and answered: ${name}`, async () => {
    const prompt = "The weather of two cities in parallel";
    const { text, errors } = await heard({
      model: responses(name),
      prompt,
      tools,
      providerOptions,
      stopWhen: stepCountIs(3),
    });
    assert.deepEqual(errors, []);
    assert.match(text, /18 degrees in Paris[^]*18 degrees in Tokyo/);
  });

  test(`an answer has the wanted form: ${name}`, async () => {
    const schema = jsonSchema({
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer" } },
      required: ["city", "days"],
      additionalProperties: false,
    });
    const output = Output.object({ schema });
    const model = responses(name);
    const answer = await generateText({ model, prompt: "Report", output, providerOptions, maxRetries: 0 });
    assert.equal(typeof answer.output.city, "string");
    assert.ok(Number.isInteger(answer.output.days));
  });

  test(`faults are told as such: ${name}`, async () => {
    const model = responses(name);
    const refused = generateText({ model, prompt: "Hi #mock error=429", maxRetries: 0 });
    await assert.rejects(refused, ({ statusCode, isRetryable }) => statusCode === 429 && isRetryable);
    const { errors } = await heard({ model, prompt: "Hi #mock stream_error=6", providerOptions });
    assert.ok(errors.length >= 1);
  });
}

for (const name of ["gpt-5", "gpt-5-codex", "claude-sonnet-4-5", "gemini-3-pro-preview"]) {
  test(`thoughts are told, and their seals come back with the calls: ${name}`, async () => {
    const options = {
      openai: {
        store: false,
        // It asks for thoughts only of models that it knows to think.
        forceReasoning: true,
        reasoningEffort: "low",
        reasoningSummary: "auto",
        include: ["reasoning.encrypted_content"],
      },
    };
    const { text, thought, errors } = await heard({
      model: responses(name),
      prompt: "What is the weather?",
      tools,
      providerOptions: options,
      stopWhen: stepCountIs(3),
    });
    assert.deepEqual(errors, []);
    assert.match(text, /The tool said: 18 degrees in/);
    assert.match(thought, /^Let me think/);
  });
}

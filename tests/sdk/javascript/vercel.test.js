// Vercel's AI SDK, with each of its providers, against the gateway.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { Output, embedMany, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";

// It warns of models that it does not know.
globalThis.AI_SDK_LOG_WARNINGS = false;
const { TOLLGATE_URL, TOLLGATE_KEY: apiKey } = process.env;
const openai = createOpenAI({ baseURL: `${TOLLGATE_URL}/v1`, apiKey });
const anthropic = createAnthropic({ baseURL: `${TOLLGATE_URL}/v1`, apiKey });
const google = createGoogleGenerativeAI({ baseURL: `${TOLLGATE_URL}/v1beta`, apiKey });
const bedrock = createAmazonBedrock({ baseURL: TOLLGATE_URL, region: "us-east-1", apiKey });
const providers = { openai: (name) => openai.chat(name), anthropic, google, bedrock };
const nova = "us.amazon.nova-2-lite-v1:0";
const models = ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "gpt-5", "gemini-3-pro-preview", nova];

const city = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = {
  get_weather: tool({
    description: "The weather",
    inputSchema: jsonSchema({ ...city, additionalProperties: false }),
    execute: async ({ city }) => `18 degrees in ${city}`,
  }),
};
const report = jsonSchema({
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
  additionalProperties: false,
});

// A stream tells its errors apart from its text.
async function heard(asked) {
  const errors = [];
  const stream = streamText({ ...asked, maxRetries: 0, onError: ({ error }) => errors.push(error) });
  let text = "";
  for await (const piece of stream.textStream) text += piece;
  return { text, errors, stream };
}

for (const [kind, provider] of Object.entries(providers)) {
  for (const name of models) {
    test(`${kind}: a stream says what the whole answer says, tokens counted: ${name}`, async () => {
      const asked = { model: provider(name), prompt: "Tell me of snow" };
      const whole = await generateText({ ...asked, maxRetries: 0 });
      const { text, errors, stream } = await heard(asked);
      assert.deepEqual(errors, []);
      assert.equal(text, whole.text);
      assert.equal(await stream.finishReason, "stop");
      const [told, counted] = [await stream.usage, whole.usage];
      assert.ok(told.inputTokens > 0 && told.outputTokens > 0);
      assert.deepEqual([told.inputTokens, told.outputTokens], [counted.inputTokens, counted.outputTokens]);
    });

    test(`${kind}: streamed parallel calls are run and answered: ${name}`, async () => {
      const prompt = "The weather of two cities in parallel";
      const { text, errors } = await heard({ model: provider(name), prompt, tools, stopWhen: stepCountIs(3) });
      assert.deepEqual(errors, []);
      assert.match(text, /18 degrees in Paris[^]*18 degrees in Tokyo/);
    });

    test(`${kind}: an answer has the wanted form: ${name}`, async () => {
      const output = Output.object({ schema: report });
      const answer = await generateText({ model: provider(name), prompt: "Report", output, maxRetries: 0 });
      assert.equal(typeof answer.output.city, "string");
      assert.ok(Number.isInteger(answer.output.days));
    });
  }

  for (const name of models.slice(0, 3)) {
    test(`${kind}: faults are told as such: ${name}`, async () => {
      const model = provider(name);
      const refused = generateText({ model, prompt: "Hi #mock error=429", maxRetries: 0 });
      await assert.rejects(refused, ({ statusCode, isRetryable }) => statusCode === 429 && isRetryable);
      const { errors } = await heard({ model, prompt: "Hi #mock stream_error=3" });
      assert.equal(errors.length, 1);
    });
  }
}

for (const name of ["text-embedding-3-small", "gemini-embedding-001"]) {
  test(`vectors come one for each value: ${name}`, async () => {
    for (const model of [openai.textEmbeddingModel(name), google.textEmbeddingModel(name)]) {
      const { embeddings } = await embedMany({ model, values: ["one", "two"] });
      assert.equal(embeddings.length, 2);
    }
  });
}

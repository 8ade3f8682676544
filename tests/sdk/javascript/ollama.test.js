// Ollama's JavaScript SDK: every feature onto every provider, an Ollama among them.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Ollama } from "ollama";

const { TOLLGATE_URL, TOLLGATE_KEY, PROVIDER_URL } = process.env;
const client = new Ollama({ host: TOLLGATE_URL, headers: { Authorization: `Bearer ${TOLLGATE_KEY}` } });
const llama = "ollama/qwen3";
const nova = "us.amazon.nova-2-lite-v1:0";
const models = [llama, "gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "gpt-5", "cohere/command-a-03-2025", nova];
const plain = models.slice(0, 4);
const png =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const messages = (content, more) => [{ role: "user", content, ...more }];
const tool = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const sent = async () => (await fetch(`${PROVIDER_URL}/__mock/last`)).json();

async function gather(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

for (const model of models) {
  test(`a chat is answered, whole and streamed: ${model}`, async () => {
    const whole = await client.chat({ model, messages: messages("Tell me of rain") });
    assert.match(whole.message.content, /^You asked: "Tell me of rain"\./);
    assert.deepEqual([whole.message.role, whole.done, whole.done_reason], ["assistant", true, "stop"]);
    const parts = await gather(await client.chat({ model, messages: messages("Tell me of rain"), stream: true }));
    assert.equal(parts.map((part) => part.message.content).join(""), whole.message.content);
    assert.ok(parts.length > 5, "it did not stream");
    assert.deepEqual(parts.filter((part) => part.done), [parts.at(-1)]);
    assert.equal(parts.at(-1).eval_count, whole.eval_count);
    assert.equal(parts.at(-1).prompt_eval_count, whole.prompt_eval_count);
  });

  test(`a prompt is answered: ${model}`, async () => {
    const whole = await client.generate({ model, prompt: "Tell me of hail", system: "Be brief" });
    assert.match(whole.response, /^You asked: "Tell me of hail"\./);
    const parts = await gather(await client.generate({ model, prompt: "Tell me of hail", system: "Be brief", stream: true }));
    assert.equal(parts.map((part) => part.response).join(""), whole.response);
  });

  test(`tools are called and heard: ${model}`, async () => {
    const history = messages("What is the weather? parallel");
    const parts = await gather(await client.chat({ model, messages: history, tools: [tool], stream: true }));
    const calls = parts.flatMap((part) => part.message.tool_calls ?? []);
    assert.equal(calls.length, 2);
    for (const call of calls) assert.equal(typeof call.function.arguments.city, "string");
    history.push({ role: "assistant", content: "", tool_calls: calls });
    for (const degrees of [18, 19]) {
      history.push({ role: "tool", content: `${degrees} degrees`, tool_name: "get_weather" });
    }
    const answer = await client.chat({ model, messages: history, tools: [tool] });
    assert.equal(answer.message.content, "The tool said: 18 degrees\nThe tool said: 19 degrees");
  });

  test(`an error is the SDK's own: ${model}`, async () => {
    const refused = client.chat({ model, messages: messages("#mock error=429") });
    await assert.rejects(refused, (error) => error.name === "ResponseError" && error.status_code === 429);
    const broken = client.chat({ model, messages: messages("#mock stream_error=3"), stream: true });
    await assert.rejects(broken.then(gather));
  });
}

for (const model of plain) {
  test(`an answer has the wanted form: ${model}`, async () => {
    const format = {
      type: "object",
      properties: { title: { type: "string" }, year: { type: "integer" } },
      required: ["title", "year"],
    };
    const answer = await client.chat({ model, messages: messages("A book"), format });
    assert.deepEqual(Object.keys(JSON.parse(answer.message.content)).sort(), ["title", "year"]);
    // Claude is asked for it in words, and a fake one does not hear them.
    if (model.startsWith("claude")) return;
    const free = await client.chat({ model, messages: messages("A book, as JSON"), format: "json" });
    assert.equal(typeof JSON.parse(free.message.content), "object");
  });

  test(`a picture is seen: ${model}`, async () => {
    const answer = await client.chat({ model, messages: messages("What is this?", { images: [png] }) });
    assert.match(answer.message.content, /^I see 1 image \(image\/png/);
    const bytes = Uint8Array.from(Buffer.from(png, "base64"));
    const again = await client.generate({ model, prompt: "What is this?", images: [bytes] });
    assert.match(again.response, /^I see 1 image \(image\/png/);
  });

  test(`options steer the answer: ${model}`, async () => {
    const options = { num_predict: 5, num_ctx: 4096, temperature: 0.5, stop: ["END"], seed: 7 };
    const answer = await client.chat({ model, messages: messages("Tell me of rain"), options, keep_alive: "5m" });
    assert.deepEqual([answer.done_reason, answer.eval_count], ["length", 5]);
  });
}

test("an Ollama gets what only it understands as it was", async () => {
  const options = { num_ctx: 4096, mirostat: 2, num_predict: 8 };
  await client.chat({ model: llama, messages: messages("Hi"), options, keep_alive: 0, think: false });
  const { path, body } = await sent();
  assert.equal(path, "/api/chat");
  assert.deepEqual(body.options, options);
  assert.deepEqual([body.keep_alive, body.think, body.model], [0, false, "qwen3"]);
});

for (const model of [llama, "claude-sonnet-4-5", "gemini-2.5-flash"]) {
  for (const think of [true, "high"]) {
    test(`thought is shown apart from words: ${model}, ${think}`, async () => {
      const parts = await gather(await client.chat({ model, messages: messages("Why?"), think, stream: true }));
      assert.match(parts.map((part) => part.message.thinking ?? "").join(""), /^Let me think about this\./);
      assert.match(parts.map((part) => part.message.content ?? "").join(""), /^You asked: "Why\?"\./);
    });
  }
}

for (const model of ["text-embedding-3-small", "gemini-embedding-001", "ollama/nomic-embed-text"]) {
  test(`vectors come one for each input: ${model}`, async () => {
    const { embeddings } = await client.embed({ model, input: ["rain", "snow"] });
    assert.equal(embeddings.length, 2);
    assert.notDeepEqual(embeddings[0], embeddings[1]);
    const { embedding } = await client.embeddings({ model, prompt: "rain" });
    assert.equal(embedding.length, embeddings[0].length);
  });
}

test("models are listed and shown", async () => {
  const { models: listed } = await client.list();
  assert.ok(listed.some((model) => model.name === "gpt-4o-mini"));
  const shown = await client.show({ model: "gpt-4o-mini" });
  assert.ok(shown.capabilities.includes("tools"));
  assert.deepEqual((await client.ps()).models, []);
  assert.match((await client.version()).version, /^\d+\.\d+\.\d+$/);
  await assert.rejects(client.show({ model: "no-such-model" }), (error) => error.status_code === 404);
});

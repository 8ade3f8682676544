// A limit or budget that is reached, as OpenAI's and Anthropic's JavaScript SDKs tell of it.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const { TOLLGATE_URL, TOLLGATE_BINARY, TOLLGATE_DATA } = process.env;
const models = ["gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash"];
const messages = [{ role: "user", content: "Hi" }];

const openai = (apiKey, maxRetries = 0) => new OpenAI({ baseURL: `${TOLLGATE_URL}/v1`, apiKey, maxRetries });
const anthropic = (apiKey, maxRetries = 0) => new Anthropic({ baseURL: TOLLGATE_URL, apiKey, maxRetries });

// The secret of a new key with these fields, once the running gateway knows it.
async function key(fields) {
  const set = Object.entries(fields).flatMap(([name, value]) => ["--set", `${name}=${JSON.stringify(value)}`]);
  const name = `sdk-${randomUUID().slice(0, 13)}`;
  const env = { TOLLGATE_DATA_DIR: TOLLGATE_DATA, OPENAI_API_KEY: "any" };
  const made = execFileSync(TOLLGATE_BINARY, ["keys", "create", name, "--json", ...set], { env });
  const secret = JSON.parse(made).key;
  const end = Date.now() + 20_000;
  for (;;) {
    try {
      await openai(secret).models.list();
      return secret;
    } catch (error) {
      assert.ok(error instanceof OpenAI.AuthenticationError && Date.now() < end, error);
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

for (const model of models) {
  test(`OpenAI reads how a limit stands and when it is reached: ${model}`, async () => {
    const client = openai(await key({ limits: [{ requests: 2, per: "hour" }] }));
    const asked = { model, messages, max_tokens: 50 };
    const { response } = await client.chat.completions.create(asked).withResponse();
    assert.equal(response.headers.get("x-ratelimit-limit-requests"), "2");
    assert.equal(response.headers.get("x-ratelimit-remaining-requests"), "1");
    const second = await client.chat.completions.create({ ...asked, stream: true }).withResponse();
    assert.equal(second.response.headers.get("x-ratelimit-remaining-requests"), "0");
    for await (const chunk of second.data) assert.ok(chunk.id);
    await assert.rejects(client.chat.completions.create(asked), (error) => {
      assert.ok(error instanceof OpenAI.RateLimitError);
      assert.equal(error.code, "rate_limit_exceeded");
      assert.match(error.message, /limit of 2 requests an hour/);
      assert.ok(Number(error.headers.get("retry-after")) > 0);
      return true;
    });
  });

  test(`Anthropic reads how a limit stands and when it is reached: ${model}`, async () => {
    const client = anthropic(await key({ limits: [{ requests: 1, per: "hour" }] }));
    const asked = { model, messages, max_tokens: 50 };
    const { response } = await client.messages.create(asked).withResponse();
    assert.equal(response.headers.get("anthropic-ratelimit-requests-limit"), "1");
    assert.equal(response.headers.get("anthropic-ratelimit-requests-remaining"), "0");
    assert.ok(Date.parse(response.headers.get("anthropic-ratelimit-requests-reset")) > 0);
    await assert.rejects(client.messages.create(asked), (error) => {
      assert.ok(error instanceof Anthropic.RateLimitError);
      assert.equal(error.error.error.type, "rate_limit_error");
      assert.match(error.message, /limit of 1 requests an hour/);
      assert.ok(Number(error.headers.get("retry-after")) > 0);
      return true;
    });
  });
}

test("a spent budget is no limit that passes, and is not asked again", async () => {
  const spent = await key({ budgets: [{ usd: "0.0000001", per: "ever" }] });
  const begun = Date.now();
  const asked = { model: "gpt-4o-mini", messages, max_tokens: 50 };
  await assert.rejects(openai(spent, 3).chat.completions.create(asked), (error) => {
    assert.ok(error instanceof OpenAI.RateLimitError);
    assert.equal(error.code, "insufficient_quota");
    return true;
  });
  await assert.rejects(anthropic(spent, 3).messages.create(asked), (error) => {
    assert.ok(error instanceof Anthropic.RateLimitError);
    assert.match(error.message, /budget of 0.0000001 USD in all/);
    return true;
  });
  assert.ok(Date.now() - begun < 1000);
});

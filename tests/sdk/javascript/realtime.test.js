// A browser's way into a realtime session: no headers, and the key among the protocols.

import assert from "node:assert/strict";
import { test } from "node:test";

import WebSocket from "ws";

const { TOLLGATE_URL, TOLLGATE_KEY } = process.env;
const at = (path) => `${TOLLGATE_URL.replace("http", "ws")}${path}`;

const open = (path, protocols) =>
  new Promise((resolve, reject) => {
    // As browsers do, it offers to pack what is said.
    const socket = new WebSocket(at(path), protocols, { perMessageDeflate: true });
    const events = [];
    const waiting = [];
    socket.on("message", (data) => {
      const event = JSON.parse(data);
      waiting.length ? waiting.shift()(event) : events.push(event);
    });
    socket.on("open", () => resolve({ socket, next }));
    socket.on("unexpected-response", (_, response) => reject(new Error(`status ${response.statusCode}`)));
    socket.on("error", reject);
    const next = () =>
      events.length ? Promise.resolve(events.shift()) : new Promise((resolve) => waiting.push(resolve));
  });

const until = async (next, is) => {
  for (;;) {
    const event = await next();
    if (is(event)) return event;
  }
};

test("a browser talks to OpenAI's model", async () => {
  const key = `openai-insecure-api-key.${TOLLGATE_KEY}`;
  const { socket, next } = await open("/v1/realtime?model=gpt-realtime", ["realtime", key]);
  assert.equal(socket.protocol, "realtime");
  assert.equal(socket.extensions, "");
  socket.send(JSON.stringify({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } }));
  const content = [{ type: "input_text", text: "#mock big=300000\nTell me of hail" }];
  socket.send(JSON.stringify({ type: "conversation.item.create", item: { type: "message", role: "user", content } }));
  socket.send(JSON.stringify({ type: "response.create" }));
  const { response } = await until(next, (event) => event.type === "response.done");
  assert.ok(response.output[0].content[0].text.length >= 300_000);
  const closed = new Promise((resolve) => socket.on("close", (code) => resolve(code)));
  socket.close(1000);
  assert.equal(await closed, 1000);
});

test("a browser talks to Gemini's model", async () => {
  const path = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";
  const { socket, next } = await open(`${path}?key=${TOLLGATE_KEY}`, []);
  const generationConfig = { responseModalities: ["AUDIO"] };
  socket.send(JSON.stringify({ setup: { model: "models/gemini-2.0-flash-live-001", generationConfig } }));
  assert.deepEqual(await next(), { setupComplete: {} });
  socket.send(JSON.stringify({ realtimeInput: { text: "Tell me of hail" } }));
  const last = await until(next, (event) => event.serverContent?.turnComplete);
  assert.equal(last.usageMetadata.responseTokensDetails[0].modality, "AUDIO");
  socket.terminate();
});

test("a wrong key opens nothing", async () => {
  const opened = open("/v1/realtime?model=gpt-realtime", ["realtime", "openai-insecure-api-key.wrong"]);
  await assert.rejects(opened, /status 401/);
});

// The playground: asks a model through this gateway as a client would, and shows the answer as it comes.

import { raw } from "./api.js";
import { choice, copier, field } from "./controls.js";
import { fill, h } from "./dom.js";
import { span, whole } from "./format.js";
import { link } from "./route.js";
import { someModel } from "./welcome.js";

/** For each dialect: where it is asked, what is said, and what a piece of the stream adds. */
const DIALECTS = {
  "OpenAI chat": {
    path: "v1/chat/completions",
    body: ({ model, system, prompt, most }) => ({
      model, stream: true, stream_options: { include_usage: true }, max_completion_tokens: most,
      messages: [...(system ? [{ role: "system", content: system }] : []), { role: "user", content: prompt }],
    }),
    text: (piece) => piece.choices?.[0]?.delta?.content,
    thought: (piece) => piece.choices?.[0]?.delta?.reasoning_content,
    used: (piece) => piece.usage && [piece.usage.prompt_tokens, piece.usage.completion_tokens],
  },
  "OpenAI Responses": {
    path: "v1/responses",
    body: ({ model, system, prompt, most }) => ({
      model, stream: true, store: false, input: prompt, instructions: system || undefined, max_output_tokens: most,
    }),
    text: (piece) => piece.type === "response.output_text.delta" && piece.delta,
    thought: (piece) => piece.type === "response.reasoning_summary_text.delta" && piece.delta,
    used: ({ response }) => response?.usage && [response.usage.input_tokens, response.usage.output_tokens],
  },
  "Anthropic Messages": {
    path: "v1/messages",
    body: ({ model, system, prompt, most }) => ({
      model, stream: true, system: system || undefined, max_tokens: most ?? 1024,
      messages: [{ role: "user", content: prompt }],
    }),
    text: (piece) => piece.delta?.text,
    thought: (piece) => piece.delta?.thinking,
    used: (piece, before) => {
      const usage = piece.usage ?? piece.message?.usage;
      return usage && [usage.input_tokens ?? before?.[0] ?? 0, usage.output_tokens ?? 0];
    },
  },
};

/** What was typed, for as long as this page lives. The key is kept nowhere else. */
const typed = { key: "", system: "", prompt: "Say hello in three languages.", most: "", dialect: "OpenAI chat" };

export default async function play(view) {
  const { models } = await view.get("models");
  const usual = view.query.model ?? (await someModel(view));
  const remember = (name) => (event) => (typed[name] = event.target.value);
  const names = h("datalist", { id: "models" }, models.slice(0, 2000).map(({ name }) => h("option", { value: name })));
  const model = h("input", { value: usual, list: "models", required: true, spellcheck: "false" });
  const key = h("input",
    { type: "password", value: typed.key, autocomplete: "off", oninput: remember("key"), required: true });
  const system = h("textarea", { rows: "2", oninput: remember("system") }, typed.system);
  const prompt = h("textarea", { rows: "5", required: true, oninput: remember("prompt") }, typed.prompt);
  const most = h("input", { type: "number", min: "1", value: typed.most, oninput: remember("most") });
  const dialect = choice(Object.keys(DIALECTS).map((name) => [name, name]), typed.dialect,
    { onchange: remember("dialect") });
  const ask = h("button.main", { type: "submit" }, "Ask");
  const stop = h("button.quiet", { type: "button", hidden: true, onclick: () => asking?.abort() }, "Stop");
  const thought = h("p.thought");
  const said = h("p.answer", { "aria-live": "polite" }, h("span.empty", "The answer appears here."));
  const facts = h("dl.numbers");
  const end = h("div");
  let asking = null;
  view.signal.addEventListener("abort", () => asking?.abort());
  fill(view.body, h("div.grid.two",
    h("form.card", { onsubmit: (event) => {
      event.preventDefault();
      run();
    } }, names,
      h("div.pair", field("Model", model), field("Asked in", dialect)),
      field("Key", key, "A virtual key, or the master key: the request is held to its rules and counted for it"),
      field("System", system), field("Prompt", prompt), field("At most so many tokens", most),
      h("footer", stop, ask)),
    h("section.card", h("h2", "Answer"), thought, said, facts, end)));

  async function run() {
    asking = new AbortController();
    ask.disabled = true;
    stop.hidden = false;
    [thought, said, facts, end].forEach((node) => fill(node));
    const began = performance.now();
    try {
      await stream(asking.signal, began);
    } catch (error) {
      const isStopped = error.name === "AbortError";
      fill(end, h("p.notice", { class: isStopped ? "" : "bad", role: "alert" }, isStopped ? "Stopped." : error.message));
    } finally {
      ask.disabled = false;
      stop.hidden = true;
    }
  }

  async function stream(signal, began) {
    const { path, body, text, thought: thinks, used } = DIALECTS[dialect.value];
    const answer = await raw(`play/${path}`, {
      method: "POST", signal,
      headers: { "content-type": "application/json", "x-tollgate-play-key": key.value.trim() },
      body: JSON.stringify(body({ model: model.value.trim(), system: system.value, prompt: prompt.value,
        most: Number(most.value) || undefined })),
    });
    if (!answer.ok) throw new Error(await refusal(answer));
    const id = answer.headers.get("x-request-id");
    const at = [answer.headers.get("x-tollgate-provider"),
      answer.headers.get("x-tollgate-model")].filter(Boolean).join("/");
    let first = null;
    let tokens = null;
    for await (const piece of pieces(answer.body)) {
      const why = failure(piece);
      if (why) throw new Error(why);
      const word = text(piece);
      const thinking = thinks(piece);
      if (word || thinking) first ??= performance.now() - began;
      if (word) said.append(word);
      if (thinking) thought.append(thinking);
      tokens = used(piece, tokens) ?? tokens;
      show();
    }
    show();
    const losses = answer.headers.get("x-tollgate-losses");
    fill(end,
      losses && h("p.notice.warn", "Lost in translation: ", h("code", losses)),
      h("footer", said.textContent && copier(said.textContent),
        id && h("a.button", { href: link(`requests/${encodeURIComponent(id)}`) }, "What it cost")));

    function show() {
      const rows = [["Answered by", at], ["First token", first && span(first)], ["In all", span(performance.now() - began)],
        ["Tokens", tokens && tokens.map(whole).join(" → ")]];
      fill(facts, rows.filter(([, value]) => value).map(([name, value]) => h("div", h("dt", name), h("dd", value))));
    }
  }
}

/** Why a stream broke off, if this piece says so; in Responses an event is the error itself. */
function failure(piece) {
  const error = piece.error ?? piece.response?.error ?? (piece.type === "error" ? piece : null);
  return error && (error.message || error.code || "the stream failed");
}

async function refusal(answer) {
  const text = await answer.text();
  try {
    const { error, message } = JSON.parse(text);
    return `${answer.status}: ${error?.message ?? message ?? text}`;
  } catch {
    return `${answer.status}: ${text.slice(0, 300)}`;
  }
}

/** The JSON of server-sent events. */
async function* pieces(body) {
  let rest = "";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    const lines = (rest + (value ?? "")).split(/\r?\n/);
    rest = done ? "" : lines.pop();
    for (const line of lines) {
      if (line.startsWith("data:") && line.slice(5).trim() !== "[DONE]") yield JSON.parse(line.slice(5));
    }
    if (done) return;
  }
}

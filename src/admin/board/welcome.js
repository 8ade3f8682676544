// What a gateway shows that nobody has asked anything yet: how to make a key, and how to use it.

import { copier } from "./controls.js";
import { fill, h } from "./dom.js";
import { newKey } from "./keyform.js";
import { link } from "./route.js";

/** The address at which clients come in, as far as the gateway tells. */
export async function gateway(view) {
  const { protocol, hostname } = location;
  const listen = view.session.listen ?? (await view.get("config").catch(() => null))?.effective?.listen;
  const said = typeof listen === "object" ? listen?.value : listen;
  const port = String(said ?? "").match(/:(\d+)$/)?.[1] ?? "8080";
  return `${protocol}//${hostname.includes(":") ? `[${hostname.replace(/[[\]]/g, "")}]` : hostname}:${port}`;
}

/** A first request, to be pasted into a shell. */
export const example = (base, model, key) =>
  `curl ${base}/v1/chat/completions \\
  -H 'authorization: Bearer ${key}' -H 'content-type: application/json' \\
  -d '{"model":"${model}","messages":[{"role":"user","content":"Hello"}]}'`;

/** A model that this gateway has, best one that chats and is cheap. */
export async function someModel(view) {
  const { models } = await view.get("models").catch(() => ({ models: [] }));
  const names = models.map(({ name }) => name);
  return ["gpt-4o-mini", "claude-haiku-4-5",
    "gemini-2.5-flash"].find((name) => names.includes(name)) ?? names[0] ?? "gpt-4o-mini";
}

/** Draws the page; false if there have been requests after all. */
export async function welcome(view) {
  const latest = await view.get("session");
  if (!latest.first_run) {
    view.session.first_run = false;
    return false;
  }
  const [base, model, { providers }] = await Promise.all([gateway(view), someModel(view), view.get("providers")]);
  const shown = h("pre.code");
  const copy = h("div");
  const say = (key) => {
    const text = example(base, model, key);
    fill(shown, text);
    fill(copy, copier(text));
  };
  say("tg-…");
  const make = h("button.main", { disabled: !view.can("keys"), onclick: async () => {
    const made = await newKey(view);
    if (made) say(made.secret);
  } }, "Make a key");
  fill(view.title, "Welcome");
  fill(view.body,
    h("p.lead", "The gateway runs, and nobody has asked it anything yet. Three steps to the first numbers:"),
    h("ol.steps",
      h("li.card", h("h2", "Providers"), providers.length
        ? h("p", `${providers.length === 1 ? "One is" : `${providers.length} are`} configured: `,
          h("a", { href: link("providers") }, providers.slice(0, 6).map(({ name }) => name).join(", ")), ".")
        : h("p", "None is configured. Start the gateway with, say, ", h("code", "OPENAI_API_KEY"), " in its environment.")),
      h("li.card", h("h2", "A key"),
        h("p", "What a client shows instead of the provider's own. It can have an owner, models, limits and a budget."), make),
      h("li.card", h("h2", "A request"), shown, copy,
        h("p.sub", "Or use any SDK with this base address, or ask from the ",
          h("a", { href: link("play") }, "playground"), "."))),
    h("p.sub", { role: "status" }, "This page turns into the overview with the first request."));
  const timer = setInterval(async () => {
    view.session.first_run = (await view.get("session")).first_run;
    if (!view.session.first_run) dispatchEvent(new Event("hashchange"));
  }, 2000);
  view.signal.addEventListener("abort", () => clearInterval(timer));
  return true;
}

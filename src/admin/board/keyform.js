// Making and changing a key: the words of the configuration, as a form.

import { send } from "./api.js";
import { choice, copier, dialog, field, form } from "./controls.js";
import { fill, fresh, h } from "./dom.js";
import { example, gateway, someModel } from "./welcome.js";

const AMOUNTS = [["requests", "requests"], ["tokens", "tokens"], ["tokens_in", "tokens in"], ["tokens_out", "tokens out"],
  ["concurrency", "at one time"]];

/** Asks for a new key, makes it and shows its secret once. What was made, if it was. */
export async function newKey(view) {
  const fields = new Fields({ enabled: true });
  const made = await form("New key", fields.nodes(), "Make key", () => send("POST", "keys", fields.words()));
  if (made) await secret(view, made, "The key is made");
  return made;
}

/** Asks for changes of a key and makes them; the key as it is then. */
export async function editKey(key) {
  const fields = new Fields(key);
  return form(`Change ${key.name}`, fields.nodes(), "Change", () =>
    send("PATCH", `keys/${encodeURIComponent(key.id)}`, fields.changes(new Fields(key).words())));
}

/** Gives a key another secret. */
export async function rotateKey(view, key) {
  const grace = choice([["0s", "at once"], ["1h", "in an hour"], ["24h", "in a day"], ["7d", "in a week"]], "24h");
  const made = await form(`Another secret for ${key.name}`,
    field("The present secret ends", grace, "Until then both open, so that services can be moved one by one."),
    "Rotate", () => send("POST", `keys/${encodeURIComponent(key.id)}/rotate`, { grace: grace.value }));
  if (made) await secret(view, made, "The new secret");
  return made?.key;
}

/** Shows a secret. It is the only time, so nothing is waited for before it. */
function secret(view, { key, secret }, title) {
  const shown = h("input.secret",
    { readonly: true, value: secret, "aria-label": "Secret", onfocus: (event) => event.target.select() });
  const how = h("pre.code");
  const say = (base, model) => fill(how, example(base, model, secret));
  // Nothing moves under the hand when the better words come.
  say("http://localhost:8080", "gpt-4o-mini");
  Promise.all([gateway(view), someModel(view)]).then(([base, model]) => say(base, model));
  return dialog(title, (close) => h("div",
    h("p", "This is the secret of ", h("strong", key.name), ". It is not shown again: only its hash is kept."),
    h("div.line", shown, copier(secret)),
    h("p.sub", "Try it:"), how,
    h("footer", copier(() => how.textContent, "Copy the command"),
      h("button.main", { type: "button", onclick: () => close() }, "I have kept it"))),
  { mustAnswer: true });
}

const parts = (text) => text.split(/[\s,]+/).filter(Boolean);

/** The form's fields. */
class Fields {
  constructor(key) {
    const text = (value, more) => h("input", { value: value ?? "", spellcheck: "false", autocomplete: "off", ...more });
    this.key = key;
    this.name = text(key.name, { required: true, autofocus: true, maxlength: "128" });
    this.owner = text(key.owner, { placeholder: "acme/search/api" });
    this.labels = text(key.labels?.join(", "));
    this.models = text(key.models?.join(", "), { placeholder: "gpt-4o*, anthropic/*" });
    this.routes = text(key.routes?.join(", "));
    this.addresses = text(key.addresses?.join(", "), { placeholder: "10.0.0.0/8" });
    this.expires = h("input", { type: "date", value: key.expires?.slice(0, 10) });
    this.enabled = h("input", { type: "checkbox", id: fresh(), checked: key.enabled !== false });
    this.metadata = h("textarea", { rows: "2", spellcheck: "false", placeholder: "contact=ops@example.org" },
      Object.entries(key.metadata ?? {}).map(([name, text]) => `${name}=${text}`).join("\n"));
    this.limits = new Rows("limit", (key.limits ?? []).filter(({ measure }) => measure !== "usd"), limitRow);
    this.budgets = new Rows("budget", key.budgets ?? [], budgetRow);
  }

  nodes() {
    return h("div.fields",
      h("div.pair", field("Name", this.name), field("Owner", this.owner, "org/team/service; its budgets hold too")),
      field("Budgets", this.budgets.node), field("Limits", this.limits.node),
      h("details", { open: Boolean(this.models.value || this.addresses.value) },
        h("summary", "What it may ask for, and from where"),
        h("div.pair", field("Models", this.models, "Empty: all. * stands for any letters"),
          field("Routes", this.routes, "Empty: all")),
        field("Addresses", this.addresses, "Blocks from which it may be used. Empty: anywhere")),
      h("details", h("summary", "Labels, end and notes"),
        h("div.pair", field("Labels", this.labels, "What it is counted under besides"),
          field("Ends on", this.expires, "At midnight in UTC. Empty: never")),
        field("Notes", this.metadata, "A line each: name=text")),
      h("label.check", { for: this.enabled.id }, this.enabled, "In use"));
  }

  /** The fields as the configuration has them. */
  words() {
    const metadata = {};
    for (const line of this.metadata.value.split("\n").filter((line) => line.trim())) {
      const [name, ...text] = line.split("=");
      metadata[name.trim()] = text.join("=").trim();
    }
    const isSameDay = this.key.expires && this.key.expires.slice(0, 10) === this.expires.value;
    const said = {
      name: this.name.value.trim(),
      owner: this.owner.value.trim(),
      labels: parts(this.labels.value),
      models: parts(this.models.value),
      routes: parts(this.routes.value),
      addresses: parts(this.addresses.value),
      expires: isSameDay ? this.key.expires : this.expires.value,
      limits: this.limits.words(),
      budgets: this.budgets.words(),
      metadata,
    };
    const isEmpty = (value) => value === "" || (typeof value === "object" && Object.keys(value).length === 0);
    const words = Object.fromEntries(Object.entries(said).filter(([, value]) => !isEmpty(value)));
    return this.enabled.checked ? words : { ...words, enabled: false };
  }

  /** What is another than it was; what is gone becomes null. */
  changes(before) {
    const after = this.words();
    const changed = {};
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      if (JSON.stringify(before[name]) !== JSON.stringify(after[name])) changed[name] = after[name] ?? null;
    }
    return changed;
  }
}

/** Rules that can be added and taken away. */
class Rows {
  constructor(word, rules, make) {
    this.rows = [];
    this.list = h("div.rules");
    this.make = make;
    this.node = h("div", this.list,
      h("button.quiet", { type: "button", onclick: () => this.add({}).focus() }, `Add a ${word}`));
    for (const rule of rules) this.add(rule);
  }

  add(rule) {
    const row = this.make(rule);
    const away = h("button.bare", { type: "button", "aria-label": "Take this away", onclick: () => {
      this.rows = this.rows.filter((other) => other !== row);
      node.remove();
    } }, "×");
    const node = h("div.rule", row.nodes, away);
    this.rows.push(row);
    this.list.append(node);
    return row.nodes[0];
  }

  words() {
    return this.rows.map((row) => row.words());
  }
}

const model = (rule) => h("input",
  { value: rule.model && rule.model !== "*" ? rule.model : "", placeholder: "all models",
    "aria-label": "Models for which it holds", spellcheck: "false" });
const among = (values) => values.map((value) => [value, `a ${value}`]);

function limitRow(rule) {
  const amount = h("input",
    { type: "number", min: "1", step: "1", required: true, value: rule.limit, "aria-label": "Amount" });
  const what = choice(AMOUNTS, rule.measure ?? "requests", { "aria-label": "Of what", onchange: fit });
  const per = choice(among(["minute", "hour", "day"]), rule.period ?? "minute", { "aria-label": "For how long" });
  const shape = choice([["rolling", "at any time"], ["calendar", "by the clock"]], rule.shape ?? "rolling",
    { "aria-label": "Counted" });
  const models = model(rule);
  fit();
  return { nodes: [amount, what, per, shape, models], words };

  function fit() {
    per.hidden = shape.hidden = what.value === "concurrency";
  }

  function words() {
    const said = { [what.value]: Number(amount.value) };
    if (what.value !== "concurrency") said.per = per.value;
    if (shape.value === "calendar" && what.value !== "concurrency") said.calendar = true;
    if (models.value.trim()) said.model = models.value.trim();
    return said;
  }
}

function budgetRow(rule) {
  const amount = h("input",
    { type: "number", min: "0", step: "any", required: true, value: rule.limit, "aria-label": "US dollars",
      placeholder: "USD" });
  const per = choice([...among(["hour", "day", "week", "month"]), ["ever", "in all"]], rule.period ?? "month",
    { "aria-label": "For how long" });
  const shape = choice([["calendar", "by the calendar"], ["rolling", "at any time"]], rule.shape ?? "calendar",
    { "aria-label": "Counted" });
  const part = rule.soft != null && rule.limit ? Math.round((rule.soft / rule.limit) * 100) : "";
  const soft = h("input",
    { type: "number", min: "1", max: "100", value: part, placeholder: "alert at %",
      "aria-label": "Alert at so many per cent" });
  const models = model(rule);
  return { nodes: [amount, per, shape, soft, models], words };

  function words() {
    const said = { usd: Number(amount.value), per: per.value };
    if (shape.value === "rolling" && per.value !== "ever") said.rolling = true;
    if (soft.value) said.soft = `${soft.value}%`;
    if (models.value.trim()) said.model = models.value.trim();
    return said;
  }
}

// One request: what became of it, attempt by attempt, what it used, and what that cost.

import { copier, facts, pill, status, time } from "./controls.js";
import { fill, h } from "./dom.js";
import { bytes, exactly, money, span, whole, words } from "./format.js";
import { marks } from "./requests.js";
import { link } from "./route.js";

export default async function request(view) {
  const row = await view.get(`requests/${encodeURIComponent(view.argument)}`);
  fill(view.title, row.model || row.asked_model || row.operation, " ", status(row));
  fill(view.tools, h("a.button", { href: link("requests") }, "All requests"));
  fill(view.body,
    h("div.line", h("span.sub", time(row.at)), h("code", row.id), copier(row.id, "Copy id"), marks(row)),
    h("div.grid.two", asked(row), timeline(row), used(row), costs(row)),
    lost(row),
    bodies(row.body));
}

function asked(row) {
  const filter = (name, value) => value && h("a", { href: link("requests", { [name]: value }) }, value);
  return h("section.card", h("h2", "Who asked whom"), facts([
    ["Key", row.key && h("a", { href: link(`keys/${encodeURIComponent(row.key.id)}`) }, row.key.name)],
    ["Owner", filter("owner", row.owner)],
    ["Labels", row.labels?.join(", ")],
    ["User", filter("user", row.user)],
    ["Session", filter("session", row.session)],
    ["Tags", row.tags?.join(", ")],
    ["Operation", words(row.operation)],
    ["Asked for", row.asked_model],
    ["Answered by", [row.model, row.provider && [" at ", filter("provider", row.provider)]]],
    ["Spoken", row.client && (row.verbatim || row.client === row.target_dialect || !row.target_dialect
      ? `${words(row.client)}${row.verbatim ? ", byte for byte" : ""}`
      : `${words(row.client)}, translated to ${words(row.target_dialect)}`)],
    ["Ended", words(row.outcome)],
    ["Why it stopped", row.stop && words(row.stop)],
    ["Cache", row.cache],
    ["Guards", row.guards?.join(", ")],
    ["Bytes", row.bytes && `${bytes(row.bytes.in)} in, ${bytes(row.bytes.out)} out`],
  ]));
}

/** Where the time went, and what each provider did. */
function timeline(row) {
  const { total_ms: total = 0, overhead_ms: own = 0, first_token_ms: first, upstream_ms: upstream } = row.timing ?? {};
  const waited = Math.max(0, (first ?? upstream ?? total) - own);
  const parts = [
    ["Gateway", own, 1],
    [first == null ? "Provider" : "Until the first token", Math.min(waited, Math.max(0, total - own)), 2],
    ["After it", Math.max(0, total - own - waited), 3],
  ].filter(([, ms]) => ms > 0);
  const bar = h("div.stack", { "aria-hidden": "true" }, parts.map(([, ms, tone]) => {
    const part = h("span", { class: `tone-${tone}` });
    part.style.width = `${(ms / (total || 1)) * 100}%`;
    return part;
  }));
  return h("section.card", h("h2", "Where the time went"),
    h("p.big", span(total)), bar,
    h("ul.legend", parts.map(([name, ms, tone]) => h("li", h("span.swatch", { class: `tone-${tone}` }), name,
      h("b", span(ms))))),
    row.attempts.length > 0 && [h("h3", "Attempts"), h("ol.attempts", row.attempts.map(attempt))]);
}

function attempt({ fault, ...each }) {
  return h("li",
    h("strong", each.provider), each.model && ` ${each.model}`, " ",
    fault ? pill(words(fault), "bad") : pill("answered", "good"),
    each.status > 0 && h("span.sub", ` status ${each.status}`));
}

function used(row) {
  const classes = Object.entries(row.tokens ?? {}).filter(([, n]) => n);
  const source = { reported: "told by the provider", counted: "counted here",
    estimated: "estimated here" }[row.usage_source];
  return h("section.card", h("h2", "Used"), classes.length
    ? [facts(classes.map(([name, n]) => [words(name), h("span.num", whole(n))])), source && h("p.sub", `As ${source}.`)]
    : h("p.empty", "Nothing that would be paid for."));
}

function costs(row) {
  const isUnpriced = row.cost_usd == null && Object.keys(row.tokens ?? {}).length > 0;
  const changed = row.first_cost_usd != null && row.first_cost_usd !== row.cost_usd;
  return h("section.card", h("h2", "Cost"),
    h("p.big", { title: exactly(row.cost_usd) }, money(row.cost_usd)),
    facts([
      ["To the last digit", row.cost_usd != null && exactly(row.cost_usd)],
      ["Before the prices were corrected", changed && exactly(row.first_cost_usd)],
      ["Saved by caches", row.saved_usd > 0 && exactly(row.saved_usd)],
      ["Price", row.price && `${row.price.id}${row.price.version ? ` (${row.price.version})` : ""}`],
    ]),
    isUnpriced && h("p.notice.warn",
      "Nobody knows a price for this model. Give it one under “models” in the configuration, then price it again."));
}

function lost(row) {
  return row.losses?.length > 0 && h("section.card", h("h2", "Lost in translation"),
    h("p.sub", "What the provider's format cannot say, or what was bent to fit:"),
    h("ul.plain", row.losses.map((loss) => h("li", h("code", loss)))));
}

function bodies(body) {
  if (!body) return h("p.sub",
    "Bodies are not logged for this request. The body log is off unless a route or a key switches it on.");
  return ["request", "response"].filter((side) => body[side] != null).map((side) => {
    const text = pretty(body[side]);
    const cut = body[`${side}_cut`] ? ", cut off" : "";
    return h("details.card", h("summary", (side === "request" ? "What was asked" : "What was answered") + cut), copier(text),
      h("pre.code", text));
  });
}

function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

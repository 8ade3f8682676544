// Keys and budgets: who belongs to whom, how full everybody's rules are, and all keys.

import { oops, pill, time, when } from "./controls.js";
import { fill, h } from "./dom.js";
import { money, whole } from "./format.js";
import { gauge } from "./gauge.js";
import { newKey } from "./keyform.js";
import { link } from "./route.js";
import { sieve, table } from "./table.js";

/** So many in one place are drawn in the tree; the table has all keys. */
const MOST = 50;

export default async function keys(view) {
  const tree = h("section.card", h("h2", "Owners and budgets"), h("p.sub", "…"));
  let all = [];
  const list = table({
    caption: "Keys",
    empty: "No key yet. Without keys only the master key opens the gateway.",
    columns: [
      { title: "Name", by: (key) => key.name,
        cell: (key) => h("a", { href: link(`keys/${encodeURIComponent(key.id)}`) }, key.name) },
      { title: "State", by: (key) => state(key).words, cell: (key) => pill(state(key).words, state(key).tone) },
      { title: "Owner", by: (key) => key.owner ?? "", cell: (key) => key.owner || h("span.sub", "nobody") },
      { title: "Secret", wide: true, cell: (key) => key.hint ? h("code", `${key.hint}…`) : "–" },
      { title: "Labels", wide: true, cell: (key) => (key.labels ?? []).map((label) => pill(label)) },
      { title: "Fullest rule", wide: true, num: true, by: fullest,
        cell: (key) => rules(key).length ? `${Math.round(fullest(key) * 100)} %` : "–" },
      { title: "Ends", wide: true, by: (key) => key.expires ?? "9",
        cell: (key) => (key.expires ? when(key.expires) : "never") },
      { title: "Made", wide: true, num: true, by: (key) => key.made ?? "",
        cell: (key) => (key.made ? time(key.made) : "in the file") },
    ],
  });
  const revoked = h("input", { type: "checkbox", id: "revoked", onchange: load });
  const sift = sieve("Name, owner, label …", () => all,
    (key) => [key.name, key.id, key.owner, ...(key.labels ?? [])].join(" "), list.show);
  fill(view.tools,
    view.can("keys") && h("button.main", { onclick: () => newKey(view).then((made) => made && load()) }, "New key"));
  fill(view.body, tree, h("section.card",
    h("div.line", h("h2", "Keys"), sift.input,
      h("label.check", { for: "revoked" }, revoked, "Revoked ones too")), list.node));
  await load();

  async function load() {
    const asked = view.get("keys", { revoked: revoked.checked ? "true" : undefined });
    const [owners, said] = await Promise.all([view.get("owners").catch((error) => error), asked]);
    all = said.keys;
    sift.sift();
    if (owners instanceof Error) return fill(tree, h("h2", "Owners and budgets"), oops(owners));
    fill(tree, h("h2", "Owners and budgets"), forest(owners.nodes));
  }
}

export const rules = (key) => [...(key.budgets ?? []), ...(key.limits ?? [])];
const fullest = (key) => Math.max(0, ...rules(key).map(({ used, limit }) => (limit ? (used ?? 0) / limit : 1)));

/** How a key stands, in a word. */
export function state(key) {
  if (key.state === "shadowed") return { words: "hidden by the file", tone: "bad" };
  if (key.revoked) return { words: "revoked", tone: "bad" };
  if (key.expires && new Date(key.expires) <= new Date()) return { words: "expired", tone: "bad" };
  if (key.enabled === false) return { words: "off", tone: "warn" };
  if (rules(key).some((rule) => rule.exceeded)) return { words: "limit reached", tone: "warn" };
  return { words: "in use", tone: "good" };
}

function forest(nodes) {
  const known = new Set(nodes.filter(({ kind }) => kind === "owner").map(({ name }) => name));
  const above = new Map();
  for (const node of nodes) {
    const parent = node.kind !== "label" && known.has(node.parent) ? node.parent : null;
    if (!above.has(parent)) above.set(parent, []);
    above.get(parent).push(node);
  }
  const roots = above.get(null) ?? [];
  const labels = roots.filter(({ kind }) => kind === "label");
  const others = roots.filter(({ kind, rules }) => kind === "owner" || (kind === "key" && rules?.length));
  if (!others.length && !labels.length) {
    return h("p.empty",
      "No key has an owner, a limit or a budget yet. An owner is a path, org/team/service; budgets of owners and labels stand in the configuration.");
  }
  return [
    others.length > 0 && h("ul.tree", branches(others, above, 0)),
    labels.length > 0 && [h("h3", "Labels"), h("ul.tree", branches(labels, above, 0))],
  ];
}

/** So many of them that nobody waits; the rest by number. */
function branches(nodes, above, depth) {
  const hidden = nodes.length - MOST;
  return [nodes.slice(0, MOST).map((node) => branch(node, above, depth)), hidden > 0 && h("li.sub", `and ${whole(hidden)} more`)];
}

function branch(node, above, depth) {
  const below = node.kind === "owner" ? (above.get(node.name) ?? []) : [];
  const short = node.kind === "owner" && node.parent ? node.name.slice(node.parent.length + 1) || node.name : node.name;
  const name = node.kind === "key"
    ? h("a", { href: link(`keys/${encodeURIComponent(node.id ?? node.name)}`) }, short)
    : h("a.strong", { href: link("usage",
      { [node.kind]: node.name, span: "30d", group: node.kind === "label" ? "owner" : "key" }) }, short);
  const head = h("div.node",
    h("span.name", h("span.sub", node.kind === "key" ? "key " : ""), name,
      node.cost_usd != null && h("span.sub", ` ${money(node.cost_usd)} this month`)),
    (node.rules ?? []).map(gauge));
  if (!below.length) return h("li", head);
  const inside = h("ul");
  // What is below is drawn when it is looked at.
  const details = h("details", { ontoggle: () => details.open && !inside.hasChildNodes() && fill(inside,
    ["owner", "key"].map((kind) => branches(below.filter((each) => each.kind === kind), above, depth + 1))) },
  h("summary", { "aria-label": `What is in ${node.name}` }), inside);
  details.open = depth < 2;
  return h("li", details, head);
}

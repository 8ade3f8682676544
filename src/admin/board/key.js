// One key: what it opens, how full its rules are, and what can be done with it.

import { send } from "./api.js";
import { confirm, facts, pill, tell, time, when } from "./controls.js";
import { fill, h } from "./dom.js";
import { rule, gauge } from "./gauge.js";
import { editKey, rotateKey } from "./keyform.js";
import { rules, state } from "./keys.js";
import { link } from "./route.js";

export default async function key(view) {
  await load();

  async function load() {
    draw(await view.get(`keys/${encodeURIComponent(view.argument)}`));
  }

  function draw(key) {
    const { words, tone } = state(key);
    const isOurs = key.source !== "configuration" && !key.revoked && view.can("keys");
    fill(view.title, key.name, " ", pill(words, tone));
    fill(view.tools,
      h("a.button", { href: link("usage", { key: key.name, group: "model", span: "30d" }) }, "Usage"),
      h("a.button", { href: link("requests", { key: key.name, span: "30d" }) }, "Requests"),
      isOurs && [
        h("button.quiet", { onclick: () => act(editKey(key), `the key ${key.name} is changed`) }, "Edit"),
        h("button.quiet", { onclick: () => act(rotateKey(view, key)) }, "Rotate"),
        h("button.danger", { onclick: () => revoke(key) }, "Revoke"),
      ]);
    const named = (list) => list?.length > 0 && list.flatMap((each, at) => [at > 0 && ", ", h("code", each)]);
    const rows = [
      ["Id", h("code", key.id)],
      ["Secret", key.hint ? h("code", `${key.hint}…`) : "known by its hash alone"],
      ["Owner", key.owner
        ? h("a", { href: link("usage", { owner: key.owner, group: "key", span: "30d" }) }, key.owner) : "nobody"],
      ["Labels", named(key.labels) || "none"],
      ["Models", named(key.models) || "all"],
      ["Routes", named(key.routes) || (key.models?.length ? "those of its models" : "all")],
      ["Addresses", named(key.addresses) || "anywhere"],
      ["Ends", key.expires ? h("span", time(key.expires), " (", when(key.expires), ")") : "never"],
      ["Made", key.made ? time(key.made) : null],
      ["Secret before it", key.replaced_secret_ends && h("span", "opens until ", time(key.replaced_secret_ends))],
      ["Changed", key.changed ? time(key.changed) : null],
      ["Revoked", key.revoked ? time(key.revoked) : null],
      ...Object.entries(key.metadata ?? {}),
    ];
    fill(view.body,
      key.source === "configuration" && h("p.notice", "This key stands in the configuration file and is changed there."),
      h("div.grid.two",
        h("section.card", h("h2", "What it is"), facts(rows)),
        h("section.card", h("h2", "Limits and budgets of its own"),
          rules(key).length ? rules(key).map(gauge) : h("p.empty", "None. Those of its owner and labels hold for it."))));
  }

  async function act(work, done) {
    if (!(await work)) return;
    if (done) tell(done);
    await load();
  }

  async function revoke(key) {
    const rest = rules(key).length ? ` Its rules (${rules(key).map(rule).join("; ")}) go with it.` : "";
    if (!(await confirm(`Revoke ${key.name}?`,
      `Whoever uses it gets 401 from the next request on. That cannot be undone.${rest}`, "Revoke"))) return;
    await act(send("DELETE", `keys/${encodeURIComponent(key.id)}`).then(() => true), `the key ${key.name} is revoked`);
  }
}

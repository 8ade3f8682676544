// What clients may ask for: names, prices, and where each goes.

import { choice, dialog, facts, pill } from "./controls.js";
import { fill, h } from "./dom.js";
import { count, price, whole, words } from "./format.js";
import { link } from "./route.js";
import { sieve, table } from "./table.js";

/** What is not counted in tokens is told by the piece; so many of them the API's figure is for. */
const EACH = { image: 1e6, character: 1e6, second: 1e6, search: 1e6, web_search: 1 };
const KINDS = { all: "all kinds", alias: "aliases", route: "routes", model: "models" };

export default async function models(view) {
  const { models } = await view.get("models");
  const kinds = ["all", ...new Set(models.map(({ kind }) => kind))];
  const kind = choice(kinds.map((name) => [name, KINDS[name] ?? name]), "all",
    { "aria-label": "Kind", onchange: () => sift.sift() });
  const rate = (title, name, wide) => ({
    title, num: true, wide, by: (model) => model.price?.[name], cell: (model) => price(model.price?.[name]),
  });
  const list = table({
    caption: "Models",
    empty: "No model fits. Configure a provider, or search for something else.",
    rows: models,
    columns: [
      { title: "Name", by: (model) => model.name,
        cell: (model) => h("button.linkish", { type: "button", onclick: () => show(model) }, model.name) },
      { title: "Kind", wide: true, by: (model) => model.kind, cell: (model) => model.kind !== "model" && pill(model.kind) },
      { title: "Goes to", wide: true, by: (model) => targets(model)[0] ?? "", cell: (model) => {
        const [first, ...rest] = targets(model);
        return [first ?? "–", rest.length > 0 && h("span.sub", { title: rest.join("\n") }, ` and ${rest.length} more`)];
      } },
      rate("Input", "input"), rate("Output", "output"), rate("Cache read", "cache_read", true),
      { title: "Most input", num: true, wide: true, by: (model) => model.max_input,
        cell: (model) => count(model.max_input) },
      { title: "Most output", num: true, wide: true, by: (model) => model.max_output,
        cell: (model) => count(model.max_output) },
      { title: "", cell: (model) => h("a",
        { href: link("play", { model: model.name }), "aria-label": `Try ${model.name}` }, "Try") },
    ],
  });
  const sift = sieve("Model or provider", () => models.filter((model) => kind.value === "all" || model.kind === kind.value),
    (model) => [model.name, ...targets(model)].join(" "), list.show);
  if (view.query.search) {
    sift.input.value = view.query.search;
    sift.sift();
  }
  fill(view.tools, h("span.sub", `${whole(models.length)} names; prices in USD per million tokens`));
  fill(view.body, h("section.card", h("div.line", sift.input, kinds.length > 2 && kind), list.node));
}

const targets = (model) => (model.targets ?? []).map(({ provider, model }) => `${provider}/${model}`);

/** All that is known of one. */
function show(model) {
  const rates = Object.entries(model.price ?? {}).filter(([, usd]) => typeof usd === "number");
  const rows = [
    ["Kind", model.kind],
    ["Most input", model.max_input && whole(model.max_input)],
    ["Most output", model.max_output && whole(model.max_output)],
    ...rates.map(([name, usd]) => EACH[name]
      ? [`${words(name)}, each`, price(usd / EACH[name])] : [`${words(name)}, a million`, price(usd)]),
  ];
  return dialog(model.name, (close) => h("div",
    h("h3", "Goes to, in this order"),
    h("ol", (model.targets ?? []).map(({ provider, model, dialect }) => h("li", h("strong", provider), ` ${model}`,
      h("span.sub", dialect ? `, spoken to in ${words(dialect)}` : "")))),
    h("h3", "Prices and bounds"),
    rates.length === 0 && h("p.notice.warn", "Nobody knows its price: give it one under “models” in the configuration."),
    facts(rows),
    h("footer",
      h("a.button", { href: link("usage", { model: model.name, group: "key", span: "30d" }),
        onclick: () => close() }, "Usage"),
      h("a.button.main", { href: link("play", { model: model.name }), onclick: () => close() }, "Try it"))));
}

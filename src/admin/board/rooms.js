// The cache and the guards: what they did, or plainly that this gateway has none.

import { chart, steps, UNITS } from "./chart.js";
import { spanOf, spans, tile } from "./controls.js";
import { fill, h } from "./dom.js";
import { money, percent, sides, whole, words } from "./format.js";
import { link } from "./route.js";
import { table } from "./table.js";

const NONE = {
  cache: "This gateway does not keep answers: every request goes to a provider. What providers read from their own prompt caches is counted, and cheaper.",
  guards: "No guards are configured: what clients say and what models answer is neither looked at nor changed. Who may ask for which model, and how much, is decided by keys and budgets.",
};

export default async function room(view) {
  const name = view.page.at;
  const isThere = (view.session.rooms ?? []).includes(name);
  const missing = !isThere && h("section.card", h("h2", "Not there yet"), h("p", NONE[name]));
  if (name === "guards") {
    fill(view.body, missing || h("section.card",
      h("p", "What guards found stands with each request; what they look for stands under “guards” in the configuration.")),
      h("p", h("a.button", { href: link("keys") }, "Keys & budgets"), " ",
        h("a.button", { href: link("requests") }, "Requests")));
    return;
  }
  const tiles = h("dl.tiles");
  const hits = chart({ title: "Saved by caches", unit: UNITS.money, shape: "bars" });
  const list = table({
    caption: "Requests by what the cache gave", sort: 1,
    columns: [
      { title: "The cache", by: tier, cell: (row) => words(tier(row)) },
      { title: "Requests", num: true, by: (row) => row.requests, cell: (row) => whole(row.requests) },
      { title: "Cost", num: true, by: (row) => row.cost_usd, cell: (row) => money(row.cost_usd) },
      { title: "Saved", num: true, by: (row) => row.saved_usd, cell: (row) => money(row.saved_usd) },
      { title: "", cell: (row) => h("a", { href: link("requests", { ...spanOf(view.query), cache: tier(row) }) },
        "Requests") },
    ],
  });
  fill(view.tools, spans(view, load));
  fill(view.body, missing, tiles, hits.node, isThere && h("section.card", list.node));
  await load();

  async function load() {
    const range = spanOf(view.query);
    const [{ totals, series, from, to, by },
      { rows }] = await Promise.all([view.get("overview", range), view.get("usage", { ...range, group: "cache" })]);
    const { in: all, read } = sides(totals.tokens);
    fill(tiles,
      isThere && tile("Answered by the cache", percent(totals.cache_hits, totals.requests),
        `${whole(totals.cache_hits)} of ${whole(totals.requests)} requests`),
      tile("Input from prompt caches", percent(read, all), `${whole(read)} tokens, kept by providers`),
      tile("Saved by both", money(totals.saved_usd), `of ${money(totals.cost_usd + totals.saved_usd)} in all`));
    const saved = new Map(series.map((row) => [new Date(row.at).toISOString(), row.saved_usd ?? 0]));
    const times = steps(from, to, by, [...saved.keys()]);
    hits.show({ times, by, series: [{ name: "Saved", tone: 1, values: times.map((at) => saved.get(at) ?? 0) }] });
    list.show(rows);
  }
}

const tier = (row) => row.group?.cache || "none";

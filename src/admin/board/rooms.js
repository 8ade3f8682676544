// The cache and the guards: what they did, or plainly that this gateway has none.

import { send } from "./api.js";
import { chart, steps, UNITS } from "./chart.js";
import { confirm, pill, spanOf, spans, tell, tile } from "./controls.js";
import { fill, h } from "./dom.js";
import { bytes, money, percent, sides, whole, words } from "./format.js";
import { link } from "./route.js";
import { table } from "./table.js";

const NONE = {
  cache: "This gateway does not keep answers: every request goes to a provider. What those read from prompt caches is counted.",
  guards: "No guards are configured: what clients say and what models answer is neither looked at nor changed.",
};

export default function room(view) {
  const name = view.page.at;
  const isThere = (view.session.rooms ?? []).includes(name);
  const missing = !isThere && h("section.card", h("h2", "Not there yet"), h("p", NONE[name]));
  return name === "guards" ? guards(view, missing) : cache(view, missing);
}

async function guards(view, missing) {
  const list = table({
    caption: "What guards found", sort: 4,
    empty: "Nothing in this time.",
    columns: [
      { title: "Guard", by: (row) => row.guard, cell: (row) => row.guard },
      { title: "Rule", by: (row) => row.rule, cell: (row) => row.rule },
      { title: "Done", by: (row) => row.action, cell: (row) => pill(words(row.action), row.action === "block" ? "bad" : "") },
      { title: "To the", wide: true, by: (row) => row.direction, cell: (row) => row.direction },
      { title: "Requests", num: true, by: (row) => row.requests, cell: (row) => whole(row.requests) },
      { title: "", cell: (row) => h("a",
        { href: link("requests", { ...spanOf(view.query), search: row.name }) }, "Requests") },
    ],
  });
  fill(view.tools, spans(view, load));
  fill(view.body, missing, h("section.card", list.node),
    h("p.sub", "What they look for stands under “guards” in the ", h("a", { href: link("config") }, "configuration"), "."));
  await load();

  async function load() {
    const { rows } = await view.get("usage", { ...spanOf(view.query), group: "guard" });
    list.show(rows.filter(({ group }) => group.guard).map(({ group, requests }) => ({ ...verdict(group.guard), requests })));
  }
}

/** The parts of a verdict: `guard/rule=action;direction`. */
function verdict(name) {
  const [guard, rule, action, direction] = name.split(/[/=;]/);
  return { name, guard, rule, action, direction };
}

async function cache(view, missing) {
  const room = h("dl.tiles");
  const watched = h("dl.tiles");
  const watching = h("p.sub");
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
  const purge = !missing && view.can("config") && h("button.danger", { type: "button", onclick: empty }, "Empty the cache");
  fill(view.tools, spans(view, load), purge);
  fill(view.body, missing, !missing && room, tiles, hits.node, !missing && h("section.card", list.node),
    !missing && h("section.card", h("h2", "The same in other words"), watched, watching));
  await load();

  async function load() {
    const range = spanOf(view.query);
    const [kept, { totals, series, from, to, by }, { rows }] = await Promise.all(
      [view.get("cache"), view.get("overview", range), view.get("usage", { ...range, group: "cache" })]);
    fill(room,
      tile("Answers kept", whole(kept.entries), "in memory"),
      tile("Room they take", bytes(kept.bytes), `of ${bytes(kept.room)}`),
      tile("Gone for want of room", whole(kept.evictions), "the least used"),
      kept.tiers.map((tier) => tile(TIERS[tier.name] ?? tier.name,
        tier.entries === undefined ? (tier.up ? "up" : "down") : whole(tier.entries),
        tier.bytes === undefined ? "shared with other gateways" : `${bytes(tier.bytes)} of ${bytes(tier.room)}`)));
    const { on, agreed, differed, cost_usd: cost } = kept.shadow;
    const seen = agreed + differed;
    fill(watched, (on || seen > 0) && [
      tile("Would have been answered", whole(seen), "since this process began"),
      tile("Answers that agree", percent(agreed, seen), `${whole(agreed)} of ${whole(seen)}`),
      tile("Would have been saved", money(cost), "what those requests cost")]);
    fill(watching, on
      ? "Questions that were answered in other words are asked all the same, and the answers compared (cache.shadow). "
      : "Nothing is watched. With cache.shadow: true, questions that were answered in other words are asked all the same, and the answers compared. ",
      h("a", { href: link("config") }, "Configuration"));
    const { in: all, read } = sides(totals.tokens);
    fill(tiles,
      !missing && tile("Answered by the cache", percent(totals.cache_hits, totals.requests),
        `${whole(totals.cache_hits)} of ${whole(totals.requests)} requests`),
      tile("Input from prompt caches", percent(read, all), `${whole(read)} tokens, kept by providers`),
      tile("Saved by both", money(totals.saved_usd), `of ${money(totals.cost_usd + totals.saved_usd)} in all`));
    const saved = new Map(series.map((row) => [new Date(row.at).toISOString(), row.saved_usd ?? 0]));
    const times = steps(from, to, by, [...saved.keys()]);
    hits.show({ times, by, series: [{ name: "Saved", tone: 1, values: times.map((at) => saved.get(at) ?? 0) }] });
    list.show(rows);
  }

  async function empty() {
    const sure = await confirm("Empty the cache?", "All is paid for once more.", "Empty it");
    if (!sure) return;
    const gone = await send("DELETE", "cache");
    const left = gone.tiers.filter((tier) => !tier.purged).map((tier) => tier.name);
    tell(`${whole(gone.entries)} answers are gone${left.length > 0 ? `, but ${left.join(" and ")} could not be asked` : ""}`);
    await load();
  }
}

const TIERS = { disk: "On the disk", redis: "On the server" };

const tier = (row) => row.group?.cache || "none";

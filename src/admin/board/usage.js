// The usage explorer: grouped, filtered, step by step into the depth, and out as a file.

import { address } from "./api.js";
import { chart, steps, UNITS } from "./chart.js";
import { choice, field, spanOf, spans, track } from "./controls.js";
import { fill, h } from "./dom.js";
import { filters, filtersOf } from "./filters.js";
import { count, money, percent, sides, span, whole, words } from "./format.js";
import { link } from "./route.js";
import { table } from "./table.js";

const GROUPS = ["owner", "team", "key", "label", "model", "asked_model", "provider", "session", "user", "tag", "operation",
  "client", "status", "stop", "cache", "config", "guard"];
/** Of these a request may have several. */
const SEVERAL = ["label", "tag", "guard"];
const FILTER_OF = { team: "owner", asked_model: "search", stop: "search", guard: "search" };
const MEASURES = {
  cost: ["Spend", UNITS.money, (row) => row.cost_usd ?? 0],
  requests: ["Requests", UNITS.count, (row) => row.requests],
  errors: ["Errors", UNITS.count, (row) => row.errors],
  tokens: ["Tokens", UNITS.count, (row) => total(row)],
  saved: ["Saved by caches", UNITS.money, (row) => row.saved_usd ?? 0],
};
const FORMATS = [["csv", "CSV"], ["jsonl", "JSON lines"], ["parquet", "Parquet"]];
/** A picture with more colours than these is none. */
const COLOURS = 7;

export default async function usage(view) {
  const place = { picture: h("div"), list: h("section.card"), sum: h("p.sub", { role: "status" }), files: h("div.files") };
  const chips = filters(view, load);
  const pick = (name, options, usual) => choice(options, view.query[name] ?? usual, { onchange: (event) => {
    view.set({ [name]: event.target.value || undefined });
    return load();
  } });
  const named = GROUPS.map((group) => [group, words(group)]);
  const first = pick("group", named, "model");
  const second = pick("and", [["", "nothing"], ...named], "");
  fill(view.tools, spans(view, load));
  fill(view.body,
    h("section.card.asking",
      h("div.choices",
        field("Group by", first),
        field("And by", second),
        field("Show", pick("measure", Object.entries(MEASURES).map(([name, [title]]) => [name, title]), "cost")),
        field("In steps of a",
          pick("by", [["", "fitting size"], ...["minute", "hour", "day", "week", "month"].map((by) => [by, by])], ""))),
      chips.node),
    place.picture, place.sum, place.list, place.files);
  await load();

  async function load() {
    const { group = "model", and, measure = "cost" } = view.query;
    const range = spanOf(view.query);
    const asked = { ...range, ...filtersOf(view.query) };
    const groups = [group, and !== group && and].filter(Boolean);
    const [list, series] = await Promise.all([
      view.get("usage", { ...asked, by: "none", group: groups.join(",") }),
      view.get("usage", { ...asked, by: view.query.by ?? fitting(range), group }),
    ]);
    const [title, unit, value] = MEASURES[measure] ?? MEASURES.cost;
    draw(series, group, title, unit, value);
    const sum = (of) => list.rows.reduce((sum, row) => sum + (of(row) ?? 0), 0);
    const unpriced = sum((row) => row.unpriced);
    fill(place.sum,
      `${whole(list.rows.length)} rows: ${money(sum((row) => row.cost_usd))}, `,
      `${whole(sum((row) => row.requests))} requests, ${count(sum(total))} tokens`,
      unpriced > 0 && `, ${whole(unpriced)} requests without a known price`,
      groups.some((name) => SEVERAL.includes(name)) && "; a request counts in each of its rows", ".");
    fill(place.list, rows(list.rows, groups).node);
    const by = view.query.by ?? "none";
    fill(place.files, "Save as ", FORMATS.map(([format, words]) =>
      h("a.button", { href: address("usage", { ...asked, by, group: groups.join(","), format }),
        download: `usage.${format}` }, words)));
  }

  function draw({ rows, from, to, by }, group, title, unit, value) {
    const sums = new Map();
    for (const row of rows) sums.set(said(row, group), (sums.get(said(row, group)) ?? 0) + value(row));
    const names = [...sums].sort(([, a], [, b]) => b - a).map(([name]) => name);
    const own = names.slice(0, names.length > COLOURS + 1 ? COLOURS : COLOURS + 1);
    const times = steps(from, to, by, rows.map(({ at }) => new Date(at).toISOString()));
    const values = (isWanted) => {
      const found = new Map(times.map((at) => [at, 0]));
      for (const row of rows) {
        const at = new Date(row.at).toISOString();
        if (isWanted(said(row, group))) found.set(at, (found.get(at) ?? 0) + value(row));
      }
      return times.map((at) => found.get(at));
    };
    const series = own.map((name,
      at) => ({ name: name || "none", tone: at + 1, values: values((other) => other === name) }));
    if (names.length > own.length) {
      series.push({ name: `${names.length - own.length} others`, tone: 8, values: values((name) => !own.includes(name)) });
    }
    const picture = chart({ title, unit, shape: "bars" });
    fill(place.picture, picture.node);
    picture.show({ times, by, series });
  }

  function rows(list, groups) {
    const most = Math.max(...list.map((row) => row.cost_usd ?? 0), 1e-12);
    return table({
      caption: "Usage by group",
      empty: "Nothing was used in this span of time with these filters.",
      sort: groups.length,
      rows: list,
      columns: [
        ...groups.map((group) => ({ title: capital(words(group)), by: (row) => said(row, group),
          cell: (row) => deeper(row, group) })),
        { title: "Cost", num: true, by: (row) => row.cost_usd,
          cell: (row) => [money(row.cost_usd), track((row.cost_usd ?? 0) / most)] },
        { title: "Requests", num: true, by: (row) => row.requests, cell: (row) => h("a", { href: link("requests",
          { ...spanOf(view.query), ...filtersOf(view.query), ...narrowed(row, groups) }) }, whole(row.requests)) },
        { title: "Errors", num: true, by: (row) => row.errors,
          cell: (row) => row.errors ? h("span", { title: percent(row.errors, row.requests) }, whole(row.errors)) : "0" },
        { title: "Tokens in", num: true, wide: true, by: (row) => sides(row.tokens).in,
          cell: (row) => count(sides(row.tokens).in) },
        { title: "Cached", num: true, wide: true, by: (row) => cached(row),
          cell: (row) => percent(sides(row.tokens).read, sides(row.tokens).in) },
        { title: "Tokens out", num: true, wide: true, by: (row) => sides(row.tokens).out,
          cell: (row) => count(sides(row.tokens).out) },
        { title: "Saved", num: true, wide: true, by: (row) => row.saved_usd, cell: (row) => money(row.saved_usd) },
        { title: "Latency", num: true, wide: true, by: (row) => row.latency_ms?.p50,
          cell: (row) => h("span", { title: `p50; p99 is ${span(row.latency_ms?.p99)}` }, span(row.latency_ms?.p50)) },
      ],
    });
  }

  /** A group's name, which leads into it. */
  function deeper(row, group) {
    const name = said(row, group);
    if (!name) return h("span.sub", "none");
    const next = { owner: "key", team: "owner", key: "model", model: "key", provider: "model" }[group] ?? "model";
    return h("button.linkish", { type: "button", title: `Only ${name}, by ${words(next)}`, onclick: () => {
      view.set({ group: next, and: undefined });
      first.value = next;
      second.value = "";
      return chips.add(FILTER_OF[group] ?? group, name);
    } }, name);
  }

  function narrowed(row, groups) {
    return Object.fromEntries(groups.filter((group) => said(row, group)).map((group) => [FILTER_OF[group] ?? group,
      said(row, group)]));
  }
}

const said = (row, group) => String(row.group?.[group] ?? "");
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const total = (row) => sides(row.tokens).in + sides(row.tokens).out;
const cached = (row) => sides(row.tokens).in && sides(row.tokens).read / sides(row.tokens).in;

/** Steps that make some dozens of a span. */
function fitting({ from, to }) {
  const long = /^\d+[hd]$/.test(from)
    ? Number.parseInt(from, 10) * (from.endsWith("d") ? 24 : 1)
    : (new Date(to ?? Date.now()) - new Date(from)) / 3_600_000;
  return long <= 3 ? "minute" : long <= 96 ? "hour" : long <= 24 * 120 ? "day" : "month";
}

// The log of requests: searched, filtered, followed live, and each one a page of its own.

import { follow } from "./api.js";
import { pager, pill, spanOf, spans, status, time } from "./controls.js";
import { fill, h } from "./dom.js";
import { filters, filtersOf } from "./filters.js";
import { count, money, sides, span } from "./format.js";
import { link } from "./route.js";
import { table } from "./table.js";

const PAGE = 50;
const MOST_LIVE = 200;

export default async function requests(view) {
  let rows = [];
  let live = null;
  const list = table({ caption: "Requests, newest first", empty: "No request fits.", columns: COLUMNS });
  const pages = h("div.pages");
  const note = h("p.sub", { role: "status" });
  const chips = filters(view, load);
  const search = h("input.search",
    { type: "search", name: "search", placeholder: "Id, model, error …", "aria-label": "Search",
      value: view.query.search ?? "" });
  const searching = h("form.adder", { onsubmit: (event) => {
    event.preventDefault();
    view.set({ search: search.value.trim() || undefined, before: undefined });
    chips.draw();
    return load();
  } }, search, h("button.quiet", { type: "submit" }, "Search"));
  const follower = h("button", { type: "button", "aria-pressed": "false", onclick: () => (live ? stop() : begin()) },
    "Follow live");
  fill(view.tools, h("div.spans", follower), spans(view, () => {
    view.set({ before: undefined });
    return load();
  }));
  fill(view.body, h("section.card.asking", searching, chips.node), note, h("section.card", list.node), pages);
  await load();

  async function load() {
    stop();
    const said = await view.get("requests",
      { ...spanOf(view.query), ...filtersOf(view.query), limit: PAGE, before: view.query.before });
    rows = said.requests;
    list.show(rows);
    fill(pages, pager(view, said.next));
  }

  function begin() {
    live = new AbortController();
    view.signal.addEventListener("abort", stop);
    follower.setAttribute("aria-pressed", "true");
    fill(note, "Connecting …");
    follow(filtersOf(view.query), live.signal, {
      state(open) {
        fill(note, open ? "Waiting for requests to finish …" : "Reconnecting …");
        if (open) catchUp();
      },
      missed: (n) => fill(note, `Some came too fast to be shown (${n}).`),
      requests: add,
    });
  }

  /** What finished while nobody listened. A read that fails is no loss: the feed goes on. */
  async function catchUp() {
    const { signal } = live;
    const said = await view.get("requests", { ...spanOf(view.query), ...filtersOf(view.query), limit: PAGE })
      .catch(() => null);
    if (said && !signal.aborted) add(said.requests);
  }

  function add(fresh) {
    const known = new Set(rows.map(({ id }) => id));
    const unseen = fresh.filter(({ id }) => !known.has(id));
    if (!unseen.length) return;
    rows = [...unseen, ...rows].sort((a, b) => (a.at < b.at) - (a.at > b.at)).slice(0, MOST_LIVE);
    list.show(rows);
  }

  function stop() {
    live?.abort();
    live = null;
    follower.setAttribute("aria-pressed", "false");
    fill(note);
  }
}

const used = ({ tokens }) => `${count(sides(tokens).in)} → ${count(sides(tokens).out)}`;

const COLUMNS = [
  { title: "Time", cell: (row) => h("a", { href: link(`requests/${encodeURIComponent(row.id)}`) }, time(row.at)) },
  { title: "Status", cell: status },
  { title: "Model", cell: (row) => [row.model || row.asked_model || row.operation,
    row.asked_model && row.model && row.asked_model !== row.model && h("span.sub", ` for ${row.asked_model}`)] },
  { title: "Key", wide: true,
    cell: (row) => [row.key?.name ?? h("span.sub", "no key"), row.owner && h("span.sub.block", row.owner)] },
  { title: "Provider", wide: true, cell: (row) => row.provider ?? "–" },
  { title: "Tokens", num: true, wide: true, cell: used },
  { title: "Cost", num: true, cell: (row) => money(row.cost_usd) },
  { title: "Took", num: true, wide: true, cell: (row) => span(row.timing?.total_ms) },
  { title: "", wide: true, cell: marks },
];

/** What was special about a request. */
export function marks(row) {
  const isHit = row.cache && !["none", "miss", "off"].includes(row.cache);
  return h("span.marks",
    row.stream && pill("stream"),
    row.attempts > 1 && pill(`${row.attempts} attempts`, "warn"),
    isHit && pill(`cache: ${row.cache}`, "good"),
    row.losses?.length > 0 && pill(`${row.losses.length} lost`, "warn"),
    row.guards?.length > 0 && pill("guarded", "warn"));
}

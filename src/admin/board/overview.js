// The page one leaves open: what was spent, used and refused, how fast it was, and what happens now.

import { follow } from "./api.js";
import { byStep, chart, steps, UNITS } from "./chart.js";
import { spanOf, spans, status, tile, time, track } from "./controls.js";
import { fill, h } from "./dom.js";
import { bytes, count, money, percent, sides, span, whole } from "./format.js";
import { link } from "./route.js";
import { welcome } from "./welcome.js";

const TOPS = [["owners", "Owners", "owner"], ["keys", "Keys", "key"], ["models", "Models", "model"],
  ["providers", "Providers", "provider"]];
const FEED = 12;

export default async function overview(view) {
  if (view.session.first_run && (await welcome(view))) return;
  const tiles = h("dl.tiles");
  const note = h("div");
  const spend = chart({ title: "Spend", unit: UNITS.money, shape: "bars" });
  const asked = chart({ title: "Requests", unit: UNITS.count, shape: "bars" });
  const tokens = chart({ title: "Tokens", unit: UNITS.count, shape: "bars" });
  const speed = chart({ title: "Latency", unit: UNITS.time, shape: "lines" });
  const tops = h("div.grid.tops");
  const live = feed(view);
  fill(view.tools, spans(view, load));
  fill(view.body, tiles, note, h("div.grid.charts", spend.node, asked.node, tokens.node, speed.node), live, tops);
  await view.every(10_000, load);

  async function load() {
    const range = spanOf(view.query);
    const said = await view.get("overview", range);
    const { totals, now } = said;
    const used = sides(totals.tokens);
    fill(tiles,
      tile("Spend", money(totals.cost_usd), `${money(totals.requests ? totals.cost_usd / totals.requests : 0)} a request`),
      tile("Requests", count(totals.requests), `${whole(now.in_flight)} running now`),
      tile("Errors", percent(totals.errors, totals.requests), `${whole(totals.errors)} of ${whole(totals.requests)}`,
        totals.errors > 0 && "bad"),
      tile("Tokens", count(used.in + used.out), `${count(used.in)} in, ${count(used.out)} out`),
      tile("Latency p50", span(totals.latency_ms?.p50), `p99 ${span(totals.latency_ms?.p99)}`),
      tile("First token p50", span(totals.first_token_ms?.p50), `p99 ${span(totals.first_token_ms?.p99)}`),
      tile("Saved by caches", money(totals.saved_usd), `${percent(used.read, used.in)} of input was cached`),
      tile("Held now", bytes(now.held_bytes), now.draining ? "draining" : "bodies in memory"));
    fill(note, totals.unpriced > 0 && h("p.notice.warn",
      `${whole(totals.unpriced)} requests went to models whose price nobody knows. They are not in the spend: give them a price under “models” in the configuration, then price them again there.`));

    const times = steps(said.from, said.to, said.by, said.series.map(({ at }) => new Date(at).toISOString()));
    const rows = byStep(said.series);
    const pick = (value, none = 0) => times.map((at) => (rows.has(at) ? value(rows.get(at)) : none));
    const say = (target, series) => target.show({ times, by: said.by, series });
    say(spend, [{ name: "Spend", tone: 1, values: pick((row) => row.cost_usd ?? 0) }]);
    say(asked, [
      { name: "Answered", tone: 2, values: pick((row) => row.requests - row.errors) },
      { name: "Errors", tone: "bad", values: pick((row) => row.errors) },
    ]);
    say(tokens, [
      { name: "In", tone: 4, values: pick((row) => row.tokens_in) },
      { name: "Out", tone: 3, values: pick((row) => row.tokens_out) },
    ]);
    say(speed, [
      { name: "p50", tone: 1, values: pick((row) => row.latency_p50_ms ?? null, null) },
      { name: "p99", tone: 3, values: pick((row) => row.latency_p99_ms ?? null, null) },
    ]);
    fill(tops, TOPS.map(([list, title, name]) => top(title, name, said.top?.[list] ?? [], view.query)));
  }
}

/** Who spent most, each with a bar beside the largest. */
function top(title, name, list, { span, from, to }) {
  const most = Math.max(...list.map((each) => each.cost_usd ?? 0), 1e-12);
  const row = (each) => {
    const where = link("usage", { span, from, to, group: "model", [name]: each.name });
    return h("li", h("a", { href: where }, each.name || "nobody"), h("b", money(each.cost_usd)),
      h("span.sub", count(each.requests)), track((each.cost_usd ?? 0) / most));
  };
  return h("section.card", h("h2", title), list.length ? h("ol.top", list.map(row)) : h("p.empty", "None yet."));
}

/** Requests as they finish. */
function feed(view) {
  const state = h("span.pill", "connecting");
  const list = h("ol.feed", { "aria-label": "Finished requests, newest first" });
  const none = h("p.empty", "Requests appear here as they finish.");
  follow({}, view.signal, {
    state(open) {
      fill(state, open ? "live" : "reconnecting …");
      state.className = open ? "pill good" : "pill warn";
    },
    missed: () => fill(none, "Some requests came too fast to be shown here; all of them are in the log."),
    requests(fresh) {
      none.remove();
      list.prepend(...fresh.slice(0, FEED).map(line));
      while (list.childElementCount > FEED) list.lastElementChild.remove();
    },
  });
  return h("section.card", h("h2", "Now ", state), list, none);
}

function line(row) {
  const used = sides(row.tokens);
  return h("li",
    time(row.at), status(row),
    h("a", { href: link(`requests/${encodeURIComponent(row.id)}`) }, row.model || row.asked_model || row.operation),
    h("span.sub.wide", row.key?.name ?? row.owner ?? ""),
    h("span.num.wide", `${count(used.in)} → ${count(used.out)}`),
    h("span.num", span(row.timing?.total_ms)),
    h("b.num", money(row.cost_usd)));
}

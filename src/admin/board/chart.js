// Charts over time: stacked bars or lines, with round numbers, a legend, values on hovering (or with
// the arrow keys), and the same as a table for whoever does not see them.

import { fill, h, svg } from "./dom.js";
import { count, money, percent, span, step, stepInFull, whole } from "./format.js";

const HEIGHT = 190;
const EDGE = { top: 10, right: 8, bottom: 24, left: 56 };

/** How a chart's numbers are said on its axis and in full. */
export const UNITS = {
  count: { axis: count, full: whole, isWhole: true },
  money: { axis: (n) => (n === 0 ? "$0" : money(n).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "")), full: money },
  time: { axis: (ms) => (ms === 0 ? "0" : span(ms)), full: span },
  share: { axis: (n) => percent(n, 1), full: (n) => percent(n, 1) },
};

/** Round numbers from 0 up to the first that `most` does not pass. */
function ticks(most, unit) {
  // From a minute on, times are round in minutes.
  const base = unit === UNITS.time && most >= 120_000 ? 60_000 : 1;
  const rough = most / base / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const round = [1, 2, 2.5, 5, 10].map((n) => n * power).find((n) => n >= rough * 0.999 && (!unit.isWhole || n % 1 === 0));
  const each = (round ?? 1) * base;
  const list = [];
  for (let at = 0; list.length === 0 || list.at(-1) < most * 0.999; at++) list.push(Number((at * each).toPrecision(12)));
  return list;
}

const APART = { minute: [1, 5, 10, 15, 30, 60, 120], hour: [1, 2, 3, 6, 12, 24, 48, 96, 168], day: [1, 2, 7, 14, 28, 91] };

/** A chart. `shape` is `bars` or `lines`; what it shows is given to `show`. */
export function chart({ title, unit, shape, empty = "Nothing in this span of time." }) {
  const plot = h("div.plot");
  const legend = h("ul.legend");
  const data = h("div.data");
  const details = h("details", { ontoggle: () => details.open && fill(data, asTable()) }, h("summary", "As a table"), data);
  const node = h("figure.card.chart", h("figcaption", h("h2", title), legend), plot, details);
  let shown = null;
  new ResizeObserver(() => shown && draw()).observe(plot);
  return { node, show };

  /** `series` are `{ name, values, tone }`; the tone is 1 to 8 or `bad`. A value may be null in lines. */
  function show({ times, by, series }) {
    shown = { times, by, series };
    const isMany = series.length > 1;
    fill(legend, isMany && series.map(({ name, values, tone }) => h("li",
      h("span.swatch", { class: `tone-${tone}` }), name,
      shape === "bars" && h("span.sub", unit.axis(values.reduce((sum, n) => sum + (n ?? 0), 0))))));
    draw();
    if (details.open) fill(data, asTable());
  }

  function asTable() {
    const { times, by, series } = shown;
    return h("table",
      h("thead", h("tr", h("th", { scope: "col" }, "Time"), series.map(({ name }) => h("th.num", { scope: "col" }, name)))),
      h("tbody", times.map((at, index) => h("tr", h("th", { scope: "row" }, stepInFull(at, by)),
        series.map(({ values }) => h("td.num", unit.full(values[index])))))));
  }

  function draw() {
    const { times, by, series } = shown;
    const width = plot.clientWidth;
    if (width === 0) return;
    const sums = times.map((_, at) => {
      const values = series.map(({ values }) => values[at] ?? 0);
      return shape === "bars" ? values.reduce((sum, n) => sum + n, 0) : Math.max(0, ...values);
    });
    const most = Math.max(0, ...sums);
    details.hidden = most === 0;
    if (most === 0) return void fill(plot, h("p.empty", empty));

    const inner = { width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
    const levels = ticks(most, unit);
    const top = levels.at(-1);
    const y = (n) => EDGE.top + inner.height * (1 - n / top);
    const band = inner.width / times.length;
    const x = (at) => EDGE.left + band * at;

    const grid = levels.map((n) => [
      svg("line.grid", { x1: EDGE.left, x2: width - EDGE.right, y1: y(n), y2: y(n) }),
      svg("text", { x: EDGE.left - 8, y: y(n) + 4, "text-anchor": "end" }, unit.axis(n)),
    ]);
    const marks = labelled(times, by, band).map((at) =>
      svg("text", { x: x(at) + band / 2, y: HEIGHT - 6, "text-anchor": "middle" }, step(times[at], by)));
    const guide = svg("line.guide", { y1: EDGE.top, y2: HEIGHT - EDGE.bottom });
    const picture = svg("svg", {
      width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, tabindex: "0", role: "img",
      "aria-label": `${title}: ${series.map(({ name }) => name).join(", ")}. Arrow keys read the values.`,
      onpointermove: (event) => point(Math.floor((event.offsetX - EDGE.left) / band)),
      onpointerleave: hide, onblur: hide, onkeydown: walk,
    }, grid, marks, guide, shape === "bars" ? bars() : lines());
    const tip = h("div.tip", { role: "status", hidden: true });
    fill(plot, picture, tip);
    let at = -1;

    function bars() {
      const gap = band > 6 ? 2 : band > 3 ? 1 : 0;
      return times.map((_, at) => {
        let below = 0;
        return series.map(({ values, tone }) => {
          const n = values[at] ?? 0;
          if (n <= 0) return null;
          const high = Math.max(1, y(below) - y(below + n));
          below += n;
          return svg("rect",
            { class: `fill tone-${tone}`, x: x(at) + gap / 2, y: y(below), width: Math.max(0.5, band - gap),
              height: high });
        });
      });
    }

    function lines() {
      return series.map(({ values, tone }) => {
        const middle = (at) => x(at) + band / 2;
        const alone = values.map((n, at) => n != null && values[at - 1] == null && values[at + 1] == null ? at : -1);
        let path = "";
        values.forEach((n, at) => {
          if (n != null) path += `${path && values[at - 1] != null ? "L" : "M"}${middle(at).toFixed(1)} ${y(n).toFixed(1)}`;
        });
        return [
          svg("path", { class: `line tone-${tone}`, d: path }),
          alone.filter((at) => at >= 0).map((at) => svg("circle",
            { class: `fill tone-${tone}`, cx: middle(at), cy: y(values[at]), r: 2.5 })),
        ];
      });
    }

    function point(index) {
      if (index < 0 || index >= times.length) return hide();
      at = index;
      const middle = x(at) + band / 2;
      guide.setAttribute("x1", middle);
      guide.setAttribute("x2", middle);
      picture.classList.add("pointed");
      const isSum = shape === "bars" && series.length > 1;
      fill(tip, h("strong", stepInFull(times[at], by)),
        series.filter(({ values }) => series.length < 4 || values[at]).map(({ name, values, tone }) =>
          h("span.row", h("span.swatch", { class: `tone-${tone}` }), h("span", name), h("b", unit.full(values[at])))),
        isSum && h("span.row", h("span"), h("span", "together"), h("b", unit.full(sums[at]))));
      tip.hidden = false;
      const left = middle + 12 + tip.offsetWidth > width ? middle - 12 - tip.offsetWidth : middle + 12;
      tip.style.left = `${Math.max(0, left)}px`;
    }

    function hide() {
      at = -1;
      tip.hidden = true;
      picture.classList.remove("pointed");
    }

    function walk(event) {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.key === "Escape") return hide();
      if (!by) return;
      event.preventDefault();
      point(Math.min(times.length - 1, Math.max(0, at < 0 ? times.length - 1 : at + by)));
    }
  }
}

/** Which steps have room for their time beneath them; those that fall on round times. */
function labelled(times, by, band) {
  const needed = Math.ceil(76 / band);
  const apart = (APART[by] ?? [1, 2, 3, 6, 12]).find((n) => n >= needed) ?? needed;
  const isRound = (at, index) => {
    const then = new Date(at);
    if (by === "minute") return (then.getHours() * 60 + then.getMinutes()) % apart === 0;
    if (by === "hour") return apart <= 24 ? then.getHours() % apart === 0 : index % apart === 0;
    return (times.length - 1 - index) % apart === 0;
  };
  return times.map((at, index) => (isRound(at, index) ? index : -1)).filter((index) => index >= 0);
}

const LONG = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** All steps from one time to another. What the API had nothing for is not in its answer. */
export function steps(from, to, by, found) {
  const long = LONG[by];
  if (!long) return [...new Set(found)].sort();
  const list = [];
  const first = Math.floor(new Date(from) / long) * long;
  const last = Math.min(new Date(to ?? Date.now()).getTime(), first + 2000 * long);
  for (let at = first; at < last; at += long) list.push(new Date(at).toISOString());
  return list;
}

/** The rows of a series by their step, whatever the digits of its time. */
export const byStep = (rows) => new Map(rows.map((row) => [new Date(row.at).toISOString(), row]));

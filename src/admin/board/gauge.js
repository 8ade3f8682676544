// Limits and budgets, and how much of each is used.

import { track } from "./controls.js";
import { h } from "./dom.js";
import { count, distance, full, money, whole } from "./format.js";

const MEASURES = {
  requests: "requests", tokens: "tokens", tokens_in: "tokens in", tokens_out: "tokens out",
  concurrency: "at one time", usd: "",
};

/** A rule in words: `$50 a month for claude-*`. */
export function rule({ measure, period, limit, shape, model }) {
  const amount = measure === "usd" ? money(limit).replace(".00", "") : `${whole(limit)} ${MEASURES[measure] ?? measure}`;
  const per = !period || measure === "concurrency" ? "" : period === "ever"
    ? " in all" : ` ${shape === "rolling" ? "in any" : "a"} ${period}`;
  return `${amount}${per}${model && model !== "*" ? ` for ${model}` : ""}`;
}

/** A rule with a bar that shows how full it is. */
export function gauge(each) {
  const { measure, limit, used, soft, resets, exceeded } = each;
  const say = measure === "usd" ? money : count;
  const part = limit > 0 ? Math.min(1, (used ?? 0) / limit) : 1;
  const isFull = exceeded || part >= 1;
  const isWarm = soft != null && used >= soft;
  const mark = soft != null && limit > 0 && h("span.mark", { title: `An alert is given at ${say(soft)}` });
  if (mark) mark.style.left = `${Math.min(1, soft / limit) * 100}%`;
  const words = rule(each);
  return h("div.gauge",
    h("span.says", h("b", say(used ?? 0)), " of ", words),
    h("div", { role: "meter", "aria-label": words, "aria-valuemin": "0", "aria-valuemax": String(limit),
      "aria-valuenow": String(used ?? 0) },
      track(part, { tone: isFull ? "bad" : isWarm ? "warn" : "", more: mark })),
    h("span.sub", isFull ? "full" : `${say(each.left ?? limit - (used ?? 0))} left`,
      resets && h("span", { title: full(resets) }, `, renewed ${distance(resets)}`)));
}

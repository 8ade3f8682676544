// Providers: how they are, what they last failed with, and what limits they told of.

import { facts, pill, time, when } from "./controls.js";
import { fill, h } from "./dom.js";
import { count, percent, span, whole, words } from "./format.js";
import { link } from "./route.js";

/** A fault is news for so long. */
const NEWS = 5 * 60_000;

export default async function providers(view) {
  const place = h("div.grid.two");
  fill(view.body, place);
  await view.every(15_000, async () => {
    const { providers } = await view.get("providers");
    fill(place, providers.length ? providers.map(card)
      : h("p.empty", "No provider is configured. Start the gateway with a provider's key in its environment, OPENAI_API_KEY for instance, or write it into the file."));
  });
}

function health({ requests, errors, last_fault: fault, resting }) {
  if (resting?.length) return pill("taken out", "warn");
  if (!requests && !fault) return pill("not asked yet");
  if (fault && Date.now() - new Date(fault.at) < NEWS) return pill("faults just now",
    errors / (requests || 1) > 0.2 ? "bad" : "warn");
  return pill("well", "good");
}

function card(provider) {
  const { last_fault: fault, limits } = provider;
  const rows = [
    ["Address", h("code.breaks", provider.base_url)],
    ["Vendor", provider.vendor !== provider.name && provider.vendor],
    ["Speaks", (provider.dialects ?? []).map(words).join(", ")],
    ["Models", h("a", { href: link("models", { search: `${provider.name}/` }) }, whole(provider.models))],
    ["Credentials", provider.cloud ? `lent by ${provider.cloud}` : whole(provider.credentials)],
  ];
  const told = Object.entries(limits ?? {});
  return h("section.card",
    h("div.line", h("h2", provider.name), health(provider),
      h("a.end", { href: link("requests", { provider: provider.name }) }, "Requests")),
    h("dl.numbers",
      h("div", h("dt", "Requests"), h("dd", count(provider.requests))),
      h("div", h("dt", "Errors"),
        h("dd", provider.requests ? percent(provider.errors, provider.requests) : whole(provider.errors))),
      h("div", h("dt", "Latency"), h("dd", span(provider.latency_ms?.p50)))),
    fault && h("p.notice.warn", h("strong", words(fault.kind)), fault.status > 0 && ` (${fault.status})`, " ",
      when(fault.at), fault.message && `: ${fault.message}`),
    provider.resting?.map(({ part, name, until }) =>
      h("p.notice.warn", `Taken out: ${part} ${name ?? ""} until `, until ? time(until) : "further notice")),
    facts(rows),
    told.length > 0 && [h("h3", "Limits that it told of"),
      facts(told.map(([name, value]) => [words(name),
        typeof value === "object" ? JSON.stringify(value) : String(value)]))]);
}

// Filters that the address holds: chips that can be taken away, and a form that adds one.

import { choice } from "./controls.js";
import { fill, h } from "./dom.js";
import { words } from "./format.js";

/** The fields by which requests can be told apart, as the API names them. */
const FILTERS = ["owner", "key", "label", "model", "provider", "session", "user", "tag", "operation", "client", "status",
  "cache", "config", "min_cost"];

const HINTS = { config: "served or staged", status: "429, ok or error", owner: "acme/search, and all below it", min_cost: "0.01, in dollars" };

/** The filters in this address. */
export function filtersOf(query) {
  return Object.fromEntries([...FILTERS, "search"].filter((name) => query[name]).map((name) => [name, query[name]]));
}

/** The chips and the form; `changed` is called after each change. */
export function filters(view, changed) {
  const place = h("div.filters");
  draw();
  return { node: place, draw, add };

  async function set(fields) {
    view.set({ before: undefined, ...fields });
    draw();
    await changed();
  }

  /** Adds a filter, for instance by a click on a row. */
  function add(name, value) {
    return set({ [name]: [...new Set([view.query[name] ?? [], value].flat())] });
  }

  function draw() {
    const chips = Object.entries(filtersOf(view.query)).flatMap(([name, values]) => [values].flat().map((value) => {
      const rest = [values].flat().filter((other) => other !== value);
      const label = `Without the filter ${words(name)} ${value}`;
      return h("li", h("button.chip",
        { type: "button", "aria-label": label, onclick: () => set({ [name]: rest.length ? rest : undefined }) },
        h("span.sub", words(name)), ` ${value} `, h("span", { "aria-hidden": "true" }, "×")));
    }));
    const name = choice(FILTERS.map((name) => [name, words(name)]), "owner", { "aria-label": "Filter by", onchange: hint });
    const value = h("input", { "aria-label": "Value of the filter", required: true });
    const form = h("form.adder", { onsubmit: (event) => {
      event.preventDefault();
      add(name.value, value.value.trim());
    } }, name, value, h("button.quiet", { type: "submit" }, "Add filter"));
    hint();
    fill(place, form, chips.length > 0 && h("ul.chips", { "aria-label": "Filters" }, chips));

    function hint() {
      value.placeholder = HINTS[name.value] ?? `a ${words(name.value)}`;
    }
  }
}

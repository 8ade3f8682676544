// What pages have in common: notices, dialogs, fields, the choice of a span of time.

import { fill, fresh, h, icon } from "./dom.js";
import { distance, full, moment } from "./format.js";
import { link } from "./route.js";

/** A refusal where something should have been. */
export function oops(error) {
  const field = error.param ? ` (${error.param})` : "";
  return h("div.notice.bad", { role: "alert" }, h("strong", "That did not work. "), `${sentence(error.message)}${field}`);
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A word to the reader that goes by itself. */
export function tell(text, tone = "good") {
  let place = document.querySelector(".toasts");
  if (!place) document.body.append((place = h("div.toasts", { role: "status" })));
  const note = h("p.toast", { class: tone }, sentence(text));
  place.append(note);
  setTimeout(() => note.remove(), 6000);
}

/** A moment, with the whole of it on hovering. */
export const time = (at) => (at == null ? "–" : h("time", { datetime: at, title: full(at) }, moment(at)));

/** The same as a distance from now. */
export const when = (at) => (at == null ? "–" : h("time", { datetime: at, title: full(at) }, distance(at)));

/** A short word with a colour. */
export const pill = (text, tone = "") => h("span.pill", { class: tone }, text);

/** The status of a request: its number, and a colour. */
export function status(row) {
  const isBad = row.status >= 400 || (row.outcome && row.outcome !== "answered");
  const tone = row.status >= 500 ? "bad" : isBad ? "warn" : "good";
  return h("span.pill", { class: tone, title: row.outcome }, String(row.status));
}

/** A button that takes text along, or what a function says then. */
export function copier(text, label = "Copy") {
  const words = h("span", label);
  const button = h("button.quiet", { type: "button", onclick: copy }, icon("copy"), words);
  return button;

  async function copy() {
    const said = typeof text === "function" ? text() : text;
    try {
      await navigator.clipboard.writeText(said);
    } catch {
      // Without https there is no clipboard but by way of a selection.
      const area = h("textarea.away", { readonly: true });
      area.value = said;
      button.after(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    words.textContent = "Copied";
    setTimeout(() => (words.textContent = label), 2000);
  }
}

/** A list of names and what they are; what is not there is left out. */
export const facts = (pairs) => h("dl.facts", pairs
  .filter(([, value]) => value != null && value !== "" && value !== false)
  .map(([name, value]) => [h("dt", name), h("dd", value)]));

/** A bar that is full to this part. */
export function track(part, { tone, more } = {}) {
  const bar = h("span.bar", { class: tone });
  bar.style.width = `${Math.min(1, part) * 100}%`;
  return h("span.track", bar, more);
}

/** A number that stands for itself. */
export const tile = (name, value, more, tone) => h("div.card.tile", { class: tone }, h("dt", name), h("dd", value),
  h("dd.sub", more));

/** The ways to other pages of a list that the API gives by cursor. */
export const pager = ({ page, query }, next) => [
  query.before && h("a.button", { href: link(page.at, { ...query, before: undefined }) }, "Newest"),
  next && h("a.button", { href: link(page.at, { ...query, before: next }) }, "Older"),
];

/** A field of a form with its label and a line of help. */
export function field(label, input, help) {
  const id = input.id || (input.id = fresh());
  const hint = help && h("span.sub", { id: `${id}-help` }, help);
  if (hint) input.setAttribute("aria-describedby", hint.id);
  return h("div.field", h("label", { for: id }, label), input, hint);
}

/** A choice from a list of `[value, words]`. */
export function choice(options, chosen, properties = {}) {
  return h("select", properties,
    options.map(([value, words]) => h("option", { value, selected: value === chosen }, words)));
}

/** Opens a dialog. `content(close)` gives what is in it; it ends with what `close` was given. */
export function dialog(title, content, { mustAnswer = false } = {}) {
  return new Promise((resolve) => {
    const id = fresh();
    let answer;
    const close = (value) => {
      answer = value;
      node.close();
    };
    const away = h("button.bare", { type: "button", "aria-label": "Close", onclick: () => close() },
      icon("close"));
    const node = h("dialog", { "aria-labelledby": id }, h("header", h("h2", { id }, title), !mustAnswer && away),
      content(close));
    if (mustAnswer) node.addEventListener("cancel", (event) => event.preventDefault());
    node.addEventListener("close", () => {
      node.remove();
      resolve(answer);
    });
    document.body.append(node);
    node.showModal();
  });
}

/** Asks before something that cannot be taken back; whether it shall be done. */
export function confirm(title, text, act) {
  return dialog(title, (close) => h("div",
    h("p", text),
    h("footer",
      h("button.quiet", { type: "button", onclick: () => close(false), autofocus: true }, "Cancel"),
      h("button.danger", { type: "button", onclick: () => close(true) }, act))));
}

/** A form in a dialog: it ends with what `submit` gives. A refusal is shown, and it stays open, as after nothing. */
export function form(title, fields, act, submit) {
  return dialog(title, (close) => {
    const said = h("div", { "aria-live": "assertive" });
    const button = h("button.main", { type: "submit" }, act);
    return h("form", { onsubmit: send }, fields, said,
      h("footer", h("button.quiet", { type: "button", onclick: () => close() }, "Cancel"), button));

    async function send(event) {
      event.preventDefault();
      button.disabled = true;
      fill(said);
      try {
        const answer = await submit();
        if (answer !== undefined) close(answer);
      } catch (error) {
        fill(said, oops(error));
      } finally {
        button.disabled = false;
      }
    }
  });
}

const SPANS = [["1h", "1 h"], ["24h", "24 h"], ["7d", "7 d"], ["30d", "30 d"]];

/** The span that the address names, as the API's `from` and `to`. */
export function spanOf(query) {
  if (query.from) return { from: query.from, to: query.to };
  return { from: query.span ?? "24h" };
}

/** The choice of a span; `changed` is called when it is another. */
export function spans(view, changed) {
  const set = async (fields) => {
    view.set({ span: undefined, from: undefined, to: undefined, ...fields });
    draw();
    await changed();
  };
  const place = h("div.spans", { role: "group", "aria-label": "Span of time" });
  draw();
  return place;

  function draw() {
    const { query } = view;
    const chosen = query.from ? "other" : (query.span ?? "24h");
    const button = (value, words, act) =>
      h("button", { type: "button", "aria-pressed": String(chosen === value), onclick: act }, words);
    fill(place,
      SPANS.map(([value, words]) => button(value, words, () => set({ span: value }))),
      button("other", query.from ? `${query.from.slice(0, 10)} – ${query.to?.slice(0, 10) ?? "now"}` : "Other …", other));
  }

  function other() {
    const day = (at) => at.toISOString().slice(0, 10);
    const from = h("input",
      { type: "date", required: true, autofocus: true,
        value: view.query.from?.slice(0, 10) ?? day(new Date(Date.now() - 14 * 86_400_000)) });
    const to = h("input", { type: "date", value: view.query.to?.slice(0, 10) ?? "" });
    return form("Another span of time",
      h("div.pair", field("From", from, "Midnight in UTC"), field("Up to", to, "Empty: now")), "Show", async () => {
      if (to.value && to.value <= from.value) throw new Error("the end must be later than the beginning");
      await set({ from: from.value, to: to.value });
      return true;
    });
  }
}

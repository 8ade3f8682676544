// The configuration: what is in force, what is staged beside it, what was wrong with the last reload, and prices
// told anew.

import { send } from "./api.js";
import { confirm, copier, field, form, tell, time } from "./controls.js";
import { fill, h } from "./dom.js";
import { money, whole } from "./format.js";
import { link } from "./route.js";
import { table } from "./table.js";

export default async function config(view) {
  const place = h("div.body");
  const mayChange = view.can("config");
  fill(view.tools,
    mayChange && [
      h("button.quiet", { onclick: check }, "Check a file"),
      h("button.quiet", { onclick: reprice }, "Price again"),
      h("button.quiet", { onclick: stage }, "Stage"),
      h("button.main", { onclick: reload }, "Reload"),
    ]);
  fill(view.body, place);
  await load();

  async function load() {
    const { generation, loaded_at: at, effective, origins, refused_reload: refused, staged, warnings } = await view.get("config");
    const text = JSON.stringify(effective, null, 2);
    fill(place,
      refused?.length > 0 && h("div.notice.bad", { role: "alert" },
        h("strong", "The last reload was refused; the world before it goes on serving."), problems(refused)),
      warnings?.length > 0 && h("div.notice.warn", h("strong", "Worth a look"), problems(warnings)),
      staged && beside(staged),
      h("p.sub", `Generation ${whole(generation)}, in force since `, time(at), "."),
      h("section.card", h("h2", "What is set"), set(effective, origins)),
      h("details.card", h("summary", "All of it, with what is so by default"), copier(text),
        h("pre.code", { tabindex: "0", "aria-label": "The configuration in force" }, text)));
  }

  /** What is staged, and what may be done about it. */
  function beside({ generation, percent, source, staged_at: at, effective, warnings }) {
    const text = JSON.stringify(effective, null, 2);
    return h("section.card", h("h2", "Staged"),
      h("p", `${whole(percent)} of 100 clients see generation ${whole(generation)}, from a ${source}, since `, time(at), ". ",
        h("a", { href: link("requests", { config: "staged" }) }, "Their requests")),
      warnings?.length > 0 && h("div.notice.warn", h("strong", "Worth a look"), problems(warnings)),
      mayChange && h("div.line",
        h("button.quiet", { onclick: share }, "Another share"),
        h("button.quiet", { onclick: drop }, "Drop"),
        h("button.main", { onclick: () => promote(source) }, "Promote")),
      h("details", h("summary", "All of it"),
        h("pre.code", { tabindex: "0", "aria-label": "The staged configuration" }, text)));
  }

  async function stage() {
    const percent = share100(10);
    const text = h("textarea.code", { rows: "12", spellcheck: "false" });
    const done = await form("Stage a configuration", [
      field("Of 100 clients", percent, "A client is a key, or an address where none is shown, and sees one configuration all the while."),
      field("YAML", text, "Empty: the file as it is now."),
    ], "Stage", () => send("POST", "config/stage", { percent: Number(percent.value), text: text.value.trim() ? text.value : null }));
    if (done) tell(`generation ${whole(done.staged.generation)} is staged`);
    await load();
  }

  async function share() {
    const percent = share100("");
    const done = await form("Another share", [field("Of 100 clients", percent)], "Share",
      () => send("PATCH", "config/stage", { percent: Number(percent.value) }));
    if (done) tell(`${whole(done.staged.percent)} of 100 clients see it`);
    await load();
  }

  async function promote(source) {
    const text = source === "text"
      ? "All clients see it from now on. It is not in the file: the next reload or start reads that."
      : "All clients see it from now on.";
    if (await confirm("Promote what is staged?", text, "Promote")) await end("POST", "config/stage/promote", "it is in force");
  }

  async function drop() {
    if (await confirm("Drop what is staged?", "All clients see the configuration in force.", "Drop")) {
      await end("DELETE", "config/stage", "nothing is staged any more");
    }
  }

  async function end(method, path, said) {
    try {
      await send(method, path);
      tell(said);
    } catch (error) {
      tell(error.message, "bad");
    }
    await load();
  }

  async function reload() {
    try {
      const { generation } = await send("POST", "config/reload");
      tell(`generation ${whole(generation)} is in force`);
    } catch (error) {
      tell(error.status === 422 ? "the new configuration was refused; the old one goes on" : error.message, "bad");
    }
    await load();
  }

  function check() {
    const text = h("textarea.code", { rows: "12", spellcheck: "false", required: true });
    const said = h("div", { "aria-live": "polite" });
    return form("Check a file",
      [field("YAML", text, "It is read and compiled as a reload would, and not put in force."), said],
      "Check", async () => {
      fill(said);
      const { ok, problems: found } = await send("POST", "config/check", text.value);
      fill(said, h("div.notice", { class: ok ? "good" : "bad" },
        h("strong", ok ? "It is whole and would be taken." : "It would be refused."), problems(found)));
    });
  }

  function reprice() {
    const since = h("input", { type: "date", required: true, oninput: doubt });
    const until = h("input", { type: "date", oninput: doubt });
    const said = h("div", { "aria-live": "polite" });
    let isSeen = false;
    return form("Price again", [
      h("p", "Costs of past requests are counted anew with the prices in force. What each was first is kept beside it."),
      h("div.pair", field("Since", since), field("Until", until, "Empty: now")), said,
    ], "Look, then price", async () => {
      const asked = { since: since.value, until: until.value || undefined, dry_run: !isSeen };
      const { requests, changed, before_usd: before, after_usd: after } = await send("POST", "reprice", asked);
      if (isSeen) {
        tell(`${whole(changed)} of ${whole(requests)} requests have another cost now`);
        return true;
      }
      isSeen = true;
      fill(said, h("p.notice",
        `${whole(changed)} of ${whole(requests)} requests would cost something else: ${money(before)} would be ${money(after)}. Press again to do it.`));
    });

    /** Another span must be looked at before it is priced. */
    function doubt() {
      isSeen = false;
      fill(said);
    }
  }
}

/** An input for how many of a hundred clients. */
function share100(value) {
  return h("input", { type: "number", min: "1", max: "100", step: "1", required: true, value });
}

/** What is wrong, and where. */
function problems(list) {
  return h("ul", list.map(({ place, message, hint }) => h("li", place && h("code", `${place}: `), message,
    hint && ` (${hint})`)));
}

/** Whatever a human or the environment has set: field, value, and where that was. */
function set(effective, origins) {
  const rows = Object.entries(origins ?? {}).map(([field, place]) => ({ field, place, value: said(effective, field) }));
  return table({
    caption: "What is set",
    empty: "Nothing is set: all is as it is by default.",
    rows,
    columns: [
      { title: "Field", by: ({ field }) => field, cell: ({ field }) => h("code", field) },
      { title: "Value", cell: ({ value }) => h("code", value) },
      { title: "Set at", by: ({ place }) => place, cell: ({ place }) => h("span.sub.breaks", place) },
    ],
  }).node;
}

/** The value of a field such as `providers.openai.models[0]`; names may have points themselves. */
function said(value, field) {
  if (field === "") return typeof value === "string" ? value : JSON.stringify(value);
  const rest = field.replace(/^[.[]/, "");
  const isHere = (name) => rest.startsWith(name) && /^([.[\]]|$)/.test(rest.slice(name.length));
  const name = Object.keys(value ?? {}).sort((a, b) => b.length - a.length).find(isHere);
  return name === undefined ? "" : said(value[name], rest.slice(name.length).replace(/^\]/, ""));
}

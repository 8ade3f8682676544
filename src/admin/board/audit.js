// Who changed what: through this page, the API and the commands.

import { pager, time } from "./controls.js";
import { fill, h } from "./dom.js";
import { words } from "./format.js";
import { table } from "./table.js";

export default async function audit(view) {
  const { entries, next } = await view.get("audit", { limit: 50, before: view.query.before });
  const list = table({
    caption: "Changes, newest first",
    empty: "Nobody has changed anything yet.",
    rows: entries,
    columns: [
      { title: "When", cell: ({ at }) => time(at) },
      { title: "Who", cell: ({ who }) => who },
      { title: "What", cell: ({ action }) => words(action) },
      { title: "Of what", cell: ({ target }) => target ?? "–" },
      { title: "More", wide: true, cell: ({ detail }) => Object.entries(detail ?? {}).map(told).join(", ") },
    ],
  });
  fill(view.body, h("section.card", list.node),
    h("div.pages", pager(view, next)));
}

const told = ([name, value]) => `${words(name)}: ${typeof value === "string" ? value : JSON.stringify(value)}`;

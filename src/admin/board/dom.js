// Makes elements. Whatever comes from outside becomes text or an attribute: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element: `h("button.quiet", { onclick }, "Close")`. The properties may be left out. */
export const h = (tag, ...rest) => make((name) => document.createElement(name), tag, rest);

/** An SVG element, likewise. */
export const svg = (tag, ...rest) => make((name) => document.createElementNS(SVG, name), tag, rest);

function make(create, tag, rest) {
  const [name, ...classes] = tag.split(".");
  const node = create(name);
  if (classes.length) node.classList.add(...classes);
  const properties = isPlain(rest[0]) ? rest.shift() : {};
  for (const [key, value] of Object.entries(properties)) {
    if (value == null || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "class") node.classList.add(...value.split(" ").filter(Boolean));
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...flat(rest));
  return node;
}

function isPlain(value) {
  return value != null && Object.getPrototypeOf(value) === Object.prototype;
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child != null && child !== false && child !== "");
}

/** Puts these in place of all that the element holds. */
export function fill(node, ...children) {
  node.replaceChildren(...flat(children));
  return node;
}

let made = 0;

/** An id that no other element has. */
export const fresh = () => `n${++made}`;

const PATHS = {
  overview: "M4 20V10M10 20V4M16 20v-7M21 20H3",
  usage: "M12 3a9 9 0 1 0 9 9h-9zM16 3.5A9 9 0 0 1 20.5 8H16z",
  requests: "M4 6h16M4 12h16M4 18h10",
  keys: "M8 12a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM10.5 13L20 3.5M16 7.5l3 3M13.5 10l2 2",
  models: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
  play: "M4 5h16v11H10l-4 4v-4H4zM8 9h8M8 12h5",
  providers: "M4 5h16v5H4zM4 14h16v5H4zM7.5 7.5h.1M7.5 16.5h.1",
  cache: "M12 4c4.5 0 7 1.3 7 3s-2.5 3-7 3-7-1.3-7-3 2.5-3 7-3zM5 7v10c0 1.7 2.5 3 7 3s7-1.3 7-3V7M5 12c0 1.7 2.5 3 7 3s7-1.3 7-3",
  guards: "M12 3l8 3v6c0 4.5-3.3 7.7-8 9-4.7-1.3-8-4.5-8-9V6z",
  config: "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
  audit: "M6 3h9l4 4v14H6zM9.5 12h6M9.5 16h6M9.5 8h2",
  menu: "M4 7h16M4 12h16M4 17h16",
  theme: "M12 4a8 8 0 1 0 8 8 6 6 0 0 1-8-8z",
  leave: "M14 4H5v16h9M10 12h11M17 8l4 4-4 4",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
};

/** A sign beside words that say the same. */
export function icon(name) {
  return svg(
    "svg.icon",
    { viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: PATHS[name] }),
  );
}

// The shell around the pages: who is there, where to go, and which page the address names.

import { get, send } from "./api.js";
import { oops, tell } from "./controls.js";
import { fill, h, icon } from "./dom.js";
import { login } from "./login.js";
import { link, where } from "./route.js";

const PAGES = [
  { at: "overview", title: "Overview", file: "./overview.js" },
  { at: "usage", title: "Usage", file: "./usage.js" },
  { at: "requests", title: "Requests", file: "./requests.js", one: "./request.js" },
  { at: "keys", title: "Keys & budgets", file: "./keys.js", one: "./key.js" },
  { at: "models", title: "Models", file: "./models.js" },
  { at: "play", title: "Playground", file: "./play.js", indent: true },
  { at: "providers", title: "Providers", file: "./providers.js" },
  { at: "cache", title: "Cache", file: "./rooms.js" },
  { at: "guards", title: "Guards", file: "./rooms.js" },
  { at: "config", title: "Configuration", file: "./config.js" },
  { at: "audit", title: "Audit log", file: "./audit.js", indent: true },
];

let session = null;
let leaving = new AbortController();
const root = h("main", { id: "page", tabindex: "-1" });
const nav = h("nav", { "aria-label": "Pages" });

start();

async function start() {
  try {
    session = await get("session");
  } catch (error) {
    return signIn(error);
  }
  draw();
  show();
}

function signIn(error) {
  leaving.abort();
  session = null;
  document.title = "Sign in · Tollgate";
  login(document.body, error, start);
}

function draw() {
  const menu = h("button.bare.menu", { "aria-expanded": "false", "aria-controls": "menu", onclick: toggle }, icon("menu"),
    h("span", "Menu"));
  const list = h("ul", { id: "menu" }, PAGES.map(({ at, title, indent }) =>
    h("li", { class: indent ? "indent" : "" }, h("a", { href: `#/${at}`, "data-page": at }, icon(at), title))));
  const foot = h("div.foot",
    h("p.who", h("span.sub", "Signed in as"), h("strong", session.name), h("span.sub", `Tollgate ${session.version}`)),
    h("button.bare", { onclick: switchTheme }, icon("theme"), h("span", "Light or dark")),
    h("button.bare", { onclick: leave }, icon("leave"), h("span", "Sign out")));
  fill(nav, h("a.brand", { href: "#/overview" }, h("img", { src: "icon.svg", alt: "", width: "24", height: "24" }),
    "Tollgate"), menu, h("div.drawer", list, foot));
  const skip = h("button.skip", { onclick: () => root.focus() }, "Skip to the page");
  fill(document.body, skip, nav, root);

  function toggle() {
    const isOpen = nav.classList.toggle("open");
    menu.setAttribute("aria-expanded", String(isOpen));
  }
}

function switchTheme() {
  const { dataset } = document.documentElement;
  const isDark = dataset.theme ? dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("theme", dataset.theme);
}

async function leave() {
  await send("DELETE", "session").catch(() => null);
  signIn();
}

addEventListener("hashchange", show);
// What a button or a timer began and nobody waits for.
addEventListener("unhandledrejection", (event) => {
  if (event.reason?.status === undefined) return;
  event.preventDefault();
  if (session) tell(event.reason.message, "bad");
});
addEventListener("signed-out", () => session && signIn({ status: 401, ended: true }));

async function show() {
  if (!session) return;
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const { at, argument, query } = where();
  const page = PAGES.find((page) => page.at === at) ?? PAGES[0];
  nav.classList.remove("open");
  nav.querySelector(".menu").setAttribute("aria-expanded", "false");
  for (const each of nav.querySelectorAll("[data-page]")) {
    if (each.dataset.page === page.at) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  document.title = `${page.title} · Tollgate`;
  try {
    const { default: open } = await import(argument && page.one ? page.one : page.file);
    if (signal.aborted) return;
    const view = new View(page, argument, query, signal);
    fill(root, view.head, view.body);
    await open(view);
  } catch (error) {
    if (signal.aborted) return;
    fill(root, h("h1", page.title), oops(error));
  }
  if (!signal.aborted) settle();
}

/** After a move by the reader the page begins at its top, and is where the keyboard goes on. */
function settle() {
  scrollTo(0, 0);
  root.focus({ preventScroll: true });
}

/** What a page gets: its address, its place, and who looks at it. */
class View {
  constructor(page, argument, query, signal) {
    Object.assign(this, { page, argument, query, signal, session });
    this.title = h("h1", page.title);
    this.tools = h("div.tools");
    this.head = h("header.head", this.title, this.tools);
    this.body = h("div.body");
  }

  /** Whether the admin key may do this. */
  can(scope) {
    return session.scopes.includes(scope);
  }

  /** Asks the API for this page, as long as it is looked at. */
  get(path, query) {
    return get(path, query, this.signal);
  }

  /** Changes fields of the address without drawing the page anew. */
  set(fields) {
    Object.assign(this.query, fields);
    history.pushState(null, "",
      link([this.page.at, this.argument].filter(Boolean).map(encodeURIComponent).join("/"), this.query));
  }

  /** Does this now and again, while somebody looks; but not under a hand that points at something. */
  async every(ms, work) {
    const timer = setInterval(() => document.hidden || this.body.querySelector(".pointed, :focus") || work(), ms);
    this.signal.addEventListener("abort", () => clearInterval(timer));
    await work();
  }
}

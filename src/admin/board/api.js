// The admin API, version 1: asks, and turns refusals into errors with words for a human.

const BASE = new URL("api/v1/", document.baseURI);

/** What the gateway said no with, or that it did not answer at all (status 0). */
class Refused extends Error {
  constructor(status, { message, type, param, code } = {}) {
    super(message || `the gateway answered ${status}`);
    Object.assign(this, { status, type, param, code });
  }
}

/** The address of a path of the API. Empty fields of the query are left out, lists said many times. */
export function address(path, query = {}) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) {
      if (each != null && each !== "") url.searchParams.append(name, each);
    }
  }
  return url;
}

/** What is at this path. */
export function get(path, query, signal) {
  return ask(address(path, query), { signal });
}

/** Changes something; the answer. A body that is text is sent as it is. */
export function send(method, path, body) {
  const isText = typeof body === "string";
  return ask(address(path), {
    method,
    headers: body === undefined ? {} : { "content-type": isText ? "application/yaml" : "application/json" },
    body: isText ? body : JSON.stringify(body),
  });
}

/** The answer as it comes, for what streams. Refusals are not looked for. */
export function raw(path, options) {
  return fetch(address(path), dressed(options));
}

// A page of somebody else's can send cookies along, but not this header.
function dressed(options) {
  const headers = { ...options.headers };
  if (options.method && options.method !== "GET") headers["x-tollgate-csrf"] = "1";
  return { credentials: "same-origin", cache: "no-store", ...options, headers };
}

async function ask(url, options) {
  let answer, text;
  try {
    answer = await fetch(url, dressed(options));
    text = await answer.text();
  } catch {
    // Who has left the page waits for ever, and with it all that would have followed.
    if (options.signal?.aborted) return new Promise(() => {});
    throw new Refused(0, { message: "the gateway does not answer: is it running, and is this its address?" });
  }
  let said = null;
  try {
    said = text === "" ? null : JSON.parse(text);
  } catch {
    said = { error: { message: text.slice(0, 300) } };
  }
  if (answer.ok) return said;
  const refused = new Refused(answer.status, typeof said?.error === "string" ? { message: said.error } : said?.error);
  if (answer.status === 401 && !url.pathname.endsWith("/session")) dispatchEvent(new Event("signed-out"));
  throw refused;
}

/** How long a feed that was refused is left alone, in milliseconds. */
const LATER = 5000;
/** So long finished requests are gathered: nobody reads faster than four times a second. */
const REST = 250;
/** So many are; a page in the background may hear more. */
const MOST = 500;

/**
 * Follows finished requests until the signal is given. `on` has `requests(rows)` with the newest first,
 * `missed(n)` and `state(open)`.
 */
export function follow(query, signal, on) {
  let source, waiting, telling;
  let rows = [];
  begin();
  signal.addEventListener("abort", () => {
    source.close();
    clearTimeout(waiting);
    clearTimeout(telling);
  });

  function begin() {
    source = new EventSource(address("live", query));
    source.addEventListener("open", () => on.state(true));
    source.addEventListener("request", (event) => {
      rows = [JSON.parse(event.data), ...rows.slice(0, MOST - 1)];
      telling ??= setTimeout(tell, REST);
    });
    source.addEventListener("missed", (event) => on.missed(event.data));
    source.addEventListener("error", () => {
      on.state(false);
      // The browser itself tries again where a connection ended, but never after a refusal.
      if (source.readyState === EventSource.CLOSED) again();
    });
  }

  function tell() {
    telling = null;
    on.requests(rows.splice(0));
  }

  /** Why it was refused is not told: the session may have ended. */
  async function again() {
    try {
      await get("session", {}, signal);
    } catch (error) {
      if (error.status === 401) return dispatchEvent(new Event("signed-out"));
    }
    if (!signal.aborted) waiting = setTimeout(begin, LATER);
  }
}

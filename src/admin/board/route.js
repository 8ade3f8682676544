// Addresses of pages. They stand behind the #, so that the gateway need not know them.

/** Where the reader is: `#/keys/key_1?span=7d` is a page, an argument and a query. */
export function where() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  const [at, ...rest] = path.split("/");
  const fields = {};
  for (const [name, value] of new URLSearchParams(query)) {
    fields[name] = name in fields ? [fields[name], value].flat() : value;
  }
  return { at: at || "overview", argument: rest.length ? decodeURIComponent(rest.join("/")) : null, query: fields };
}

/** The address of a page. Empty fields are left out. */
export function link(at, query = {}) {
  const fields = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) if (each != null && each !== "") fields.append(name, each);
  }
  const said = fields.toString();
  return `#/${at}${said ? `?${said}` : ""}`;
}

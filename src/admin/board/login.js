// The way in: an admin key for a cookie that scripts cannot read.

import { send } from "./api.js";
import { fill, h } from "./dom.js";

/** Draws the form into `place`; `inside` is called once the key was taken. */
export function login(place, why, inside) {
  const key = h("input", {
    id: "key", type: "password", name: "password", required: true, autocomplete: "current-password", spellcheck: "false",
  });
  const said = h("p.error", { role: "alert" });
  const enter = h("button.main", { type: "submit" }, "Sign in");
  const form = h("form.card.login", { onsubmit: submit },
    h("h1", h("img", { src: "icon.svg", alt: "", width: "36", height: "36" }), "Tollgate"),
    h("label", { for: "key" }, "Admin key"),
    key,
    said,
    enter,
    h("p.sub", "The master key (", h("code", "TOLLGATE_MASTER_KEY"), ") or a key of ", h("code", "admin.keys"),
      " in the configuration. There is none by default."));
  fill(place, h("main.door", form));
  if (why?.ended) fill(said, "The session has ended. Sign in again.");
  else if (why && (why.status !== 401 || why.code === "no_admin_key")) fill(said, why.message);
  key.focus();

  async function submit(event) {
    event.preventDefault();
    enter.disabled = true;
    fill(said);
    try {
      await send("POST", "session", { key: key.value.trim() });
      await inside();
    } catch (error) {
      fill(said, error.message);
      key.select();
    } finally {
      enter.disabled = false;
    }
  }
}

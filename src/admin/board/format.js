// How numbers and times are written: always the same way, in figures of one width.

const LOCALE = "en-US";
const cached = new Map();

function number(options) {
  const key = JSON.stringify(options);
  if (!cached.has(key)) cached.set(key, new Intl.NumberFormat(LOCALE, options));
  return cached.get(key);
}

function date(options) {
  const key = `date${JSON.stringify(options)}`;
  if (!cached.has(key)) cached.set(key, new Intl.DateTimeFormat("en-GB", { hourCycle: "h23", ...options }));
  return cached.get(key);
}

/** What stands where nothing is known. */
const NONE = "–";

/** US dollars, with as many digits as the amount needs to be read. */
export function money(usd) {
  if (usd == null) return NONE;
  const size = Math.abs(usd);
  if (size === 0) return "$0";
  if (size < 0.0001) return number({ style: "currency", currency: "USD", maximumSignificantDigits: 2 }).format(usd);
  const digits = size >= 1 ? 2 : 4;
  const options = { style: "currency", currency: "USD", minimumFractionDigits: digits };
  return number({ ...options, maximumFractionDigits: digits }).format(usd);
}

/** US dollars to the last digit. */
export function exactly(usd) {
  if (usd == null) return NONE;
  return `$${number({ minimumFractionDigits: 2, maximumFractionDigits: 12 }).format(usd)}`;
}

/** A price in USD per million tokens. */
export function price(usd) {
  return usd == null ? NONE : `$${number({ minimumFractionDigits: 2, maximumFractionDigits: 9 }).format(usd)}`;
}

/** A number of things, short where it is large. */
export function count(n) {
  if (n == null) return NONE;
  if (Math.abs(n) < 10_000) return number({ maximumFractionDigits: 1 }).format(n);
  return number({ notation: "compact", maximumSignificantDigits: 3 }).format(n);
}

/** A number of things in full. */
export const whole = (n) => (n == null ? NONE : number({}).format(n));

/** A part of a whole. */
export function percent(part, all) {
  if (!all) return NONE;
  return number({ style: "percent", maximumFractionDigits: part / all < 0.1 ? 1 : 0 }).format(part / all);
}

/** A span of time, from milliseconds. */
export function span(ms) {
  if (ms == null) return NONE;
  if (ms < 1) return ms === 0 ? "0 ms" : `${number({ maximumSignificantDigits: 2 }).format(ms)} ms`;
  if (ms < 1000) return `${number({ maximumFractionDigits: ms < 10 ? 1 : 0 }).format(ms)} ms`;
  if (ms < 60_000) return `${number({ maximumFractionDigits: ms < 10_000 ? 2 : 1 }).format(ms / 1000)} s`;
  const steps = [["d", 86_400], ["h", 3600], ["min", 60], ["s", 1]];
  let rest = Math.round(ms / 1000);
  const said = [];
  for (const [unit, seconds] of steps) {
    const n = Math.floor(rest / seconds);
    rest -= n * seconds;
    if (n) said.push(`${n} ${unit}`);
  }
  return said.slice(0, 2).join(" ");
}

/** A size. */
export function bytes(n) {
  if (n == null) return NONE;
  const units = ["B", "KiB", "MiB", "GiB"];
  let at = 0;
  for (; n >= 1024 && at < units.length - 1; at++) n /= 1024;
  return `${number({ maximumFractionDigits: n < 10 && at ? 1 : 0 }).format(n)} ${units[at]}`;
}

/** A moment in full. */
export function full(at) {
  return at == null ? NONE : date({ dateStyle: "medium", timeStyle: "medium" }).format(new Date(at));
}

/** A moment, short: the time for today, the day too for others. */
export function moment(at) {
  if (at == null) return NONE;
  const then = new Date(at);
  const today = then.toDateString() === new Date().toDateString();
  const time = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
  return date(today ? time : { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }).format(then);
}

/** How long ago something was, or how long from now it will be. */
export function distance(at) {
  const ms = new Date(at) - Date.now();
  const text = span(Math.max(1, Math.round(Math.abs(ms) / 1000)) * 1000).split(" ").slice(0, 2).join(" ");
  return ms < 0 ? `${text} ago` : `in ${text}`;
}

/** The start of a step of a series. Days and longer are those of UTC, as they are counted. */
export function step(at, by) {
  const then = new Date(at);
  if (by === "month") return date({ month: "short", year: "numeric", timeZone: "UTC" }).format(then);
  if (by === "day" || by === "week") return date({ day: "numeric", month: "short", timeZone: "UTC" }).format(then);
  if (then.getHours() === 0 && then.getMinutes() === 0) return date({ day: "numeric", month: "short" }).format(then);
  return date({ hour: "2-digit", minute: "2-digit" }).format(then);
}

/** The same, for where there is room. */
export function stepInFull(at, by) {
  if (by === "month") return step(at, by);
  const day = { weekday: "short", day: "numeric", month: "short" };
  if (by === "week") return `the week of ${date({ ...day, timeZone: "UTC" }).format(new Date(at))}`;
  if (by === "day") return `${date({ ...day, timeZone: "UTC" }).format(new Date(at))} (UTC)`;
  return date({ ...day, hour: "2-digit", minute: "2-digit" }).format(new Date(at));
}

const NOT_TOKENS = new Set(["web_searches", "images", "characters", "seconds", "searches", "charged"]);
const SAID = /^(output|reasoning|audio_out|audio_output|image_out|image_output)/;

/** Tokens of prompts and of answers, from the classes. */
export function sides(tokens = {}) {
  const sum = { in: 0, out: 0, read: 0 };
  for (const [name, n] of Object.entries(tokens ?? {})) {
    if (typeof n !== "number" || NOT_TOKENS.has(name)) continue;
    sum[SAID.test(name) ? "out" : "in"] += n;
    if (name.includes("cache_read")) sum.read += n;
  }
  return sum;
}

/** A name of the API's in words: `cache_write_1h` → `cache write 1h`. */
export const words = (name) => String(name ?? NONE).replaceAll("_", " ");

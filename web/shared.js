// What the pages share: words, text, time, nodes, the server's JSON and its events.

export const $ = (id) => document.getElementById(id);

// ---- Words: the page brings its language's table ---------------------------------------------------------------------

export const language = document.documentElement.lang || "en";
const table = JSON.parse($("words")?.textContent ?? "{}");
// Dates and numbers as the reader's region writes them, where the page speaks the reader's language.
export const locale = navigator.languages.find((one) => one.split("-")[0] === language) ?? language;
const plurals = new Intl.PluralRules(language);
const digits = new Intl.NumberFormat(locale);

// The table's text of that name, with `{name}` and the like filled in.
export const word = (key, values = {}) => table[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);

// The text for so many, `{n}` being the number.
export const count = (key, n) => {
  const forms = table[key];
  return (forms[plurals.select(n)] ?? forms.other).replace("{n}", digits.format(n));
};

// What is kept over visits; a browser that forbids storage just forgets.
export const memory = {
  get(key) {
    try {
      return localStorage.getItem(`radiostream.${key}`);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      localStorage.setItem(`radiostream.${key}`, value);
    } catch {
      // Nothing to do: the page works without a memory.
    }
  },
};

// ---- Text, time, nodes -----------------------------------------------------------------------------------------------

export const minutes = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  const rest = String(whole % 60).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const mins = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${String(mins).padStart(2, "0")}:${rest}` : `${mins}:${rest}`;
};

export const timeOfDay = (iso) => {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
};

// Writes only what changed: an unchanged node keeps a reader's selection and wakes no screen reader.
export const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

export const setAttribute = (node, name, value) => {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
};

const SVG = "http://www.w3.org/2000/svg";

export const svg = (name, attributes = {}, children = []) => {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return node;
};

export const shorten = (text, limit) => (text.length > limit ? `${text.slice(0, limit - 1)}…` : text);

// A route as the end of a URL: "/" is nothing, "/late night/jazz" is "late%20night/jazz".
export const path = (route) => route.replace(/^\//, "").split("/").map(encodeURIComponent).join("/");

// A route's place below the page: "/" is "./", "/humor" is "./humor".
export const below = (route) => `./${path(route)}`;

export const trackTitle = (now) => now?.title || now?.track || "";

// A growing pause: 1, 2, 4 … 30 s. `next` gives it in milliseconds and makes the following one longer.
export class Backoff {
  #seconds = 1;
  next() {
    const pause = this.#seconds * 1000;
    this.#seconds = Math.min(this.#seconds * 2, 30);
    return pause;
  }
  reset() {
    this.#seconds = 1;
  }
}

// ---- The server: JSON and events -----------------------------------------------------------------------------------

export class HttpError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const fetchJson = async (address, options = {}) => {
  const response = await fetch(address, {
    cache: "no-store",
    signal: AbortSignal.timeout(10_000),
    ...options,
    headers: { Accept: "application/json", ...options.headers },
  });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new HttpError(response.status, body.error || `HTTP ${response.status}`);
  return body;
};

const QUIET_MS = 90_000; // a connection may die without a word; after this long without an event, ask again

// Follows /events. `handlers` has one function per event name, each given the parsed data; `poll` runs every
// `pollMs` while there are no events; `online(true|false)` tells when the server begins or ceases to answer.
// Gives back {open, pause, active}: browsers open six connections a host, so a page that nobody sees gives its own back.
export const follow = ({ handlers, poll, pollMs = 5000, online }) => {
  const backoff = new Backoff();
  let [source, timer, poller, quiet, up, active] = [null, 0, 0, 0, null, false];

  const say = (now) => {
    if (now === up) return;
    up = now;
    online(now);
  };

  const runPoll = () =>
    poll().then(
      () => say(true),
      () => say(false),
    );

  const heard = () => {
    clearInterval(poller);
    poller = 0;
    clearTimeout(quiet);
    quiet = setTimeout(open, QUIET_MS);
    backoff.reset();
    say(true);
  };

  const close = () => {
    source?.close();
    source = null;
    clearTimeout(timer);
    clearTimeout(quiet);
  };

  const lost = () => {
    close();
    timer = setTimeout(open, backoff.next());
    if (!poller) {
      poller = setInterval(runPoll, pollMs);
      runPoll();
    }
  };

  const open = () => {
    close();
    active = true;
    const opened = new EventSource("events");
    source = opened;
    for (const [name, handle] of Object.entries(handlers)) {
      opened.addEventListener(name, (event) => {
        if (source !== opened) return;
        heard();
        handle(JSON.parse(event.data));
      });
    }
    opened.addEventListener("heartbeat", () => source === opened && heard());
    opened.addEventListener("error", () => source === opened && lost());
    quiet = setTimeout(lost, 10_000); // some proxies swallow the stream: no state in 10 s is no connection
  };

  const pause = () => {
    close();
    active = false;
    clearInterval(poller);
    poller = 0;
  };

  addEventListener("online", () => active && open());
  addEventListener("pageshow", (event) => event.persisted && open());
  addEventListener("pagehide", pause);
  open();
  return { open, pause, active: () => active };
};

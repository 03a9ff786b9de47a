// What both pages share: text, time, a station's colour and pattern, and following the server's events.

export const $ = (id) => document.getElementById(id);

export const minutes = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  const rest = String(whole % 60).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const mins = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${String(mins).padStart(2, "0")}:${rest}` : `${mins}:${rest}`;
};

export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

export const timeOfDay = (iso) => {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
};

// Writes only what changed: an unchanged node keeps a reader's selection and wakes no screen reader.
export const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

export const setAttribute = (node, name, value) => {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
};

export const shorten = (text, limit) => (text.length > limit ? `${text.slice(0, limit - 1)}…` : text);

// A route as the end of a URL: "/" is nothing, "/late night/jazz" is "late%20night/jazz".
export const path = (route) => route.replace(/^\//, "").split("/").map(encodeURIComponent).join("/");

// A route's place below the page: "/" is "./", "/humor" is "./humor".
export const below = (route) => `./${path(route)}`;

// The name of a route in URLs that need one: "/" is "main".
export const stem = (route) => path(route) || "main";

export const trackTitle = (now) => now?.title || now?.track || "";

export const byRoute = (a, b) => (a.route < b.route ? -1 : a.route > b.route ? 1 : 0);

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

// ---- A station's own colour and picture, the same on every visit -------------------------------------------------

// FNV-1a with a final mix, so that names alike in their first letters get different colours.
const hash = (text) => {
  let h = 0x811c9dc5;
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
};

export const hue = (route) => hash(route) % 360;

// xorshift32: a few repeatable numbers between 0 and 1.
const numbers = (seed) => {
  let state = seed || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
};

const SVG = "http://www.w3.org/2000/svg";

export const svg = (name, attributes = {}, children = []) => {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return node;
};

// The closed outline of one hill: two waves laid over each other, smoothed between their points.
const hill = (random, level, height) => {
  const [phase, second, bend] = [random() * 6.3, random() * 6.3, 0.7 + random() * 0.6];
  const y = (x) => level + height * (Math.sin(phase + x * 0.063 * bend) + 0.35 * Math.sin(second + x * 0.15 * bend));
  let path = `M-5 ${y(-5).toFixed(1)}`;
  for (let x = 0; x <= 105; x += 5) path += `Q${x - 2.5} ${y(x - 2.5).toFixed(1)} ${x} ${y(x).toFixed(1)}`;
  return `${path}V101H-5z`;
};

// A quiet landscape of hills under a sun, drawn from the route alone.
export const pattern = (route) => {
  const random = numbers(hash(route));
  const base = hue(route);
  const turn = (random() < 0.5 ? -1 : 1) * (25 + random() * 35);
  const [sunX, sunY, sunR] = [20 + random() * 60, 20 + random() * 22, 9 + random() * 8];
  const shapes = [
    svg("rect", { width: 100, height: 100, fill: `oklch(0.84 0.07 ${base + turn})` }),
    svg("circle", { cx: sunX, cy: sunY, r: sunR * 1.7, fill: `oklch(0.97 0.05 85 / 0.3)` }),
    svg("circle", { cx: sunX, cy: sunY, r: sunR, fill: `oklch(0.97 0.05 85)` }),
  ];
  for (let layer = 0; layer < 5; layer += 1) {
    const lightness = 0.74 - layer * 0.115;
    const path = hill(random, 46 + layer * 12, 3.5 + random() * 5);
    shapes.push(svg("path", { d: path, fill: `oklch(${lightness} ${0.1 - layer * 0.006} ${base + turn * (1 - layer / 4)})` }));
  }
  return svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "xMidYMid slice" }, shapes);
};

// route -> the address that had no picture, so that it is asked for once.
const missing = new Map();

// Shows a station's cover in `box`, above its pattern; a picture that can not be loaded leaves the pattern.
export const showCover = (box, route, address) => {
  if (box.dataset.route !== route) {
    box.dataset.route = route;
    box.replaceChildren(pattern(route));
    delete box.dataset.address;
  }
  if (box.dataset.address === (address ?? "")) return;
  box.dataset.address = address ?? "";
  if (!address || missing.get(route) === address) {
    box.querySelector("img")?.remove();
    return;
  }
  const image = new Image();
  image.alt = "";
  image.decoding = "async";
  image.addEventListener("load", () => {
    if (box.dataset.address !== address) return;
    box.querySelector("img")?.remove();
    box.append(image);
  });
  image.addEventListener("error", () => {
    missing.set(route, address);
    if (box.dataset.address === address) box.querySelector("img")?.remove();
  });
  image.src = address;
};

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
  if (!response.ok) throw new HttpError(response.status, body.error || `The server answered ${response.status}.`);
  return body;
};

const QUIET_MS = 90_000; // a connection may die without a word; after this long without an event, ask anew

// Follows /events. `handlers` has one function per event name, each given the parsed data; `poll` runs every
// `pollMs` while there are no events; `online(true|false)` tells when the server begins or ceases to answer.
export const follow = ({ handlers, poll, pollMs = 5000, online }) => {
  const backoff = new Backoff();
  let [source, timer, poller, quiet, up] = [null, 0, 0, 0, null];

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
    const opened = new EventSource("events");
    source = opened;
    for (const [name, handle] of Object.entries(handlers)) {
      opened.addEventListener(name, (event) => {
        if (source !== opened) return;
        heard();
        handle(JSON.parse(event.data));
      });
    }
    opened.addEventListener("error", () => source === opened && lost());
    quiet = setTimeout(lost, 10_000); // some proxies swallow the stream: no state in 10 s is no connection
  };

  // Browsers open six connections a host: a page that nobody sees gives its own back.
  const pause = () => {
    close();
    clearInterval(poller);
    poller = 0;
  };

  addEventListener("online", open);
  addEventListener("pageshow", (event) => event.persisted && open());
  addEventListener("pagehide", pause);
  open();
  return { open, pause };
};

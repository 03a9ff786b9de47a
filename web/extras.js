// What the player page does beside playing: addresses to share, favourites, copying, the list of recent tracks, the sleep
// timer, the bar on a telephone.

import { locale, memory, path, setText, shorten, svg, timeOfDay, trackTitle, word } from "./shared.js";

// ---- A station's addresses -------------------------------------------------------------------------------------------

export const pageAddress = (route) => {
  const page = new URL("web", document.baseURI);
  if (route !== "/") page.searchParams.set("route", route); // for those who show a picture of the link
  page.hash = `/${path(route)}`;
  return page.href;
};

export const embedCode = (route) => {
  const { href } = new URL(`embed/${path(route) || "main"}`, document.baseURI);
  return `<iframe src="${href}" width="100%" height="96" allow="autoplay" loading="lazy"></iframe>`;
};

// ---- Favourites ------------------------------------------------------------------------------------------------------

export class Favourites {
  #routes = new Set((memory.get("favourites") ?? "").split("\n").filter(Boolean));

  has(route) {
    return this.#routes.has(route);
  }

  toggle(route) {
    if (!this.#routes.delete(route)) this.#routes.add(route);
    memory.set("favourites", [...this.#routes].join("\n"));
  }
}

// ---- Copying ---------------------------------------------------------------------------------------------------------

const COPIED_MS = 2000;

// Puts `text` on the clipboard, and says so on the button for a while.
export const copy = async (text, button, announce) => {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text); // plain http has no clipboard of its own
  }
  button.classList.add("copied");
  announce(word("copied"));
  if (button.hasAttribute("aria-label") || button.dataset.isTold) return; // a picture stays one
  const label = button.textContent;
  button.dataset.isTold = "yes";
  setText(button, word("copied"));
  setTimeout(() => {
    delete button.dataset.isTold;
    setText(button, label);
  }, COPIED_MS);
};

const copyBySelection = (text) => {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
};

// ---- Recent tracks ---------------------------------------------------------------------------------------------------

const COPY = "M8.5 8.5h10v11h-10zM5.5 15.5v-11h10";
const RELATIVE = 3; // the latest few are told by how long ago
const ago = new Intl.RelativeTimeFormat(locale, { numeric: "auto", style: "short" });

const when = (iso, index) => {
  const mins = Math.round((Date.now() - Date.parse(iso)) / 60_000);
  return index < RELATIVE && mins > 0 && mins < 60 ? ago.format(-mins, "minute") : timeOfDay(iso);
};

// One entry of `/history` as a list's item, with a button that copies its title.
export const recentItem = (entry, index) => {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = entry.started_at;
  time.textContent = when(entry.started_at, index);
  const text = document.createElement("bdi");
  text.className = "clip";
  text.textContent = [trackTitle(entry), entry.artist].filter(Boolean).join(" – ");
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "icon-button recent-copy", title: word("copy") });
  button.setAttribute("aria-label", word("copy_title", { title: shorten(trackTitle(entry), 100) }));
  button.dataset.text = text.textContent;
  button.append(svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, [svg("path", { class: "stroke", d: COPY })]));
  item.append(time, text, button);
  return item;
};

// ---- The sleep timer -------------------------------------------------------------------------------------------------

const MINUTES = [15, 30, 60, 90];

export class Sleep {
  #timer = 0;

  // `select` is filled with the times; `stop()` is called when one is over.
  constructor(select, stop, announce) {
    const unit = new Intl.NumberFormat(locale, { style: "unit", unit: "minute", unitDisplay: "short" });
    for (const mins of MINUTES) select.append(new Option(unit.format(mins), String(mins)));
    select.addEventListener("change", () => {
      clearTimeout(this.#timer);
      const mins = Number(select.value);
      if (!mins) return;
      announce(word("sleeps", { time: unit.format(mins) }));
      this.#timer = setTimeout(() => {
        select.value = "0";
        stop();
      }, mins * 60_000);
    });
  }
}

// ---- The bar ---------------------------------------------------------------------------------------------------------

// Shows `bar` while `panel` is out of sight.
export const followPanel = (panel, bar) => {
  if (!("IntersectionObserver" in window)) return;
  new IntersectionObserver(([{ isIntersecting, boundingClientRect: { height } }]) => {
    bar.hidden = isIntersecting || height === 0;
  }).observe(panel);
};

// The public player: the stations, one audio element, and what keeps it playing.
//
// State has one owner each: `stations` is what the server says, `Stream` is what the browser plays, `selected` is what
// the listener chose. Everything on the screen is drawn from these three by `draw` and `tick`.

import {
  $, Backoff, below, byRoute, count, fetchJson, follow, hue, minutes, setAttribute, setText, shorten, showCover, stem,
  timeOfDay, trackTitle,
} from "./shared.js";

const STALLED_MS = 10_000; // no progress for this long while there should be: join anew
const SETTLED_S = 3; // a connection that has played this long was a success

// What is kept over visits; a browser that forbids storage just forgets.
const memory = {
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

// Safari plays HLS better than an endless file; Chromium and Firefox the other way round.
const prefersHls = () =>
  document.createElement("audio").canPlayType("application/vnd.apple.mpegurl") !== "" &&
  /^((?!chrom|android|crios|fxios|firefox).)*safari/i.test(navigator.userAgent);

// ---- The stream ------------------------------------------------------------------------------------------------------

// Plays one station live. `route` is what should be heard, null when nothing; `phase` is idle, connecting, playing or
// waiting (for the next try). Pausing drops the connection: going on means live again.
class Stream {
  route = null;
  phase = "idle";
  audio = new Audio();
  #address = () => "";
  #changed = () => {};
  #backoff = new Backoff();
  #retryTimer = 0;
  #hurry = true; // the next loss is made good at once; only one that follows without success waits
  #lastTime = 0;
  #lastProgress = 0;
  #played = 0;
  #failures = 0;

  constructor(address, changed) {
    this.#address = address;
    this.#changed = changed;
    const { audio } = this;
    audio.preload = "none";
    audio.addEventListener("playing", () => this.#enter("playing"));
    audio.addEventListener("waiting", () => this.phase === "playing" && this.#enter("connecting"));
    audio.addEventListener("ended", () => this.#lost());
    audio.addEventListener("error", () => this.#lost());
    // A pause that we did not ask for: headphones pulled out, another app, the browser's own control.
    audio.addEventListener("pause", () => this.route !== null && audio.src && !audio.ended && !audio.error && this.stop());
    setInterval(() => this.#watch(), 1000);
  }

  play(route) {
    this.route = route;
    this.#failures = 0;
    this.#hurry = true;
    this.#backoff.reset();
    this.connect();
  }

  stop() {
    this.route = null;
    clearTimeout(this.#retryTimer);
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
    this.#enter("idle");
  }

  connect() {
    clearTimeout(this.#retryTimer);
    if (this.route === null) return;
    this.#lastTime = 0;
    this.#played = 0;
    this.#lastProgress = performance.now();
    this.audio.src = this.#address(this.route, this.#failures);
    this.#enter("connecting");
    this.audio.play().catch((error) => {
      // Losses also arrive as events; only a browser that wants a press first is told here alone.
      if (error.name === "NotAllowedError") this.stop();
    });
  }

  // The network or the server is back: no need to sit out a pause.
  nudge() {
    if (this.phase === "waiting") this.connect();
  }

  #enter(phase) {
    if (this.phase === phase) return;
    this.phase = phase;
    this.#changed();
  }

  #lost() {
    if (this.route === null || !this.audio.src || this.phase === "waiting") return;
    const pause = this.#hurry ? 0 : this.#backoff.next();
    this.#hurry = false;
    this.#failures += 1;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.connect(), pause);
    this.#enter("waiting");
  }

  #watch() {
    if (this.route === null || this.phase === "waiting") return;
    const { audio } = this;
    const now = performance.now();
    if (audio.currentTime !== this.#lastTime) {
      // Some streams count from where they began long ago, so a first reading is no progress.
      const step = audio.currentTime - this.#lastTime;
      this.#lastTime = audio.currentTime;
      this.#lastProgress = now;
      if (step < 5) this.#played += step;
      if (this.#played > SETTLED_S) {
        this.#failures = 0;
        this.#hurry = true;
        this.#backoff.reset();
      }
    } else if (now - this.#lastProgress > STALLED_MS) {
      this.#lastProgress = now;
      this.#lost();
    }
  }
}

// ---- What the server says --------------------------------------------------------------------------------------------

// route -> {route, name, listeners, onAir, hls, url, now, at}: `at` is when `now.elapsed` was true, by performance.now().
const stations = new Map();
let selected = null;

const stream = new Stream(address, draw);

function address(route, failures) {
  const station = stations.get(route);
  // What does not play one way may play the other.
  if (station?.hls && prefersHls() && failures % 2 === 0) return station.hls;
  // A query of its own for every connection keeps caches out; `player=web` asks for an end at a change of format.
  return `${below(route)}?player=web&t=${Date.now().toString(36)}`;
}

const takeStreams = (list) => {
  const routes = new Set(list.map((item) => item.route));
  for (const route of stations.keys()) if (!routes.has(route)) stations.delete(route);
  for (const item of [...list].sort(byRoute)) {
    const station = stations.get(item.route) ?? { route: item.route, now: null, at: 0 };
    const { name, listeners, hls = null, url } = item;
    // Deleted and set again, so that the map's order is the list's.
    stations.delete(item.route);
    stations.set(item.route, Object.assign(station, { name, listeners, hls, url, onAir: item.on_air !== false }));
  }
};

const takeNow = (now) => {
  const station = stations.get(now.route);
  if (!station) return;
  Object.assign(station, { now, at: performance.now() });
  if (Number.isFinite(now.listeners)) station.listeners = now.listeners;
};

// The server tells a track when listeners reach it. One that a skip has brought is joined anew: what the browser still
// holds is the old one.
const takeTrack = (now) => {
  const station = stations.get(now.route);
  if (!station) return;
  // The same track told again (its tags have been read since) is nothing to join anew for.
  const heard = now.started_at !== station.now?.started_at && stream.route === now.route && stream.phase !== "idle";
  takeNow(now);
  if (heard && now.skip) stream.connect();
  draw();
  if (now.route === selected) loadRecent();
  if (heard) announce(nowPlaying(station));
};

const takeState = ({ streams, now }) => {
  takeStreams(streams);
  for (const entry of Object.values(now)) takeNow(entry);
  if (stream.route !== null && !stations.has(stream.route)) stream.stop();
  if (!stations.has(selected)) selected = null;
  selected ??= remembered();
  draw();
  loadRecent();
};

const remembered = () => {
  const route = memory.get("station");
  return stations.has(route) ? route : (stations.keys().next().value ?? null);
};

const poll = async () => {
  const [{ streams }, now] = await Promise.all([fetchJson("streams"), fetchJson("now-playing")]);
  takeState({ streams, now });
};

let recentKey = "";
const loadRecent = async () => {
  if (selected === null || !$("recent").open) return;
  const key = `${selected} ${stations.get(selected)?.now?.started_at}`;
  if (key === recentKey) return;
  try {
    const { history } = await fetchJson(`history?route=${encodeURIComponent(selected)}&limit=12`);
    recentKey = key;
    const items = history.filter((entry) => entry.ended !== "playing").map(recentItem);
    $("recent-list").replaceChildren(...items);
    $("recent-none").hidden = items.length > 0;
  } catch {
    recentKey = ""; // the next track asks again
  }
};

const recentItem = (entry) => {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = entry.started_at;
  time.textContent = timeOfDay(entry.started_at);
  const text = document.createElement("bdi");
  text.className = "clip";
  text.textContent = [trackTitle(entry), entry.artist].filter(Boolean).join(" – ");
  item.append(time, text);
  return item;
};

// ---- The screen ------------------------------------------------------------------------------------------------------

const PHASES = { idle: "Paused", connecting: "Connecting…", playing: "Live", waiting: "Joining again…" };

const nowPlaying = (station) => {
  const track = [trackTitle(station.now), station.now?.artist].filter(Boolean).join(", by ");
  return shorten(track ? `${station.name}: ${track}` : station.name, 300);
};

function announce(text) {
  setText($("announce"), text);
}

const elapsed = (station) => {
  const { now, at } = station;
  const live = now.elapsed + (performance.now() - at) / 1000;
  return now.duration ? Math.min(live, now.duration) : live;
};

const listenersText = (station) => count(station.listeners ?? 0, "listener");

const cards = new Map();

const card = (route) => {
  let node = cards.get(route);
  if (!node) {
    node = document.importNode($("station-template").content, true).firstElementChild;
    node.dataset.route = route;
    node.querySelector(".without-script").remove();
    node.style.setProperty("--hue", hue(route));
    node.querySelector(".station-play").addEventListener("click", () => toggle(route));
    node.querySelector(".station-body").addEventListener("click", () => choose(route));
    node.querySelector(".cover").addEventListener("click", () => choose(route));
    cards.set(route, node);
  }
  return node;
};

const drawCard = (station) => {
  const node = card(station.route);
  const current = stream.route === station.route;
  const find = (name) => node.querySelector(name);
  setText(find(".station-name bdi"), station.name);
  setText(find(".station-title"), station.onAir ? trackTitle(station.now) : "Off the air");
  setText(find(".station-artist"), station.now?.artist ?? "");
  setText(find(".station-listeners"), listenersText(station));
  setText(find(".station-play .visually-hidden"), `${current ? "Pause" : "Play"} ${station.name}`);
  setAttribute(find(".station-play"), "aria-pressed", String(current));
  setAttribute(node, "data-phase", current ? stream.phase : "idle");
  node.classList.toggle("selected", station.route === selected);
  find(".station-progress").hidden = !station.now?.duration;
  showCover(find(".cover"), station.route, station.now?.cover);
  return node;
};

const drawNow = (station) => {
  const current = stream.route === station.route;
  const panel = $("now");
  panel.hidden = false;
  panel.style.setProperty("--hue", hue(station.route));
  setAttribute(panel, "data-phase", current ? stream.phase : "idle");
  setText($("now-phase"), !station.onAir ? "Off the air" : current ? PHASES[stream.phase] : PHASES.idle);
  setText($("now-listeners"), listenersText(station));
  setText($("now-station"), station.name);
  setText($("now-title"), trackTitle(station.now));
  setText($("now-artist"), station.now?.artist ?? "");
  setAttribute($("play"), "aria-label", `${current ? "Pause" : "Play"} ${station.name}`);
  showCover($("now-cover"), station.route, station.now?.cover);
  const plain = new URL(station.url || below(station.route), document.baseURI).href;
  if ($("stream-address").value !== plain) $("stream-address").value = plain;
  setAttribute($("link-m3u"), "href", `${stem(station.route)}.m3u`);
  setAttribute($("link-pls"), "href", `${stem(station.route)}.pls`);
  $("link-hls").hidden = !station.hls;
  if (station.hls) setAttribute($("link-hls"), "href", station.hls);
  document.title = shorten(current && station.now ? `${trackTitle(station.now)} · ${station.name}` : `${station.name} · Radio`, 200);
};

function draw() {
  const list = $("stations");
  const nodes = [...stations.values()].map(drawCard);
  if (nodes.length !== list.children.length || nodes.some((node, i) => list.children[i] !== node)) {
    list.replaceChildren(...nodes);
  }
  for (const route of cards.keys()) if (!stations.has(route)) cards.delete(route);
  document.body.classList.toggle("single", stations.size === 1);
  $("empty").hidden = stations.size > 0;
  const station = stations.get(selected);
  if (station) drawNow(station);
  else $("now").hidden = true;
  drawSession();
  tick();
}

const drawProgress = (bar, station) => {
  const { duration } = station.now;
  bar.max = duration;
  bar.value = elapsed(station);
};

// Once a second, what moves by itself.
function tick() {
  if (document.hidden) return;
  for (const station of stations.values()) {
    if (station.now?.duration) drawProgress(card(station.route).querySelector(".station-progress"), station);
  }
  const station = stations.get(selected);
  const box = $("now-progress");
  box.hidden = !station?.now;
  if (!station?.now) return;
  const bar = box.querySelector("progress");
  bar.hidden = !station.now.duration;
  if (station.now.duration) drawProgress(bar, station);
  setText(box.querySelector(".progress-elapsed"), minutes(elapsed(station)));
  setText(box.querySelector(".progress-duration"), station.now.duration ? minutes(station.now.duration) : "");
}

// The lock screen and the keyboard's media keys.
let sessionKey = "";
function drawSession() {
  if (!("mediaSession" in navigator)) return;
  const station = stations.get(stream.route);
  navigator.mediaSession.playbackState = station ? "playing" : stations.get(selected) ? "paused" : "none";
  if (!station) return;
  const artwork = station.now?.cover
    ? [{ src: new URL(station.now.cover, document.baseURI).href }]
    : [{ src: new URL("static/icon-512.png", document.baseURI).href, sizes: "512x512", type: "image/png" }];
  const shown = {
    title: shorten(trackTitle(station.now) || station.name, 300),
    artist: shorten(station.now?.artist || "", 300),
    album: station.name,
    artwork,
  };
  const key = JSON.stringify(shown);
  if (key === sessionKey) return;
  sessionKey = key;
  navigator.mediaSession.metadata = new MediaMetadata(shown);
}

// ---- The listener's hands --------------------------------------------------------------------------------------------

const select = (route) => {
  selected = route;
  memory.set("station", route);
};

const play = (route) => {
  select(route);
  stream.play(route);
  announce(`Playing ${nowPlaying(stations.get(route))}`);
  draw();
  loadRecent();
};

const pause = () => {
  stream.stop();
  announce("Paused");
  draw();
};

const toggle = (route) => (stream.route === route ? pause() : play(route));

// Looking at another station plays it when something plays already, and only shows it otherwise.
const choose = (route) => {
  if (stream.route !== null && stream.route !== route) {
    play(route);
    return;
  }
  select(route);
  draw();
  loadRecent();
};

const step = (by) => {
  const routes = [...stations.keys()];
  if (routes.length) choose(routes[(routes.indexOf(selected) + by + routes.length) % routes.length]);
};

const volume = {
  set(percent) {
    const value = Math.min(100, Math.max(0, Math.round(percent)));
    stream.audio.volume = (value / 100) ** 2; // the ear hears in decibels
    memory.set("volume", String(value));
    volume.draw(value);
  },
  get: () => Number($("volume-range").value),
  mute(on = !stream.audio.muted) {
    stream.audio.muted = on;
    volume.draw(volume.get());
    announce(on ? "Muted" : "Sound on");
  },
  draw(value) {
    const range = $("volume-range");
    range.value = String(value);
    range.style.setProperty("--fill", `${value}%`);
    setAttribute($("mute"), "aria-pressed", String(stream.audio.muted));
    $("volume").classList.toggle("muted", stream.audio.muted || value === 0);
  },
};

const KEYS = {
  " ": () => selected !== null && toggle(selected),
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  ArrowUp: () => volume.set(volume.get() + 5),
  ArrowDown: () => volume.set(volume.get() - 5),
  m: () => volume.mute(),
  M: () => volume.mute(),
};

const onKey = (event) => {
  const action = KEYS[event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const own = event.key === " " ? "button, a, input, summary, [contenteditable]" : "input, [contenteditable]";
  if (event.target instanceof Element && event.target.closest(own)) return;
  if (event.repeat && (event.key === " " || event.key.toLowerCase() === "m")) return;
  event.preventDefault();
  action();
};

const copyAddress = async () => {
  const field = $("stream-address");
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
  } catch {
    document.execCommand("copy"); // plain http has no clipboard of its own
  }
  setText($("copy"), "Copied");
  announce("Stream address copied");
  setTimeout(() => setText($("copy"), "Copy"), 2000);
};

const listenToHands = () => {
  $("play").addEventListener("click", () => selected !== null && toggle(selected));
  $("mute").addEventListener("click", () => volume.mute());
  $("volume-range").addEventListener("input", () => {
    stream.audio.muted = false;
    volume.set(volume.get());
  });
  $("copy").addEventListener("click", copyAddress);
  $("recent").addEventListener("toggle", loadRecent);
  document.addEventListener("keydown", onKey);
  if (!("mediaSession" in navigator)) return;
  const media = {
    play: () => selected !== null && play(selected),
    pause,
    stop: pause,
    previoustrack: () => step(-1),
    nexttrack: () => step(1),
  };
  for (const [name, action] of Object.entries(media)) navigator.mediaSession.setActionHandler(name, action);
};

const start = () => {
  const kept = memory.get("volume");
  volume.set(kept === null ? 80 : Number(kept) || 0);
  // Where the hardware keys alone set the volume (iOS), a slider would lie.
  const probe = new Audio();
  probe.volume = 0.5;
  $("volume").hidden = probe.volume !== 0.5;
  $("recent").open = matchMedia("(min-width: 60rem)").matches;
  listenToHands();
  setInterval(tick, 1000);

  const events = follow({
    handlers: {
      state: takeState,
      track: takeTrack,
      listeners: ({ route, listeners }) => {
        const station = stations.get(route);
        if (station) station.listeners = listeners;
        draw();
      },
      playlist: () => {},
    },
    poll,
    online: (up) => {
      $("link-state").hidden = up;
      if (up) stream.nudge();
    },
  });
  addEventListener("online", () => stream.nudge());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) events.open();
    else if (stream.route === null) events.pause();
    if (!document.hidden) tick();
  });
};

start();

// The public player: the stations, what is chosen, and what the listener's hands do.
//
// State has one owner each: `stations` is what the server says, `stream` is what the browser plays, `selected` is what
// the listener chose. Everything on the screen is drawn from these three by `draw` and `tick`.

import { hue, showCover } from "./cover.js";
import {
  $, below, count, fetchJson, follow, minutes, path, setAttribute, setText, shorten, timeOfDay, trackTitle,
} from "./shared.js";
import { Stream } from "./stream.js";

const RECENT = 5;

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

// ---- What the server says --------------------------------------------------------------------------------------------

// route -> {route, name, listeners, onAir, hls, url, now, at}: `at` is when `now.elapsed` was true, by performance.now().
const stations = new Map();
let selected = null;

const stream = new Stream(
  // A query of its own for every connection keeps caches out; `player=web` asks for an end at a change of format.
  (route) => ({ live: `${below(route)}?player=web&t=${Date.now().toString(36)}`, hls: stations.get(route)?.hls ?? null }),
  () => {
    if (document.hidden) attend();
    draw();
  },
);

const takeStreams = (list) => {
  const before = new Map(stations);
  stations.clear(); // and filled again in the list's order
  for (const { route, name, listeners, hls = null, url, on_air: onAir } of list) {
    stations.set(route, { ...before.get(route), route, name, listeners, hls, url, onAir });
  }
};

// The server tells of a track when listeners reach it.
const takeNow = (now) => {
  const station = stations.get(now.route);
  if (!station) return;
  // The same track told again (its tags have been read since) is no other track.
  const isAnother = station.now && station.now.started_at !== now.started_at;
  Object.assign(station, { now, at: performance.now(), listeners: now.listeners, onAir: now.track !== null });
  if (!isAnother || stream.route !== now.route) return;
  if (now.skip) stream.skipped(now.elapsed * 1000);
  announce(nowPlaying(station));
};

const takeTrack = (now) => {
  takeNow(now);
  draw();
  if (now.route === selected) loadRecent();
};

const takeListeners = ({ route, listeners }) => {
  const station = stations.get(route);
  if (station) station.listeners = listeners;
  draw();
};

const takeState = ({ streams, now }) => {
  takeStreams(streams);
  Object.values(now).forEach(takeNow);
  if (stream.route !== null && !stations.has(stream.route)) stream.stop();
  if (!stations.has(selected)) selected = remembered();
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
  const key = `${selected} ${stations.get(selected).now?.started_at}`;
  if (key === recentKey) return;
  recentKey = key;
  try {
    const { history } = await fetchJson(`history?route=${encodeURIComponent(selected)}&limit=${RECENT + 1}`);
    if (key !== recentKey) return; // another station or track since
    const items = history.filter((entry) => entry.ended !== "playing").slice(0, RECENT).map(recentItem);
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

const OFF = "Off the air";
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
  setText(find(".station-title"), station.onAir ? trackTitle(station.now) : OFF);
  setText(find(".station-artist"), station.now?.artist ?? "");
  setText(find(".station-listeners"), listenersText(station));
  setText(find(".station-play .visually-hidden"), `${current ? "Pause" : "Play"} ${station.name}`);
  setAttribute(node, "data-phase", current ? stream.phase : "idle");
  node.classList.toggle("selected", station.route === selected);
  node.classList.toggle("off", !station.onAir);
  showCover(find(".cover"), station.route, station.now?.cover ?? null);
  return node;
};

const drawNow = (station) => {
  const current = stream.route === station.route;
  const panel = $("now");
  panel.hidden = false;
  panel.style.setProperty("--hue", hue(station.route));
  setAttribute(panel, "data-phase", current ? stream.phase : "idle");
  setText($("now-phase"), station.onAir ? PHASES[current ? stream.phase : "idle"] : OFF);
  setText($("now-listeners"), listenersText(station));
  setText($("now-station"), station.name);
  setText($("now-title"), station.onAir ? trackTitle(station.now) : "Nothing is playing here right now");
  setText($("now-artist"), station.now?.artist ?? "");
  setAttribute($("play"), "aria-label", `${current ? "Pause" : "Play"} ${station.name}`);
  showCover($("now-cover"), station.route, station.now?.cover ?? null);
  drawElsewhere(station);
  const playing = current && trackTitle(station.now);
  document.title = shorten(playing ? `${playing} · ${station.name}` : `${station.name} · Radio`, 200);
};

// The addresses for other players.
const drawElsewhere = ({ route, url, hls }) => {
  if ($("stream-address").value !== url) $("stream-address").value = url;
  const name = path(route) || (stations.has("/main") ? "" : "main");
  setAttribute($("link-m3u"), "href", `${name}.m3u`);
  setAttribute($("link-pls"), "href", `${name}.pls`);
  $("link-hls").hidden = !hls;
  if (hls) setAttribute($("link-hls"), "href", hls);
};

function draw() {
  volume.apply();
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
  bar.hidden = !duration;
  if (duration) Object.assign(bar, { max: duration, value: elapsed(station) });
};

// Once a second, what moves by itself.
function tick() {
  if (document.hidden) return;
  for (const station of stations.values()) {
    if (station.now) drawProgress(card(station.route).querySelector(".station-progress"), station);
  }
  const station = stations.get(selected);
  const box = $("now-progress");
  box.hidden = !station?.now || !station.onAir;
  if (box.hidden) return;
  drawProgress(box.querySelector("progress"), station);
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
    memory.set("volume", String(value));
    volume.draw(value);
    volume.apply();
  },
  // What the browser's stream of AAC and Ogg cannot carry, the track's level, is done here.
  apply() {
    const level = 10 ** (Math.min(0, stations.get(stream.route)?.now?.volume_db ?? 0) / 20);
    const wanted = (volume.get() / 100) ** 2 * level; // the ear hears in decibels
    if (Math.abs(stream.audio.volume - wanted) > 0.001) stream.audio.volume = wanted;
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
  for (const [name, action] of Object.entries(media)) {
    try {
      navigator.mediaSession.setActionHandler(name, action);
    } catch {
      // An older browser, which knows some of the names.
    }
  }
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
  addEventListener("online", () => stream.nudge());
  document.addEventListener("visibilitychange", () => {
    attend();
    tick();
  });
};

start();

const events = follow({
  handlers: { state: takeState, track: takeTrack, listeners: takeListeners },
  poll,
  online: (up) => {
    $("link-state").hidden = up;
    if (up) stream.nudge();
  },
});

// A page that is neither seen nor heard need not know. One that comes into sight asks anew, for a connection may have
// died while the machine slept.
function attend() {
  if (document.hidden && stream.route === null) events.pause();
  else if (!document.hidden || !events.active()) events.open();
}

// The public player: the stations, what is chosen, and what the listener's hands do.
//
// State has one owner each: `stations` is what the server says, `stream` is what the browser plays, `selected` is what
// the listener chose. Everything on the screen is drawn from these three by `draw` and `tick`.

import { hue, showCover } from "./cover.js";
import { copy, embedCode, Favourites, followPanel, pageAddress, recentItem, Sleep } from "./extras.js";
import { onMediaKeys, tellSession, Volume } from "./media.js";
import {
  $, below, count, fetchJson, follow, memory, minutes, path, setAttribute, setText, shorten, trackTitle, word,
} from "./shared.js";
import { Stream } from "./stream.js";

const RECENT = 10;
const HEARD_MS = 500; // how often it is looked whether a title that HLS listeners do not hear yet is heard
const FILTER_FROM = 10; // stations: with fewer the eye is quicker
const SITE = document.documentElement.dataset.site;

// ---- What the server says --------------------------------------------------------------------------------------------

// route -> {route, name, about, genre, listeners, onAir, hls, url, now, at}: `at` is when `now.elapsed` was true, by
// performance.now().
const stations = new Map();
let selected = null;

const stream = new Stream(
  // A query of its own for every connection keeps caches out; `player=web` asks for an end at a change of format.
  (route) => ({ live: `${below(route)}?player=web&t=${Date.now().toString(36)}`, hls: stations.get(route)?.hls ?? null }),
  () => {
    if (document.hidden) attend();
    draw();
  },
  () => {
    wantsPress = true;
    announce(word("press"));
    draw();
  },
);
let wantsPress = false; // the browser refuses to play without one
let hasPlayed = false;
let skewMs = 0; // this clock less the server's

const takeStreams = (list) => {
  const before = new Map(stations);
  stations.clear(); // and filled again in the list's order
  for (const { route, name, description, genre, listeners, hls = null, url, on_air: onAir } of list) {
    stations.set(route, { ...before.get(route), route, name, about: description, genre, listeners, hls, url, onAir });
  }
};

// The server tells of a track when listeners of the endless stream reach it; who is behind that is told later.
const takeNow = (now) => {
  const station = stations.get(now.route);
  if (!station) return;
  if (now.started_at) skewMs = Date.now() - Date.parse(now.started_at) - now.elapsed * 1000;
  // The same track told again (its tags have been read since) is no other track.
  const isAnother = station.now && station.now.started_at !== now.started_at;
  const isHeard = isAnother && stream.route === now.route;
  if (isHeard && now.skip) stream.skipped(now.elapsed * 1000, skewMs);
  const began = performance.now() - now.elapsed * 1000;
  const leftMs = () => (isHeard && stream.route === now.route ? stream.lagMs(skewMs) - (performance.now() - began) : 0);
  clearTimeout(station.later);
  const at = performance.now();
  const show = () => {
    Object.assign(station, { now, at, listeners: now.listeners, onAir: now.track !== null });
    if (isHeard && stream.route === now.route) announce(nowPlaying(station));
  };
  // A skip brings the ear nearer while it is waited for.
  const wait = () => {
    const ms = leftMs();
    if (ms > 0) station.later = setTimeout(wait, Math.min(ms, HEARD_MS));
    else (show(), draw(), loadRecent());
  };
  if (leftMs() > 0) wait();
  else show();
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
  if (pressed !== null) pressedEarlier();
};

// The station of the page's own address, `#/humor` or `?route=/humor`; null where it names none.
const addressed = () => {
  const asked = new URLSearchParams(location.search).get("route");
  const named = location.hash.startsWith("#/") ? location.hash.slice(1) : (asked && `/${asked.replace(/^\//, "")}`);
  try {
    const route = named && decodeURIComponent(named);
    return stations.has(route) ? route : null;
  } catch {
    return null; // no percent-encoding
  }
};

const remembered = () => {
  const routes = [addressed(), memory.get("station"), stations.keys().next().value ?? null];
  return routes.find((route) => stations.has(route)) ?? null;
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

// ---- The screen ------------------------------------------------------------------------------------------------------

const PHASES = { connecting: "connecting", playing: "live", waiting: "waiting" };

const phaseText = (station) => {
  const phase = stream.route === station.route ? stream.phase : "idle";
  if (phase === "idle" && !station.onAir) return word("off");
  if (phase === "idle") return word(wantsPress ? "press" : hasPlayed ? "paused" : "ready");
  return word(PHASES[phase]);
};

const nowPlaying = (station) => {
  const { title, artist } = { title: trackTitle(station.now), artist: station.now?.artist };
  const track = title && artist ? word("title_by", { title, artist }) : title;
  return shorten(track ? `${station.name}: ${track}` : station.name, 300);
};

function announce(text) {
  setText($("announce"), text);
}

const elapsed = (station) => {
  const { now, at } = station;
  const lagMs = stream.route === station.route ? stream.lagMs(skewMs) : 0;
  const live = Math.max(0, now.elapsed + (performance.now() - at - lagMs) / 1000);
  return now.duration ? Math.min(live, now.duration) : live;
};

// Nobody is no news.
const listenersText = ({ listeners }) => (listeners ? count("listeners", listeners) : "");

const playLabel = (station) => word(stream.route === station.route ? "pause" : "play", { name: station.name });

// A station off the air is not started: it would play silence.
const isPlayable = (station) => station.onAir || stream.route === station.route;

const favourites = new Favourites();
const cards = new Map();

const card = (route) => {
  let node = cards.get(route);
  if (!node) {
    node = document.importNode($("station-template").content, true).firstElementChild;
    node.dataset.route = route;
    node.querySelector(".without-script").remove();
    node.style.setProperty("--hue", hue(route));
    cards.set(route, node);
  }
  return node;
};

const drawCard = (station) => {
  const node = card(station.route);
  const current = stream.route === station.route;
  const find = (name) => node.querySelector(name);
  setText(find(".station-name bdi"), station.name);
  setText(find(".station-title"), station.onAir ? trackTitle(station.now) : word("off"));
  setText(find(".station-artist"), station.now?.artist ?? "");
  setText(find(".station-genre"), station.genre ?? "");
  setText(find(".station-listeners"), listenersText(station));
  setText(find(".station-play .visually-hidden"), playLabel(station));
  find(".station-play").disabled = !isPlayable(station);
  setAttribute(find(".station-star"), "aria-label", word("favourite", { name: station.name }));
  setAttribute(find(".station-star"), "aria-pressed", String(favourites.has(station.route)));
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
  setText($("now-phase"), phaseText(station));
  $("now-live").hidden = !station.now?.live;
  setText($("now-listeners"), listenersText(station));
  setText($("now-station"), station.name);
  setText($("now-about"), station.about || station.genre || "");
  setText($("now-title"), station.onAir ? trackTitle(station.now) : word("nothing"));
  setText($("now-artist"), station.now?.artist ?? "");
  setAttribute($("play"), "aria-label", playLabel(station));
  $("play").disabled = !isPlayable(station);
  showCover($("now-cover"), station.route, station.now?.cover ?? null, "eager");
  drawBar(station);
  drawElsewhere(station);
  const playing = current && trackTitle(station.now);
  const name = station.name === SITE ? SITE : `${station.name} · ${SITE}`;
  document.title = shorten(playing ? `${playing} · ${station.name}` : name, 200);
};

// What stays in sight on a telephone when the panel has been scrolled away.
const drawBar = (station) => {
  $("bar").style.setProperty("--hue", hue(station.route));
  setAttribute($("bar"), "data-phase", stream.route === station.route ? stream.phase : "idle");
  setText($("bar-title"), station.onAir ? trackTitle(station.now) : word("off"));
  setText($("bar-station"), station.name);
  setAttribute($("bar-play"), "aria-label", playLabel(station));
  $("bar-play").disabled = !isPlayable(station);
  showCover($("bar-cover"), station.route, station.now?.cover ?? null);
};

const setValue = (id, value) => {
  if ($(id).value !== value) $(id).value = value;
};

// The addresses for other players.
const drawElsewhere = ({ route, url, hls }) => {
  setValue("stream-address", url);
  setValue("page-address", pageAddress(route));
  setValue("embed-code", embedCode(route));
  const name = path(route) || (stations.has("/main") ? "" : "main");
  setAttribute($("link-m3u"), "href", `${name}.m3u`);
  setAttribute($("link-pls"), "href", `${name}.pls`);
  $("link-hls").hidden = !hls;
  if (hls) setAttribute($("link-hls"), "href", hls);
};

// The server's order is by address; favourites stand first.
const inOrder = () => {
  const all = [...stations.values()];
  return [...all.filter(({ route }) => favourites.has(route)), ...all.filter(({ route }) => !favourites.has(route))];
};

const matches = ({ name, genre, about, now }) => {
  const asked = $("filter").value.trim().toLocaleLowerCase();
  const texts = [name, genre, about, now?.title, now?.artist];
  return !asked || texts.some((text) => text?.toLocaleLowerCase().includes(asked));
};

const drawList = () => {
  const list = $("stations");
  $("filter").hidden = stations.size < FILTER_FROM;
  const shown = $("filter").hidden ? inOrder() : inOrder().filter(matches);
  const nodes = shown.map(drawCard);
  if (nodes.length !== list.children.length || nodes.some((node, i) => list.children[i] !== node)) {
    list.replaceChildren(...nodes);
  }
  for (const route of cards.keys()) if (!stations.has(route)) cards.delete(route);
  $("no-match").hidden = nodes.length > 0 || !stations.size;
};

function draw() {
  volume.apply();
  if (stream.phase === "playing") [hasPlayed, wantsPress] = [true, false];
  drawList();
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
function drawSession() {
  const station = stations.get(stream.route) ?? null;
  tellSession(station, {
    isPaused: stations.has(selected),
    isSounding: stream.phase === "playing",
    position: station?.now ? elapsed(station) : 0,
  });
}

// ---- The listener's hands --------------------------------------------------------------------------------------------

const select = (route) => {
  selected = route;
  memory.set("station", route);
  history.replaceState(history.state, "", `#/${path(route)}`);
};

// One tab at a time: who begins to play tells the others.
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("radiostream") : null;
tabs?.addEventListener("message", () => stream.route !== null && pause());

// What is pressed on the page that the server has drawn, before the state is here, is done when it comes.
let pressed = null;
const pressedEarlier = () => {
  const route = pressed;
  pressed = null;
  if (stations.has(route)) play(route);
};

const play = (route) => {
  if (!stations.has(route)) pressed = route;
  if (!stations.has(route) || !isPlayable(stations.get(route))) return;
  select(route);
  stream.play(route);
  tabs?.postMessage("playing");
  announce(word("playing", { what: nowPlaying(stations.get(route)) }));
  draw();
  loadRecent();
};

const pause = () => {
  stream.stop();
  announce(word("paused"));
  draw();
};

const toggle = (route) => (stream.route === route ? pause() : play(route));

const star = (route) => {
  favourites.toggle(route);
  draw();
};

// Looking at another station plays it when something plays already, and only shows it otherwise.
const choose = (route) => {
  if (!stations.has(route)) {
    selected = route;
    return;
  }
  if (stream.route !== null && stream.route !== route && stations.get(route).onAir) {
    play(route);
    return;
  }
  select(route);
  draw();
  loadRecent();
};

const step = (by) => {
  const routes = inOrder().map(({ route }) => route);
  if (routes.length) choose(routes[(routes.indexOf(selected) + by + routes.length) % routes.length]);
};

const volume = new Volume(
  stream.audio,
  { box: $("volume"), range: $("volume-range"), mute: $("mute") },
  () => stations.get(stream.route)?.now?.volume_db ?? 0,
);

const mute = () => announce(word(volume.mute() ? "muted" : "unmuted"));

const KEYS = {
  " ": () => selected !== null && toggle(selected),
  ArrowLeft: () => step(-1),
  ArrowRight: () => step(1),
  ArrowUp: () => volume.set(volume.percent + 5),
  ArrowDown: () => volume.set(volume.percent - 5),
  m: mute,
  M: mute,
  "/": () => $("filter").focus(),
};

const onKey = (event) => {
  const action = KEYS[event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const own = event.key === " " ? "button, a, input, select, summary" : "input, select";
  if (event.target instanceof Element && event.target.closest(own)) return;
  if (event.repeat && (event.key === " " || event.key.toLowerCase() === "m")) return;
  event.preventDefault();
  action();
};

const share = async () => {
  const station = stations.get(selected);
  try {
    await navigator.share({ title: station.name, url: pageAddress(selected) });
  } catch {
    // Thought better of it.
  }
};

const listenToHands = () => {
  $("play").addEventListener("click", () => toggle(selected ?? $("now").dataset.route));
  $("stations").addEventListener("click", ({ target }) => {
    const route = target.closest("[data-route]")?.dataset.route;
    if (route === undefined || target.closest(".without-script")) return;
    if (target.closest(".station-play")) toggle(route);
    else if (target.closest(".station-star")) star(route);
    else choose(route);
  });
  $("mute").addEventListener("click", mute);
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", () => copy($(button.dataset.copy).value, button, announce));
  }
  $("share-button").hidden = !navigator.share;
  $("share-button").addEventListener("click", share);
  $("recent-list").addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (button) copy(button.dataset.text, button, announce);
  });
  $("bar-play").addEventListener("click", () => selected !== null && toggle(selected));
  $("filter").addEventListener("input", draw);
  new Sleep($("sleep"), pause, announce);
  followPanel($("now-controls"), $("bar"));
  $("recent").addEventListener("toggle", loadRecent);
  document.addEventListener("keydown", onKey);
  onMediaKeys({
    play: () => selected !== null && play(selected),
    pause,
    stop: pause,
    previoustrack: () => step(-1),
    nexttrack: () => step(1),
  });
};

const start = () => {
  $("recent").open = matchMedia("(min-width: 60rem)").matches;
  listenToHands();
  setInterval(tick, 1000);
  addEventListener("online", () => stream.nudge());
  addEventListener("hashchange", () => {
    const route = addressed();
    if (route !== null && route !== selected) choose(route);
  });
  document.addEventListener("visibilitychange", () => {
    attend();
    tick();
  });
};

start();
// The worker minds the player alone: its scope leaves the operator's pages out.
navigator.serviceWorker?.register("sw.js", { scope: "web" }).catch(() => {});

const events = follow({
  handlers: { state: takeState, track: takeTrack, listeners: takeListeners },
  poll,
  online: (up) => {
    $("link-state").hidden = up;
    if (up) stream.nudge();
  },
});

// A page that is neither seen nor heard need not know. One that comes into sight asks again, for a connection may have
// died while the machine slept.
function attend() {
  if (document.hidden && stream.route === null) events.pause();
  else if (!document.hidden || !events.active()) events.open();
}

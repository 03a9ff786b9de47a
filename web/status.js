// The operator's page: draws /status.json, asks for it anew every 5 s and at every event, and sends the buttons' posts.

import {
  $, below, byRoute, count, fetchJson, follow, hue, HttpError, minutes, path, setAttribute, setText, shorten, showCover,
  svg, timeOfDay, trackTitle,
} from "./shared.js";

const POLL_MS = 5000;
const PLOT = { width: 240, height: 44, room: 4 };
const ENDINGS = { playing: "On the air", played: "Played", skipped: "Skipped", failed: "Failed" };

// route -> {now, at}: `at` is when `now.elapsed` was true, by performance.now().
const clocks = new Map();
const rows = new Map();

// ---- Figures ---------------------------------------------------------------------------------------------------------

const duration = (seconds) => {
  const [days, hours, mins] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days) return hours ? `${days} d ${hours} h` : `${days} d`;
  if (hours) return mins ? `${hours} h ${mins} min` : `${hours} h`;
  return mins ? `${mins} min` : `${Math.floor(seconds)} s`;
};

const figure = (value, digits, unit) => (Number.isFinite(value) ? `${value.toFixed(digits)} ${unit}` : "–");

const worstDrift = (list) => {
  const drifts = list.map((station) => station.drift_ms).filter(Number.isFinite);
  return drifts.length ? drifts.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)) : NaN;
};

const drawServer = (server, list) => {
  setText($("fact-listeners"), `${server.listeners} of ${server.max_clients}`);
  setText($("fact-uptime"), duration(server.uptime_s));
  setText($("fact-memory"), figure(server.rss_mb, 1, "MB"));
  setText($("fact-cpu"), figure(server.cpu_percent, 1, "%"));
  setText($("fact-drift"), figure(worstDrift(list), 0, "ms"));
  setText($("fact-version"), server.version);
  $("default-password").hidden = !server.default_password;
};

// ---- The plot of listeners -------------------------------------------------------------------------------------------

// [[unix_s, listeners], …] -> a stepped area: listeners stay what they were until the next reading.
const plot = (points, peak) => {
  const { width, height, room } = PLOT;
  const [from, to] = [points[0][0], points.at(-1)[0]];
  const top = Math.max(1, ...points.map(([, n]) => n));
  const x = (t) => (((t - from) / Math.max(1, to - from)) * width).toFixed(1);
  const y = (n) => (height - (n / top) * (height - room)).toFixed(1);
  let line = `M0 ${y(points[0][1])}`;
  for (const [t, n] of points.slice(1)) line += `H${x(t)}V${y(n)}`;
  const label = `Listeners over ${duration(to - from)}: now ${points.at(-1)[1]}, at most ${top} here, peak ${peak}`;
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label }, [
    svg("path", { class: "plot-area", d: `${line}V${height}H0z` }),
    svg("path", { class: "plot-line", d: line }),
  ]);
};

const drawPlot = (box, station) => {
  const key = JSON.stringify(station.plot ?? []);
  if (box.dataset.key === key) return;
  box.dataset.key = key;
  const points = station.plot ?? [];
  box.replaceChildren(...(points.length > 1 ? [plot(points, station.peak_listeners)] : []));
  if (points.length < 2) return;
  const caption = document.createElement("span");
  caption.textContent = `listeners, last ${duration(points.at(-1)[0] - points[0][0])}`;
  caption.setAttribute("aria-hidden", "true");
  box.append(caption);
};

// ---- Lists -----------------------------------------------------------------------------------------------------------

const isolated = (text) => {
  const node = document.createElement("bdi");
  node.className = "clip";
  node.textContent = text;
  return node;
};

const historyRow = (entry) => {
  const row = document.createElement("tr");
  for (const part of [timeOfDay(entry.started_at), isolated(trackTitle(entry)), isolated(entry.artist)]) {
    row.insertCell().append(part);
  }
  const ended = row.insertCell();
  ended.className = "ended";
  ended.dataset.ended = entry.ended;
  ended.textContent = ENDINGS[entry.ended] ?? entry.ended;
  return row;
};

const fileItem = ({ name, reason }) => {
  const item = document.createElement("li");
  const why = document.createElement("span");
  why.textContent = reason;
  item.append(isolated(name), " ", why);
  return item;
};

// A list is drawn anew only when it has changed: who reads in it keeps his place.
const drawList = (details, list, values, item) => {
  const key = JSON.stringify(values);
  if (details.dataset.key === key) return;
  details.dataset.key = key;
  setText(details.querySelector(".count"), String(values.length));
  list.replaceChildren(...values.map(item));
};

// ---- Stations --------------------------------------------------------------------------------------------------------

const rowOf = (route) => {
  let row = rows.get(route);
  if (!row) {
    row = $("stations").querySelector(`[data-route="${CSS.escape(route)}"]`);
    row ??= document.importNode($("station-template").content, true).firstElementChild;
    row.dataset.route = route;
    row.style.setProperty("--hue", hue(route));
    const [prev, next, , reload] = row.querySelectorAll("form");
    prev.action = `prev-track/${path(route)}`;
    next.action = `next-track/${path(route)}`;
    reload.action = `reload-playlist?route=${encodeURIComponent(route)}`;
    rows.set(route, row);
  }
  return row;
};

const nameControls = (row, name) => {
  const labels = {
    "form[data-action=prev] button": `Previous track on ${name}`,
    "form[data-action=next] button": `Next track on ${name}`,
    "form[data-action=shuffle] button": `Shuffle ${name}`,
    "form[data-action=reload] button": `Reload the playlist of ${name}`,
    ".row-history .scroll": `History of ${name}`,
    ".row-left-out .scroll": `Files that ${name} leaves out`,
    ".row-odd .scroll": `Files of ${name} in another format than most`,
  };
  for (const [where, label] of Object.entries(labels)) setAttribute(row.querySelector(where), "aria-label", label);
  setAttribute(row, "aria-label", name);
};

const drawShuffle = (row, station) => {
  const form = row.querySelector("form[data-action=shuffle]");
  form.action = `shuffle/${path(station.route)}?on=${!station.shuffle}`;
  setAttribute(form.querySelector("button"), "aria-pressed", String(station.shuffle));
};

const drawStation = (station) => {
  const row = rowOf(station.route);
  const find = (name) => row.querySelector(name);
  const { now } = station;
  clocks.set(station.route, { now, at: performance.now() });
  nameControls(row, station.name);
  showCover(find(".cover"), station.route, now?.cover);
  setText(find(".row-name bdi"), station.name);
  setText(find(".row-route"), station.route);
  setAttribute(find(".row-route"), "href", below(station.route));
  setText(find(".row-family"), station.family.toUpperCase());
  setText(find(".row-tracks"), station.demo ? "demo" : count(station.tracks, "track"));
  setText(find(".row-listeners"), String(station.listeners));
  setText(find(".row-listeners-word"), station.listeners === 1 ? "listener" : "listeners");
  setText(find(".row-peak"), `peak ${station.peak_listeners}${station.hls_listeners ? ` · HLS ${station.hls_listeners}` : ""}`);
  setText(find(".trouble"), station.trouble);
  find(".trouble").hidden = !station.trouble;
  setText(find(".row-title"), trackTitle(now) || "Silence");
  setText(find(".row-artist"), now?.artist || "");
  setText(find(".row-since"), now?.started_at ? `since ${timeOfDay(now.started_at)}` : "");
  drawPlot(find(".plot"), station);
  drawShuffle(row, station);
  drawList(find(".row-history"), find("tbody"), station.history ?? [], historyRow);
  for (const [where, files] of [[".row-left-out", station.left_out ?? []], [".row-odd", station.odd ?? []]]) {
    drawList(find(where), find(`${where} ul`), files, fileItem);
    find(where).hidden = !files.length;
  }
  return row;
};

// Once a second, what moves by itself.
const tick = () => {
  if (document.hidden) return;
  for (const [route, { now, at }] of clocks) {
    const box = rows.get(route).querySelector(".progress");
    box.hidden = !now?.track;
    if (!now?.track) continue;
    const live = now.elapsed + (performance.now() - at) / 1000;
    const elapsed = now.duration ? Math.min(live, now.duration) : live;
    const bar = box.querySelector("progress");
    bar.hidden = !now.duration;
    bar.max = now.duration || 1;
    bar.value = elapsed;
    setText(box.querySelector(".progress-elapsed"), minutes(elapsed));
    setText(box.querySelector(".progress-duration"), now.duration ? minutes(now.duration) : "");
  }
};

const draw = ({ stations, server }) => {
  const list = [...stations].sort(byRoute);
  const nodes = list.map(drawStation);
  const box = $("stations");
  if (nodes.length !== box.children.length || nodes.some((node, i) => box.children[i] !== node)) {
    box.replaceChildren(...nodes);
  }
  for (const route of rows.keys()) {
    if (list.some((station) => station.route === route)) continue;
    rows.delete(route);
    clocks.delete(route);
  }
  drawServer(server, list);
  tick();
};

// ---- Asking ----------------------------------------------------------------------------------------------------------

// One question at a time; whatever happens while one is open is answered by one more.
let [asking, again] = [null, false];

const refresh = () => {
  if (asking) {
    again = true;
    return asking;
  }
  asking = fetchJson("status.json")
    .then(draw, (error) => {
      // The session has ended: the server shows the login instead of this page.
      if (error instanceof HttpError && error.status === 401) location.reload();
      throw error;
    })
    .finally(() => {
      asking = null;
      if (!again) return;
      again = false;
      refresh().catch(() => {}); // the page says so by its link state, and asks again in 5 s
    });
  return asking;
};

// ---- The buttons -----------------------------------------------------------------------------------------------------

const NOTICE_MS = 8000;
let noticeTimer = 0;

// Good news goes by itself; what went wrong stays until the next press.
const notice = (text, wrong = false) => {
  setText($("notice"), text);
  $("notice").classList.toggle("wrong", wrong);
  clearTimeout(noticeTimer);
  if (!wrong) noticeTimer = setTimeout(() => setText($("notice"), ""), NOTICE_MS);
};

const told = {
  prev: (name, answer) => `${name}: back to ${trackTitle(answer) || "the previous track"}.`,
  next: (name, answer) => `${name}: now ${trackTitle(answer) || "the next track"}.`,
  reload: (name) => `${name}: playlist reloaded.`,
  shuffle: (name, _answer, on) => `${name}: shuffle is ${on ? "on" : "off"}.`,
};

const send = async (form) => {
  const { action } = form.dataset;
  const name = form.closest("[data-route]")?.querySelector(".row-name").textContent ?? "All stations";
  const on = new URL(form.action).searchParams.get("on") === "true";
  form.classList.add("busy");
  try {
    const answer = await fetchJson(form.action, { method: "POST", credentials: "same-origin" });
    notice(shorten(told[action](name, answer, on), 300));
    await refresh();
  } catch (error) {
    if (error instanceof HttpError && error.status === 401) location.reload();
    notice(`${name}: ${error instanceof HttpError ? error.message : "the server can not be reached."}`, true);
  } finally {
    form.classList.remove("busy");
  }
};

const start = () => {
  document.addEventListener("submit", (event) => {
    if (!event.target.dataset.action) return;
    event.preventDefault();
    if (!event.target.classList.contains("busy")) send(event.target);
  });
  setInterval(tick, 1000);
  const ask = () => refresh().catch(() => {});
  const events = follow({
    handlers: { state: ask, track: ask, listeners: ask, playlist: ask },
    poll: refresh,
    pollMs: POLL_MS,
    online: (up) => {
      $("link-state").hidden = up;
    },
  });
  setInterval(() => document.hidden || ask(), POLL_MS);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) events.pause();
    else events.open();
  });
  ask();
};

start();

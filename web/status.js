// The operator's page: draws /status.json, asks for it every 5 s and after events, and sends the buttons' posts.

import { hue, showCover } from "./cover.js";
import { plot } from "./plot.js";
import {
  $, below, count, fetchJson, follow, HttpError, locale, minutes, path, setAttribute, setText, shorten, timeOfDay,
  trackTitle, word,
} from "./shared.js";

const TITLE = document.title;
const POLL_MS = 5000;
const REST_MS = 500; // between two questions, however many events there are

// route -> {now, at}: `at` is when `now.elapsed` was true, by performance.now().
const clocks = new Map();
const rows = new Map();

// ---- Figures ---------------------------------------------------------------------------------------------------------

const duration = (seconds) => {
  const [days, hours, mins] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  const [day, hour, minute, second] = ["day", "hour", "minute", "second"].map((unit) => word(unit));
  if (days) return hours ? `${days} ${day} ${hours} ${hour}` : `${days} ${day}`;
  if (hours) return mins ? `${hours} ${hour} ${mins} ${minute}` : `${hours} ${hour}`;
  return mins ? `${mins} ${minute}` : `${Math.floor(seconds)} ${second}`;
};

const rounded = (value, digits) =>
  value.toLocaleString(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false });

const figure = (value, digits, unit) => (Number.isFinite(value) ? `${rounded(value, digits)} ${unit}` : "–");

const worstDrift = (list) => {
  const drifts = list.map((station) => station.drift_ms).filter(Number.isFinite);
  return drifts.length ? drifts.reduce((a, b) => (Math.abs(b) > Math.abs(a) ? b : a)) : NaN;
};

const drawServer = (server, list) => {
  setText($("fact-listeners"), word("of", { n: server.listeners, most: server.max_clients }));
  setText($("fact-uptime"), duration(server.uptime_s));
  setText($("fact-memory"), figure(server.rss_mb, 1, "MB"));
  setText($("fact-cpu"), figure(server.cpu_percent, 1, "%"));
  setText($("fact-drift"), figure(worstDrift(list), 0, "ms"));
  setText($("fact-version"), server.version);
  $("default-password").hidden = !server.default_password;
};

// ---- The plot of listeners -------------------------------------------------------------------------------------------

// The server takes a reading every few minutes; the last point is now. Where nobody has listened there is nothing to see.
const drawPlot = (box, station) => {
  const points = [...station.plot, [Math.round(Date.now() / 1000), station.listeners]];
  const most = Math.max(...points.map(([, n]) => n));
  if (!most) {
    box.replaceChildren();
    return;
  }
  const label = word("plot", { span: duration(points.at(-1)[0] - points[0][0]), n: most });
  const caption = document.createElement("span");
  caption.textContent = label;
  caption.setAttribute("aria-hidden", "true");
  box.replaceChildren(plot(points, label), caption);
};

// ---- Lists -----------------------------------------------------------------------------------------------------------

const isolated = (text) => {
  const node = document.createElement("bdi");
  node.className = "clip";
  node.textContent = text;
  return node;
};

const ENDS = ["playing", "played", "skipped", "failed"];

const historyRow = (entry) => {
  const row = document.createElement("tr");
  const [start, track, ended] = [row.insertCell(), row.insertCell(), row.insertCell()];
  start.textContent = timeOfDay(entry.started_at);
  track.append(isolated(trackTitle(entry)), isolated(entry.artist));
  ended.dataset.ended = entry.ended;
  ended.textContent = ENDS.includes(entry.ended) ? word(entry.ended) : entry.ended;
  return row;
};

const fileItem = ({ name, reason }) => {
  const item = document.createElement("li");
  const why = document.createElement("span");
  why.textContent = reason;
  item.append(isolated(name), " ", why);
  return item;
};

// A list is redrawn only when it has changed, so that a reader keeps their place. One without entries is hidden.
const drawList = (details, list, values, item) => {
  details.hidden = !values.length;
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
    const [prev, next, , reload, end, resume] = row.querySelectorAll("form");
    prev.action = `prev-track/${path(route)}`;
    next.action = `next-track/${path(route)}`;
    reload.action = `reload-playlist?route=${encodeURIComponent(route)}`;
    end.action = `end-live/${path(route)}`;
    resume.action = `resume-relay/${path(route)}`;
    rows.set(route, row);
  }
  return row;
};

const nameControls = (row, name) => {
  const labels = {
    "form[data-action=prev] button": word("previous_on", { name }),
    "form[data-action=next] button": word("next_on", { name }),
    "form[data-action=shuffle] button": word("shuffle_on", { name }),
    "form[data-action=reload] button": word("reload_on", { name }),
    "form[data-action=end] button": word("end_on", { name }),
    "form[data-action=resume] button": word("resume_on", { name }),
    ".row-history .scroll": word("history_of", { name }),
    ".row-left-out .scroll": word("left_out_of", { name }),
    ".row-mismatched .scroll": word("mismatched_of", { name }),
  };
  for (const [where, label] of Object.entries(labels)) setAttribute(row.querySelector(where), "aria-label", label);
  setAttribute(row, "aria-label", name);
};

const drawHead = (find, station) => {
  const { route, name, family, demo, tracks, listeners, peak_listeners: peak, hls_listeners: hls, trouble } = station;
  setText(find(".row-name bdi"), name);
  setText(find(".row-route"), route);
  setAttribute(find(".row-route"), "href", below(route));
  setText(find(".row-family"), family.toUpperCase());
  setText(find(".row-tracks"), demo ? word("demo") : count("tracks", tracks));
  setText(find(".row-listeners"), String(listeners));
  setText(find(".row-listeners-word"), count("listeners", listeners));
  setText(find(".row-peak"), `${word("peak", { n: peak })}${hls ? ` · HLS ${hls}` : ""}`);
  setText(find(".trouble"), trouble && word("trouble", { trouble }));
  find(".trouble").hidden = !trouble;
};

// How loud the track is, what is done about it, and of how many tracks that is known; empty where no level is asked for.
const levelText = ({ loudness_lufs: lufs, loudness_source: source, gain_db: gain }, counts) => {
  const { measured, tagged, unmeasurable, unknown } = counts;
  if (measured === undefined) return "";
  const known = word("known", { known: measured + tagged, total: measured + tagged + unmeasurable + unknown });
  return source && lufs !== null ? `${lufs.toFixed(1)} LUFS (${source}), ${gain.toFixed(1)} dB · ${known}` : known;
};

const drawNow = (find, { now, levels, tracks, trouble, programme }) => {
  setText(find(".row-title"), trackTitle(now) || word("silence"));
  const isEmpty = !tracks && !trouble && !now.track;
  setText(find(".row-artist"), isEmpty ? word("empty") : (now.artist ?? ""));
  setText(find(".row-level"), levelText(now, levels));
  find(".row-level").hidden = !Object.keys(levels).length;
  setText(find(".row-since"), now.track ? word("since", { time: timeOfDay(now.started_at) }) : "");
  setText(find(".row-programme"), programme?.text ?? "");
  find(".row-programme").hidden = !programme;
};

// A live source as one line: what it is, where it is from, how it does.
const liveText = (source) => {
  const { kind, name, agent, from, state, since, kbps, buffered_s: buffered, trouble } = source;
  const who = [name, agent].filter(Boolean).join(", ");
  const rate = since ? [word("since", { time: timeOfDay(since) }), `${kbps} kbps`, word("buffered", { n: rounded(buffered, 1) })] : [];
  return [`${word(kind === "relay" ? "relay" : "broadcaster")} ${state}`, from, who, ...rate, trouble].filter(Boolean).join(" · ");
};

const drawLive = (find, { live }) => {
  const isPaused = live.some(({ state }) => state === "paused");
  setText(find(".row-live"), live.map(liveText).join(" / "));
  find(".row-live").hidden = !live.length;
  find("form[data-action=end]").hidden = !live.length || (isPaused && live.length === 1);
  find("form[data-action=resume]").hidden = !isPaused;
};

const drawShuffle = (form, { route, shuffle }) => {
  form.action = `shuffle/${path(route)}?on=${!shuffle}`;
  setAttribute(form.querySelector("button"), "aria-pressed", String(shuffle));
};

const drawStation = (station) => {
  const row = rowOf(station.route);
  const find = (name) => row.querySelector(name);
  row.classList.toggle("silent", isSilent(station));
  clocks.set(station.route, { now: station.now, at: performance.now() });
  nameControls(row, station.name);
  showCover(find(".cover"), station.route, station.now.cover);
  drawHead(find, station);
  drawNow(find, station);
  drawLive(find, station);
  drawPlot(find(".plot"), station);
  drawShuffle(find("form[data-action=shuffle]"), station);
  drawList(find(".row-history"), find("tbody"), station.history, historyRow);
  drawList(find(".row-left-out"), find(".row-left-out ul"), station.left_out, fileItem);
  drawList(find(".row-mismatched"), find(".row-mismatched ul"), station.mismatched, fileItem);
  return row;
};

// Once a second, what moves by itself.
const tick = () => {
  if (document.hidden) return;
  for (const [route, { now, at }] of clocks) {
    const box = rows.get(route).querySelector(".progress");
    box.hidden = !now.track;
    if (!now.track) continue;
    const live = now.elapsed + (performance.now() - at) / 1000;
    const elapsed = now.duration ? Math.min(live, now.duration) : live;
    const bar = box.querySelector("progress");
    bar.hidden = !now.duration;
    Object.assign(bar, { max: now.duration || 1, value: elapsed });
    setText(box.querySelector(".progress-elapsed"), minutes(elapsed));
    setText(box.querySelector(".progress-duration"), now.duration ? minutes(now.duration) : "");
  }
};

const TABLE_FROM = 8; // stations: fewer are cards

const isSilent = ({ now, trouble }) => Boolean(trouble) || !now.track;

// What needs a look stands first where there are many.
const inOrder = (stations) =>
  stations.length < TABLE_FROM
    ? stations
    : [...stations.filter(isSilent), ...stations.filter((station) => !isSilent(station))];

// The tab says what there is to see in it.
const drawTitle = (stations, listeners) => {
  const silent = stations.filter(isSilent).length;
  const parts = [silent && word("tab_silent", { n: silent }), listeners && word("tab_listening", { n: listeners }), TITLE];
  document.title = parts.filter(Boolean).join(" · ");
};

const draw = ({ stations, server }) => {
  document.body.classList.toggle("many", stations.length >= TABLE_FROM);
  drawTitle(stations, server.listeners);
  const nodes = inOrder(stations).map(drawStation);
  const box = $("stations");
  if (nodes.length !== box.children.length || nodes.some((node, i) => box.children[i] !== node)) {
    box.replaceChildren(...nodes);
  }
  for (const [route, row] of rows) {
    if (nodes.includes(row)) continue;
    rows.delete(route);
    clocks.delete(route);
  }
  drawServer(server, stations);
  tick();
};

// ---- Asking ----------------------------------------------------------------------------------------------------------

// One question at a time, then a short rest; whatever happens meanwhile is answered by one more.
let [asking, again] = [null, false];

const refresh = () => {
  again = asking !== null;
  asking ??= fetchJson("status.json")
    .then(draw, failed)
    .finally(() => setTimeout(rested, REST_MS));
  return asking;
};

const rested = () => {
  asking = null;
  if (again) ask();
};

// What cannot be had now is asked for in 5 s; the page says by its link state that it is behind.
const ask = () => refresh().catch(() => {});

// The session has ended: the server shows the login instead of this page, and says why.
const failed = (error) => {
  if (error instanceof HttpError && error.status === 401) location.reload();
  throw error;
};

// ---- The buttons -----------------------------------------------------------------------------------------------------

const NOTICE_MS = 8000;
let noticeTimer = 0;

const UNDO_MS = 6000;
let undoable = null;

// Good news goes by itself; what went wrong stays until the next press. `undo` is the form that takes it back.
const notice = (text, wrong = false, undo = null) => {
  setText($("notice"), text);
  $("notice-box").classList.toggle("wrong", wrong);
  clearTimeout(noticeTimer);
  undoable = undo;
  $("undo").hidden = undo === null;
  if (undo) setTimeout(() => undoable === undo && ($("undo").hidden = true), UNDO_MS);
  if (!wrong) noticeTimer = setTimeout(() => setText($("notice"), ""), NOTICE_MS);
};

const told = {
  prev: (name, answer) => word("told_prev", { name, title: trackTitle(answer) || word("some_track") }),
  next: (name, answer) => word("told_next", { name, title: trackTitle(answer) || word("some_track") }),
  end: (name, { ended }) => word(ended === "relay" ? "told_relay_ended" : "told_broadcaster_ended", { name }),
  resume: (name) => word("told_resume", { name }),
  reload: (name) => word("told_reload", { name }),
  shuffle: (name, _answer, on) => word(on ? "told_shuffle_on" : "told_shuffle_off", { name }),
};

const send = async (form) => {
  const { action } = form.dataset;
  const name = form.closest("[data-route]")?.querySelector(".row-name").textContent ?? word("all");
  const on = new URL(form.action).searchParams.get("on") === "true";
  form.classList.add("busy");
  try {
    const answer = await fetchJson(form.action, { method: "POST", credentials: "same-origin" });
    const undo = action === "next" ? form.closest("[data-route]").querySelector("form[data-action=prev]") : null;
    notice(shorten(told[action](name, answer, on), 300), false, undo);
    await refresh();
  } catch (error) {
    if (error instanceof HttpError && error.status === 401) {
      location.reload();
      return;
    }
    notice(`${name}: ${error instanceof HttpError ? error.message : word("unreachable")}`, true);
  } finally {
    form.classList.remove("busy");
  }
};

const start = () => {
  $("undo").addEventListener("click", () => undoable?.requestSubmit());
  document.addEventListener("submit", (event) => {
    if (!event.target.dataset.action) return;
    event.preventDefault();
    if (!event.target.classList.contains("busy")) send(event.target);
  });
  setInterval(tick, 1000);
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

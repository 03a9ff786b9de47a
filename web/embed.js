// The embedded player: one station, one row, in a frame on somebody's page. It keeps nothing and sets no cookie; the
// server joins this file and the modules below into one.

import { $, count, fetchJson, setAttribute, setText, trackTitle, word } from "./shared.js";
import { Stream } from "./stream.js";

const ASK_MS = 10_000;
const HEARD_MS = 1_000; // how often a title that HLS listeners do not hear yet is asked for
const SOON_MS = 600; // behind the end of a track, when the next one's title is known
const { base, route, live, hls, accent } = document.documentElement.dataset;
const name = $("station").textContent;
const PHASE_WORDS = { connecting: "connecting", playing: "live", waiting: "waiting" };

let now = null;
let wantsPress = false;

const stream = new Stream(
  () => ({ live: `${live}&t=${Date.now().toString(36)}`, hls: hls || null }),
  () => draw(),
  () => {
    wantsPress = true;
    draw();
  },
);

const draw = () => {
  const isOff = now !== null && now.track === null;
  const isIdle = stream.phase === "idle";
  if (stream.phase === "playing") wantsPress = false;
  setAttribute($("row"), "data-phase", stream.phase);
  setAttribute($("play"), "aria-label", word(isIdle ? "play" : "pause", { name }));
  $("play").disabled = isOff && isIdle;
  setText($("phase"), isIdle ? (wantsPress ? word("press") : "") : word(PHASE_WORDS[stream.phase]));
  if (!now) return;
  setText($("title"), isOff ? word("off") : [now.artist, trackTitle(now)].filter(Boolean).join(" – "));
  setText($("listeners"), now.listeners ? count("listeners", now.listeners) : "");
  stream.audio.volume = 10 ** (Math.min(0, now.volume_db ?? 0) / 20);
  const cover = $("cover");
  if (cover.dataset.off) return;
  cover.hidden = !now.cover;
  if (now.cover) setAttribute(cover, "src", now.cover);
};

// What plays is asked for every ten seconds, and right behind the end of a track; not at all while nobody looks or hears.
let timer = 0;
const ask = async () => {
  clearTimeout(timer);
  if (document.hidden && stream.route === null) return;
  let pauseMs = ASK_MS;
  try {
    const found = await fetchJson(`${base}now-playing?route=${encodeURIComponent(route)}`);
    const elapsedMs = found.elapsed * 1000;
    const isAnother = now !== null && now.started_at !== found.started_at;
    const skewMs = Date.now() - Date.parse(found.started_at) - elapsedMs;
    if (isAnother && found.skip) stream.skipped(elapsedMs, skewMs);
    const lagMs = isAnother ? stream.lagMs(skewMs) - elapsedMs : 0;
    if (lagMs > 0) pauseMs = Math.min(lagMs, HEARD_MS); // HLS: it is not heard yet
    else now = found;
    if (lagMs <= 0 && now.duration) pauseMs = Math.min(ASK_MS, Math.max(0, now.duration * 1000 - elapsedMs) + SOON_MS);
    stream.nudge();
  } catch {
    // The stream says by itself whether it can be heard; the next question comes.
  }
  clearTimeout(timer);
  timer = setTimeout(ask, pauseMs);
  draw();
};

// Black or white, whichever can be read on the colour.
const readableOn = (hex) => {
  const long = hex.length === 4 ? hex.replace(/[^#]/g, "$&$&") : hex;
  const [r, g, b] = [1, 3, 5].map((i) => (parseInt(long.slice(i, i + 2), 16) / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18 ? "#000" : "#fff";
};

if (accent) {
  document.documentElement.style.setProperty("--accent", accent);
  document.documentElement.style.setProperty("--on-accent", readableOn(accent));
}
$("play").addEventListener("click", () => {
  if (stream.route === null) stream.play(route);
  else stream.stop();
  ask();
});
document.addEventListener("visibilitychange", ask);
ask();

// One audio element that plays one station live, and what keeps it playing.

import { Backoff } from "./shared.js";

const STALLED_MS = 10_000; // no progress for this long while there should be: join anew
const SETTLED_S = 3; // a connection that has played this long was a success

// Safari plays HLS better than an endless file; Chromium and Firefox the other way round.
const PREFERS_HLS =
  new Audio().canPlayType("application/vnd.apple.mpegurl") !== "" &&
  /^((?!chrom|android|crios|fxios|firefox).)*safari/i.test(navigator.userAgent);

// `route` is what should be heard, null when nothing; `phase` is idle, connecting, playing or waiting (for the next
// try). Pausing drops the connection: going on means live again.
export class Stream {
  route = null;
  phase = "idle";
  audio = new Audio();
  #sources;
  #changed;
  #backoff = new Backoff();
  #retryTimer = 0;
  #hurry = true; // the next loss is made good at once; only one that follows without success waits
  #failures = 0;
  #isHls = false;
  #joinedAt = 0;
  #lastTime = 0;
  #lastProgress = 0;
  #played = 0;

  // `sources(route)` gives the addresses {live, hls}, hls null where there is none; `changed()` tells of another phase.
  constructor(sources, changed) {
    this.#sources = sources;
    this.#changed = changed;
    const { audio } = this;
    audio.preload = "none";
    audio.addEventListener("playing", () => this.#enter("playing"));
    audio.addEventListener("waiting", () => this.phase === "playing" && this.#enter("connecting"));
    audio.addEventListener("ended", () => this.#lost());
    audio.addEventListener("error", () => this.#lost());
    audio.addEventListener("pause", () => this.#paused());
    setInterval(() => this.#watch(), 1000);
  }

  play(route) {
    this.route = route;
    this.#failures = 0;
    this.#succeed();
    this.#join();
  }

  stop() {
    this.route = null;
    clearTimeout(this.#retryTimer);
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
    this.#enter("idle");
  }

  // A skip, `ageMs` ago: what the browser still holds is from before it. HLS has no nearer place to join at.
  skipped(ageMs) {
    if (this.route !== null && !this.#isHls && this.#joinedAt < performance.now() - ageMs) this.#join();
  }

  // The network or the server is back: no need to sit out a pause.
  nudge() {
    if (this.phase === "waiting") this.#join();
  }

  #join() {
    clearTimeout(this.#retryTimer);
    const { live, hls } = this.#sources(this.route);
    // What does not play one way may play the other.
    this.#isHls = PREFERS_HLS && hls !== null && this.#failures % 2 === 0;
    this.#joinedAt = this.#lastProgress = performance.now();
    this.#lastTime = this.#played = 0;
    this.audio.src = this.#isHls ? hls : live;
    this.#enter("connecting");
    this.audio.play().catch((error) => {
      // Losses also arrive as events; only a browser that wants a press first is told here alone.
      if (error.name === "NotAllowedError") this.stop();
    });
  }

  #enter(phase) {
    if (this.phase === phase) return;
    this.phase = phase;
    this.#changed();
  }

  #succeed() {
    this.#failures = 0;
    this.#hurry = true;
    this.#backoff.reset();
  }

  // A pause that we did not ask for: headphones pulled out, another app, the browser's own control.
  #paused() {
    const { audio } = this;
    if (this.route !== null && audio.src && !audio.ended && !audio.error) this.stop();
  }

  #lost() {
    if (this.route === null || this.phase === "waiting") return;
    const pauseMs = this.#hurry ? 0 : this.#backoff.next();
    this.#hurry = false;
    this.#failures += 1;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#join(), pauseMs);
    this.#enter("waiting");
  }

  // Once a second: does it move? Some browsers stand still without an event.
  #watch() {
    if (this.route === null || this.phase === "waiting") return;
    const now = performance.now();
    const step = this.audio.currentTime - this.#lastTime;
    if (step === 0) {
      if (now - this.#lastProgress > STALLED_MS) this.#lost();
      return;
    }
    this.#lastTime += step;
    this.#lastProgress = now;
    // Some streams count from where they began long ago, so a first reading is no progress.
    if (step < 5) this.#played += step;
    if (this.#played > SETTLED_S) this.#succeed();
  }
}

// One audio element that plays one station live, and what keeps it playing.

import { Backoff } from "./shared.js";

const STALLED_MS = 10_000; // no progress for this long while there should be: reconnect
const SILENT_MS = 4_000; // the same for a connection that has not been heard yet
const HOLD_MS = 300_000; // a paused element keeps its connection so long, for with it go the media keys (Chromium)
const HLS_LAG_MS = 4_800; // how far HLS is behind the server, where the browser does not say
const CUT_MS = 300; // how often a list is asked for a skip, and how often at most: it is listed once it has settled
const CUT_TRIES = 12;
const CUT_SLACK_MS = 1_000; // the list's dates and the time of the skip agree within half of this
const SETTLED_S = 3; // a connection that has played this long was a success

// Safari plays HLS better than an endless file; Chromium and Firefox the other way round.
// The name is looked at first: Firefox logs a warning for a type that it does not know.
const PREFERS_HLS =
  /^((?!chrom|android|crios|fxios|firefox).)*safari/i.test(navigator.userAgent) &&
  new Audio().canPlayType("application/vnd.apple.mpegurl") !== "";

// When the audio of a playlist began, in the server's Unix milliseconds; NaN where that cannot be had. WebKitGTK counts
// from the first segment of the playlist that it begins with, and tells no date.
const beginOf = async (playlist, which = /#EXT-X-PROGRAM-DATE-TIME:(.*)/) => {
  try {
    return Date.parse(which.exec(await (await fetch(playlist)).text())?.[1] ?? "");
  } catch {
    return NaN;
  }
};

// `route` is what should be heard, null when nothing; `phase` is idle, connecting, playing or waiting (for the next
// try). Going on after a pause means live again, by a connection of its own.
export class Stream {
  route = null;
  phase = "idle";
  audio = new Audio();
  #sources;
  #changed;
  #refused;
  #backoff = new Backoff();
  #retryTimer = 0;
  #holdTimer = 0;
  #last = null;
  #hurry = true; // the next loss is made good at once; only one that follows without success waits
  #failures = 0;
  #isHls = false;
  #beganAt = NaN; // when position 0 of the HLS stream was on the air, by the server's clock
  #cutAt = 0; // the skip that is to be joined at, by the server's clock
  #joinedAt = 0;
  #lastTime = 0;
  #lastProgress = 0;
  #played = 0;

  // `sources(route)` gives the addresses {live, hls}, hls null where there is none; `changed()` tells of another phase,
  // `refused()` that the browser wants a press first.
  constructor(sources, changed, refused = () => {}) {
    this.#sources = sources;
    this.#changed = changed;
    this.#refused = refused;
    const { audio } = this;
    audio.preload = "none";
    audio.addEventListener("playing", () => this.#sounds());
    audio.addEventListener("waiting", () => this.phase === "playing" && this.#enter("connecting"));
    audio.addEventListener("ended", () => this.#lost());
    audio.addEventListener("error", () => this.#lost());
    audio.addEventListener("pause", () => this.#paused());
    setInterval(() => this.#watch(), 1000);
  }

  play(route) {
    this.route = this.#last = route;
    this.#failures = 0;
    this.#succeed();
    this.#join();
  }

  stop() {
    this.route = null;
    clearTimeout(this.#retryTimer);
    this.audio.pause();
    clearTimeout(this.#holdTimer);
    this.#holdTimer = setTimeout(() => this.#drop(), HOLD_MS);
    this.#enter("idle");
  }

  // Nobody has gone on: the connection is given back, and Chromium's media keys with it.
  #drop() {
    this.audio.removeAttribute("src");
    this.audio.load();
  }

  // By how many milliseconds what is heard is behind what the server tells; `skewMs` is this clock less the server's.
  lagMs(skewMs) {
    if (this.route === null || !this.#isHls) return 0;
    const { audio } = this;
    const told = audio.getStartDate?.().getTime() ?? NaN; // from the playlist's EXT-X-PROGRAM-DATE-TIME (Safari)
    const began = Number.isNaN(told) ? this.#beganAt : told;
    const lag = Date.now() - skewMs - (began + audio.currentTime * 1000);
    return Math.abs(lag) < 30_000 ? Math.max(0, lag) : HLS_LAG_MS;
  }

  // A skip, `ageMs` ago: what the browser still holds is from before it.
  skipped(ageMs, skewMs) {
    if (this.route === null || this.#joinedAt >= performance.now() - ageMs) return;
    if (this.#isHls) this.#joinAtCut(Date.now() - skewMs - ageMs);
    else this.#join();
  }

  // The network or the server is back: no need to sit out a pause.
  nudge() {
    if (this.phase === "waiting") this.#join();
  }

  // With HLS a browser hears out the list that it was told: this one begins with the skip, as soon as that is listed.
  async #joinAtCut(atMs) {
    const { route } = this;
    this.#cutAt = atMs;
    for (let tries = 0; tries < CUT_TRIES && this.route === route && this.#isHls && this.#cutAt === atMs; tries += 1) {
      const cut = await beginOf(this.#sources(route).hls, /[^]*#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM-DATE-TIME:(.*)/);
      if (cut >= atMs - CUT_SLACK_MS) return this.#join(cut);
      await new Promise((done) => setTimeout(done, CUT_MS));
    }
  }

  #join(since = null) {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#holdTimer);
    const { live, hls } = this.#sources(this.route);
    // What does not play one way may play the other.
    this.#isHls = PREFERS_HLS && hls !== null && this.#failures % 2 === 0;
    this.#joinedAt = this.#lastProgress = performance.now();
    this.#lastTime = this.#played = 0;
    const list = since === null ? hls : `${hls}?since=${since}`;
    this.audio.src = this.#isHls ? list : live;
    this.#beganAt = since ?? NaN; // a list since a moment begins with it
    const joinedAt = this.#joinedAt;
    if (this.#isHls && since === null) {
      beginOf(hls).then((at) => {
        if (this.#joinedAt === joinedAt) this.#beganAt = at; // not of a list that has been left since
      });
    }
    this.#enter("connecting");
    this.audio.play().catch((error) => {
      // Losses also arrive as events; only a browser that wants a press first is told here alone.
      if (error.name !== "NotAllowedError" || this.route === null) return;
      this.stop();
      this.#refused();
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

  // A browser's own control may let a paused element go on, with what it held: live again is what is meant.
  #sounds() {
    if (this.route !== null) this.#enter("playing");
    else if (this.#last !== null && !this.audio.paused) this.play(this.#last);
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

  // A slow network is given longer with each try.
  #patienceMs() {
    return this.#played ? STALLED_MS : Math.min(STALLED_MS, SILENT_MS * (1 + this.#failures));
  }

  // Once a second: does it move? Some browsers stand still without an event.
  #watch() {
    if (this.route === null || this.phase === "waiting") return;
    const now = performance.now();
    const step = this.audio.currentTime - this.#lastTime;
    if (step === 0) {
      if (now - this.#lastProgress > this.#patienceMs()) this.#lost();
      return;
    }
    this.#lastTime += step;
    this.#lastProgress = now;
    // Some streams count from where they began long ago, so a first reading is no progress.
    if (step < 5) this.#played += step;
    if (this.#played > SETTLED_S) this.#succeed();
  }
}

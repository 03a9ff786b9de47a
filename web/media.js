// What the browser and its system are told of the sound: the volume, and the media session of lock screens and headsets.

import { memory, setAttribute, shorten, trackTitle } from "./shared.js";

const ICON_PATH = "static/icon-512.png"; // below the page, not below this script
const ICON = { src: ICON_PATH, sizes: "512x512", type: "image/png" };

export class Volume {
  #audio;
  #nodes;
  #level;

  // `nodes` are {box, range, mute}; `level()` gives by how many decibels the track itself is to be changed.
  constructor(audio, nodes, level) {
    [this.#audio, this.#nodes, this.#level] = [audio, nodes, level];
    const kept = memory.get("volume");
    this.set(kept === null ? 80 : Number(kept) || 0);
    // Where the hardware keys alone set the volume (iOS), a slider would lie.
    const probe = new Audio();
    probe.volume = 0.5;
    nodes.box.hidden = probe.volume !== 0.5;
    nodes.range.addEventListener("input", () => {
      audio.muted = false;
      this.set(this.percent);
    });
  }

  get percent() {
    return Number(this.#nodes.range.value);
  }

  set(percent) {
    const value = Math.min(100, Math.max(0, Math.round(percent)));
    memory.set("volume", String(value));
    this.#draw(value);
    this.apply();
  }

  // What the browser's stream of AAC and Ogg cannot carry, the track's level, is done here.
  apply() {
    const wanted = (this.percent / 100) ** 2 * 10 ** (Math.min(0, this.#level()) / 20); // the ear hears in decibels
    if (Math.abs(this.#audio.volume - wanted) > 0.001) this.#audio.volume = wanted;
  }

  // Turns the sound off or on again; whether it is off now.
  mute() {
    this.#audio.muted = !this.#audio.muted;
    this.#draw(this.percent);
    return this.#audio.muted;
  }

  #draw(value) {
    const { box, range, mute } = this.#nodes;
    range.value = String(value);
    range.style.setProperty("--fill", `${value}%`);
    setAttribute(mute, "aria-pressed", String(this.#audio.muted));
    box.classList.toggle("muted", this.#audio.muted || value === 0);
  }
}

// ---- The media session -----------------------------------------------------------------------------------------------

const session = navigator.mediaSession;

// What the keys of keyboards, headsets and lock screens do: {play, pause, …}.
export const onMediaKeys = (actions) => {
  for (const [name, action] of Object.entries(actions)) {
    try {
      session?.setActionHandler(name, action);
    } catch {
      // An older browser, which knows some of the names.
    }
  }
};

let sessionKey = "";

// Tells of `station`, null where nothing plays; `isPaused` then says that something could. `position` is in seconds.
export const tellSession = (station, { isPaused, isSounding, position }) => {
  if (!session) return;
  session.playbackState = station ? "playing" : isPaused ? "paused" : "none";
  if (!station) return;
  const { now, name } = station;
  // How far the track is: without it a lock screen makes a length up.
  session.setPositionState?.(now?.duration ? { duration: now.duration, position, playbackRate: 1 } : undefined);
  const picture = now?.cover ? { src: now.cover } : ICON;
  const shown = {
    title: shorten(trackTitle(now) || name, 300),
    artist: shorten(now?.artist || "", 300),
    album: name,
    artwork: [{ ...picture, src: new URL(picture.src, document.baseURI).href }],
  };
  // Told again once it sounds: WebKitGTK forgets what was said before.
  const key = JSON.stringify([shown, isSounding]);
  if (key === sessionKey) return;
  sessionKey = key;
  session.metadata = new MediaMetadata(shown);
};

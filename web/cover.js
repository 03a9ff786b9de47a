// A station's own colour and picture, the same on every visit, and the cover above it.

import { svg } from "./shared.js";

// FNV-1a with a final mix, so that names alike in their first letters get different colours.
const hash = (text) => {
  let h = 0x811c9dc5;
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 0x01000193);
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
};

export const hue = (route) => hash(route) % 360;

// xorshift32: a few repeatable numbers between 0 and 1.
const numbers = (seed) => {
  let state = seed || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
};

// The closed outline of one hill: two waves laid over each other, smoothed between their points.
const hill = (random, level, height) => {
  const [phase, second, bend] = [random() * 6.3, random() * 6.3, 0.7 + random() * 0.6];
  const y = (x) => level + height * (Math.sin(phase + x * 0.063 * bend) + 0.35 * Math.sin(second + x * 0.15 * bend));
  let path = `M-5 ${y(-5).toFixed(1)}`;
  for (let x = 0; x <= 105; x += 5) path += `Q${x - 2.5} ${y(x - 2.5).toFixed(1)} ${x} ${y(x).toFixed(1)}`;
  return `${path}V101H-5z`;
};

// A quiet landscape of hills under a sun, drawn from the route alone.
const pattern = (route) => {
  const random = numbers(hash(route));
  const base = hue(route);
  const turn = (random() < 0.5 ? -1 : 1) * (25 + random() * 35);
  const [sunX, sunY, sunR] = [20 + random() * 60, 20 + random() * 22, 9 + random() * 8];
  const shapes = [
    svg("rect", { width: 100, height: 100, fill: `oklch(0.84 0.07 ${base + turn})` }),
    svg("circle", { cx: sunX, cy: sunY, r: sunR * 1.7, fill: `oklch(0.97 0.05 85 / 0.3)` }),
    svg("circle", { cx: sunX, cy: sunY, r: sunR, fill: `oklch(0.97 0.05 85)` }),
  ];
  for (let layer = 0; layer < 5; layer += 1) {
    const lightness = 0.74 - layer * 0.115;
    const path = hill(random, 46 + layer * 12, 3.5 + random() * 5);
    shapes.push(svg("path", { d: path, fill: `oklch(${lightness} ${0.1 - layer * 0.006} ${base + turn * (1 - layer / 4)})` }));
  }
  return svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "xMidYMid slice" }, shapes);
};

// Shows a track's picture in `box`; the station's pattern where `address` is null, does not load or has not loaded yet.
// `loading` is "eager" for a picture that is looked at now, "lazy" for one of a list.
export const showCover = (box, route, address, loading = "lazy") => {
  const shows = JSON.stringify([route, address]);
  if (box.dataset.shows === shows) return;
  if (box.dataset.route !== route || !address) box.replaceChildren(pattern(route));
  Object.assign(box.dataset, { route, shows });
  if (!address) return;
  const image = Object.assign(new Image(), { alt: "", loading, decoding: "async" });
  const then = (node) => () => box.dataset.shows === shows && box.replaceChildren(node());
  image.addEventListener("load", then(() => image));
  image.addEventListener("error", then(() => pattern(route)));
  image.src = address;
  box.append(image); // an image outside of the document is never loaded lazily
};

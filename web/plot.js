// The plot of listeners over time.

import { svg } from "./shared.js";

const PLOT = { width: 240, height: 44, room: 4 };

// [[unix_s, listeners], …] -> a stepped area: listeners stay what they were until the next reading.
export const plot = (points, label) => {
  const { width, height, room } = PLOT;
  const [from, to] = [points[0][0], points.at(-1)[0]];
  const top = Math.max(1, ...points.map(([, n]) => n));
  const x = (t) => (((t - from) / Math.max(1, to - from)) * width).toFixed(1);
  const y = (n) => (height - (n / top) * (height - room)).toFixed(1);
  let line = `M0 ${y(points[0][1])}`;
  for (const [t, n] of points.slice(1)) line += `H${x(t)}V${y(n)}`;
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label }, [
    svg("path", { class: "plot-area", d: `${line}V${height}H0z` }),
    svg("path", { class: "plot-line", d: line }),
  ]);
};

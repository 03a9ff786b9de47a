// The operator's look back: how many listened to a station over a day, a week, a month, a year. The report beside it is a
// plain form.

import { plot } from "./plot.js";
import { $, fetchJson, locale, word } from "./shared.js";

const POLL_MS = 60_000;

// Only the newest question's answer is drawn.
let asked = 0;

const draw = async () => {
  const number = ++asked;
  const query = new URLSearchParams({ route: $("past-route").value, range: $("past-range").value });
  const box = $("past-plot");
  try {
    const { samples, peak, listener_hours: hours } = await fetchJson(`statistics?${query}`);
    if (number !== asked) return;
    const points = samples.map((one) => [Date.parse(one.at) / 1000, one.listeners]);
    const label = word("past_plot", { n: peak, hours: hours.toLocaleString(locale, { maximumFractionDigits: 1 }) });
    const caption = document.createElement("span");
    caption.textContent = label;
    caption.setAttribute("aria-hidden", "true");
    box.replaceChildren(plot(points, label), caption);
  } catch {
    if (number === asked) box.replaceChildren();
  }
};

if (!$("past").hidden) {
  $("past-ranges").hidden = false;
  for (const id of ["past-route", "past-range"]) $(id).addEventListener("change", draw);
  setInterval(() => document.hidden || draw(), POLL_MS);
  draw();
}

import { byId, element } from "./element.js";

/** In the order in which a picture passes through them. */
const STAGES = ["receive", "decode", "preprocess", "queue", "inference", "postprocess"];

/**
 * Where the time went: the server's stages as one bar, and the whole round trip as the browser saw it, on one scale.
 * @param {import("./api.js").Timings|null} timings
 * @param {number} roundTripMs
 */
export function showTimings(timings, roundTripMs) {
  const place = byId("timings");
  place.hidden = !timings;
  if (!timings) return;
  const stages = stagesOf(timings);
  const total = timings.total_ms ?? stages.reduce((sum, { ms }) => sum + ms, 0);
  const whole = Math.max(total, roundTripMs, 0.001);

  const server = element("div", { class: "time-bar", "aria-hidden": "true" });
  for (const { name, ms } of stages) {
    if (ms <= 0) continue;
    const part = element("span", { class: `time-part stage-${name}`, title: `${name} ${inMs(ms)}` });
    part.style.flex = `${ms} 1 0`;
    server.append(part);
  }
  server.style.width = `${(total / whole) * 100}%`;
  const trip = element("div", { class: "time-bar is-trip", "aria-hidden": "true" });
  trip.style.width = `${(roundTripMs / whole) * 100}%`;

  byId("time-bars").replaceChildren(server, trip);
  byId("time-legend").replaceChildren(
    ...stages.flatMap(({ name, ms }) => entry(name, inMs(ms), `stage-${name}`)),
    ...entry("server, in total", inMs(total), "is-total"),
    ...entry("round trip, seen from here", inMs(roundTripMs), "is-trip"),
  );
}

/** The server's stages, and what they leave of its total: time that no stage claims is shown as such. */
function stagesOf(timings) {
  const named = Object.keys(timings).filter((key) => key.endsWith("_ms") && key !== "total_ms").map((key) => key.slice(0, -3));
  const order = [...STAGES.filter((name) => named.includes(name)), ...named.filter((name) => !STAGES.includes(name))];
  const stages = order.map((name) => ({ name, ms: timings[`${name}_ms`] }));
  const rest = (timings.total_ms ?? 0) - stages.reduce((sum, { ms }) => sum + ms, 0);
  return rest >= 0.05 ? [...stages, { name: "other", ms: rest }] : stages;
}

function entry(name, value, kind) {
  return [element("dt", { class: kind }, name), element("dd", { class: kind }, value)];
}

/** @param {number} ms */
export function inMs(ms) {
  return `${ms < 100 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}

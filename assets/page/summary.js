import { byId, element } from "./element.js";

/** EXIF orientations, as what was done to see the picture upright. */
const TURNS = {
  2: "mirrored", 3: "upside down", 4: "upside down and mirrored", 5: "on its side and mirrored",
  6: "on its side", 7: "on its side and mirrored", 8: "on its side",
};

/**
 * The heading of the readings: what was found, in which picture, by which model.
 * @param {{picture: import("./picture.js").Picture|null, model: string|null,
 *   visible: import("./api.js").Result[], all: number, blocked: boolean}} shown
 */
export function showSummary({ picture, model, visible, all, blocked }) {
  const reading = picture?.reading;
  const heading = byId("summary");
  heading.replaceChildren(...headingOf({ picture, reading, visible, blocked, model }));
  byId("meta").replaceChildren(...(picture ? metaOf(picture, reading) : []));
  const below = all - visible.length;
  byId("below").textContent = reading?.answer && below ? `${below} more not shown` : "";
  const progress = byId("progress");
  const busy = Boolean(picture) && !reading?.answer && !blocked;
  progress.hidden = !busy;
  if (reading?.state === "sending" && reading.sent > 0) progress.value = reading.sent;
  else progress.removeAttribute("value");
}

function headingOf({ picture, reading, visible, blocked, model }) {
  if (!picture) return blocked ? ["Not ready"] : ["No picture yet"];
  if (blocked && !reading?.answer) return ["No reading"];
  if (!reading) return ["Getting ready…"];
  if (reading.state === "waiting") return ["Waiting its turn…"];
  if (reading.state === "sending") return [`Sending ${reading.sent ? `${Math.floor(reading.sent * 100)} %` : "the picture"}…`];
  if (reading.state === "looking") return [`${model} is looking…`];
  if (reading.answer.model.task === "classification") {
    return visible.length ? [visible[0].label] : ["No label is this likely"];
  }
  const noun = visible.length === 1 ? "object" : "objects";
  return [element("span", { class: "figure" }, visible.length ? String(visible.length) : "No"), ` ${noun}`];
}

/** @param {import("./picture.js").Picture} picture */
function metaOf(picture, reading) {
  const lines = [element("p", { class: "meta-name" }, picture.name)];
  const answer = reading?.answer;
  if (!answer) {
    if (!picture.viewable && reading?.state !== "failed") lines.push(element("p", {}, "This browser cannot show the file; the server may read it all the same."));
    return lines;
  }
  const { width, height, format, orientation, animated } = answer.images[0];
  const facts = [`${width} × ${height} px`, String(format).toUpperCase()];
  if (animated) facts.push("first frame of an animation");
  lines.push(element("p", {}, facts.join(" · ")));
  if (TURNS[orientation]) {
    lines.push(element("p", { id: "orientation" }, `Stored ${TURNS[orientation]} (EXIF orientation ${orientation}); read and shown upright.`));
  }
  if (!picture.viewable) lines.push(element("p", {}, "This browser cannot show the file; the boxes lie where the server saw them."));
  const digest = String(answer.model.digest || "").replace("sha256:", "");
  const by = element("p", {}, `${answer.model.name} version ${answer.model.version}`);
  if (digest) by.append(" · ", element("code", { title: `sha256:${digest}` }, digest.slice(0, 12)));
  lines.push(by);
  return lines;
}

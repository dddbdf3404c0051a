import { LABEL_HEIGHT, placeCallouts, placeLabels } from "./labels.js";
import { INK } from "./palette.js";
import { boxInWindow } from "./view.js";

/**
 * Boxes, keypoints and labels over the picture. The canvas has one pixel per device pixel and every edge lies on one,
 * so lines are equally crisp at any zoom and density.
 * @typedef {{result: import("./api.js").Result, colour: string, visible: boolean}} Item
 */

const SHADE = "rgba(6, 10, 12, 0.62)";
const FONT = '600 12px "DIN Alternate", Bahnschrift, "Roboto Condensed", "Liberation Sans Narrow", Arial, sans-serif';

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{view: import("./view.js").View, picture: import("./view.js").Size, room: import("./view.js").Size,
 *   ratio: number, items: Item[], chosen: number}} scene `chosen` is the place of the highlighted item, or -1
 */
export function drawOverlay(canvas, { view, picture, room, ratio, items, chosen }) {
  canvas.width = Math.round(room.width * ratio);
  canvas.height = Math.round(room.height * ratio);
  const pen = canvas.getContext("2d");
  const inOrder = items
    .map((item, place) => ({ ...item, place }))
    .filter(({ visible, result }) => visible && result.box)
    .map((item) => ({ ...item, area: boxInWindow(view, item.result.box) }));
  const picked = inOrder.find(({ place }) => place === chosen);

  const bounds = visiblePart(view, picture, room);
  if (picked) shadeAround(pen, picked.area, bounds, ratio);
  for (const item of [...inOrder].reverse()) {
    if (item === picked) continue;
    pen.globalAlpha = picked ? 0.35 : 1;
    drawBox(pen, item.area, item.colour, ratio, 2);
    drawKeypoints(pen, item, view, ratio);
  }
  pen.globalAlpha = 1;
  if (picked) {
    drawBox(pen, picked.area, picked.colour, ratio, 3);
    drawKeypoints(pen, picked, view, ratio);
  }
  drawLabels(pen, picked ? [picked] : inOrder, bounds, ratio);
  if (picked) drawKeypointNames(pen, picked, view, bounds, ratio);
}

/** The picture steps back a little, but for the chosen box. */
function shadeAround(pen, area, bounds, ratio) {
  pen.fillStyle = "rgba(6, 10, 12, 0.38)";
  pen.beginPath();
  for (const { x1, y1, x2, y2 } of [bounds, area]) {
    pen.rect(x1 * ratio, y1 * ratio, (x2 - x1) * ratio, (y2 - y1) * ratio);
  }
  pen.save();
  pen.clip("evenodd");
  pen.fillRect(bounds.x1 * ratio, bounds.y1 * ratio, (bounds.x2 - bounds.x1) * ratio, (bounds.y2 - bounds.y1) * ratio);
  pen.restore();
}

/** A line of whole device pixels centred on the box's edge, in a dark casing, with heavier corners. */
function drawBox(pen, area, colour, ratio, weight) {
  const line = Math.max(2, 2 * Math.round((weight * ratio) / 2));
  const casing = Math.max(1, Math.round(ratio));
  const at = (value) => Math.round(value * ratio);
  const [x1, y1, x2, y2] = [at(area.x1), at(area.y1), at(area.x2), at(area.y2)];
  frame(pen, x1, y1, x2, y2, line + 2 * casing, SHADE);
  frame(pen, x1, y1, x2, y2, line, colour);
  const reach = Math.round(Math.min(12 * ratio, (x2 - x1) / 4, (y2 - y1) / 4));
  const half = line / 2;
  pen.fillStyle = colour;
  for (const [x, y, right, down] of [[x1, y1, 1, 1], [x2, y1, -1, 1], [x1, y2, 1, -1], [x2, y2, -1, -1]]) {
    fillFrom(pen, x - right * (half + casing), y - down * (half + casing), right * reach, down * (line + casing));
    fillFrom(pen, x - right * (half + casing), y - down * (half + casing), right * (line + casing), down * reach);
  }
}

/** Four filled bars: a stroke would be smeared over two pixels where its width is odd. */
function frame(pen, x1, y1, x2, y2, line, colour) {
  const half = line / 2;
  pen.fillStyle = colour;
  pen.fillRect(x1 - half, y1 - half, x2 - x1 + line, line);
  pen.fillRect(x1 - half, y2 - half, x2 - x1 + line, line);
  pen.fillRect(x1 - half, y1 + half, line, y2 - y1 - line);
  pen.fillRect(x2 - half, y1 + half, line, y2 - y1 - line);
}

function fillFrom(pen, x, y, width, height) {
  pen.fillRect(Math.min(x, x + width), Math.min(y, y + height), Math.abs(width), Math.abs(height));
}

function drawKeypoints(pen, { result, colour }, view, ratio) {
  for (const point of result.keypoints || []) {
    const x = (view.left + point.x * view.scale) * ratio;
    const y = (view.top + point.y * view.scale) * ratio;
    ring(pen, x, y, 4.5 * ratio, 4 * ratio, SHADE);
    ring(pen, x, y, 4.5 * ratio, 2 * ratio, colour);
    pen.fillStyle = colour;
    pen.fillRect(Math.round(x - ratio / 2), Math.round(y - ratio / 2), Math.ceil(ratio), Math.ceil(ratio));
  }
}

function ring(pen, x, y, radius, line, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = line;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.stroke();
}

function drawLabels(pen, items, bounds, ratio) {
  pen.font = FONT;
  const texts = items.map(({ result }) => `${result.label}  ${result.confidence.toFixed(2)}`);
  const wanted = items.map(({ area }, order) => ({
    box: { x1: area.x1 - 1, y1: area.y1 - 1, x2: area.x2 + 1, y2: area.y2 + 1 },
    width: Math.ceil(pen.measureText(texts[order]).width) + 12,
    height: LABEL_HEIGHT,
  }));
  placeLabels(wanted, bounds).forEach((place, order) => {
    if (place) plate(pen, texts[order], place, items[order].colour, INK, ratio);
  });
}

/** Names stand beside the box, each tied to its point by a line, so that none covers what it names. */
function drawKeypointNames(pen, { result, area, colour }, view, bounds, ratio) {
  const points = (result.keypoints || []).filter(({ name }) => name).map(({ name, x, y }) =>
    ({ text: name.replaceAll("_", " "), x: view.left + x * view.scale, y: view.top + y * view.scale }));
  pen.font = FONT;
  for (const { text, point, place, tie } of placeCallouts(points, area, bounds, (text) => pen.measureText(text).width)) {
    for (const [line, ink] of [[3, SHADE], [1, colour]]) {
      pen.strokeStyle = ink;
      pen.lineWidth = line * ratio;
      pen.beginPath();
      pen.moveTo(tie.x * ratio, tie.y * ratio);
      pen.lineTo(point.x * ratio, point.y * ratio);
      pen.stroke();
    }
    plate(pen, text, place, "rgba(6, 10, 12, 0.88)", "#ffffff", ratio);
  }
}

/** A text on its own plate, readable on any picture. */
function plate(pen, text, place, colour, ink, ratio) {
  const at = (value) => Math.round(value * ratio);
  const [x, y] = [at(place.x1), at(place.y1)];
  pen.fillStyle = colour;
  pen.fillRect(x, y, at(place.x2 - place.x1), at(place.y2 - place.y1));
  pen.save();
  pen.setTransform(ratio, 0, 0, ratio, x, y);
  pen.font = FONT;
  pen.fillStyle = ink;
  pen.textBaseline = "middle";
  pen.fillText(text, 6, LABEL_HEIGHT / 2 + 0.5);
  pen.restore();
}

/** The part of the picture that the window shows. */
function visiblePart(view, picture, room) {
  const whole = boxInWindow(view, { x1: 0, y1: 0, x2: picture.width, y2: picture.height });
  return {
    x1: Math.max(0, whole.x1),
    y1: Math.max(0, whole.y1),
    x2: Math.min(room.width, whole.x2),
    y2: Math.min(room.height, whole.y2),
  };
}

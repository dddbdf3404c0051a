/**
 * The two rulers of the stage, graduated in the picture's own pixels: the unit of every coordinate in the answer.
 */

export const RULER = 24;
const FONT = '10px "DIN Alternate", Bahnschrift, "Roboto Condensed", "Liberation Sans Narrow", Arial, sans-serif';

/**
 * @param {HTMLCanvasElement} canvas covers the stage, rulers included
 * @param {{view: import("./view.js").View, picture: import("./view.js").Size, room: import("./view.js").Size,
 *   ratio: number, span: import("./api.js").Box|null, spanColour: string,
 *   cursor: import("./view.js").Point|null}} scene `room` is the window beyond the rulers
 */
export function drawRulers(canvas, { view, picture, room, ratio, span, spanColour, cursor }) {
  canvas.width = Math.round((room.width + RULER) * ratio);
  canvas.height = Math.round((room.height + RULER) * ratio);
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  const ink = style.getPropertyValue("--ruler-ink");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.font = FONT;
  if (!picture.width) return;
  pen.fillStyle = ink;
  pen.fillText("px", 7, 15);

  const axes = [
    { flip: false, offset: view.left, length: picture.width, space: room.width, from: span?.x1, to: span?.x2, at: cursor?.x },
    { flip: true, offset: view.top, length: picture.height, space: room.height, from: span?.y1, to: span?.y2, at: cursor?.y },
  ];
  for (const axis of axes) {
    pen.save();
    // The left ruler is the upper one, mirrored about the diagonal.
    if (axis.flip) pen.transform(0, 1, 1, 0, 0, 0);
    pen.beginPath();
    pen.rect(RULER, 0, axis.space, RULER);
    pen.clip();
    pen.translate(RULER, 0);
    if (axis.from !== undefined) {
      pen.fillStyle = spanColour;
      const x = axis.offset + axis.from * view.scale;
      pen.fillRect(x, RULER - 5, (axis.to - axis.from) * view.scale, 5);
    }
    ticks(pen, axis, view.scale, ratio, ink);
    if (axis.at !== undefined && axis.at >= 0 && axis.at <= axis.length) {
      pen.fillStyle = style.getPropertyValue("--accent");
      pen.fillRect(snap(axis.offset + axis.at * view.scale, ratio), 0, 1, RULER);
    }
    pen.restore();
  }
}

function ticks(pen, { flip, offset, length, space }, scale, ratio, ink) {
  const major = niceStep(64 / scale);
  const minor = [10, 5, 2, 1].map((parts) => major / parts).find((step) => step >= 1 && step * scale >= 5) || major;
  const perMajor = Math.round(major / minor);
  const first = Math.max(0, Math.ceil(-offset / scale / minor));
  const last = Math.floor(Math.min(length, (space - offset) / scale) / minor);
  pen.fillStyle = ink;
  for (let n = first; n <= last; n++) {
    const x = snap(offset + n * minor * scale, ratio);
    const isMajor = n % perMajor === 0;
    const tall = isMajor ? 10 : perMajor % 2 === 0 && n % (perMajor / 2) === 0 ? 7 : 4;
    pen.fillRect(x, RULER - tall, 1 / ratio > 0.6 ? 1 : 1 / ratio, tall);
    if (isMajor) number(pen, String(n * minor), x, flip);
  }
}

/** Upright on both rulers: on the left one the mirroring is undone and the digits run upwards. */
function number(pen, text, x, flip) {
  pen.save();
  pen.textAlign = "center";
  if (flip) {
    pen.translate(x, 0);
    pen.transform(0, 1, 1, 0, 0, 0);
    pen.rotate(-Math.PI / 2);
    pen.fillText(text, 0, 11);
  } else {
    pen.fillText(text, x, 11);
  }
  pen.restore();
}

/** The next of 1, 2, 5, 10, 20, 50, … that is no smaller; a ruler of pixels has no fractions. */
export function niceStep(atLeast) {
  if (atLeast <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(atLeast));
  return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= atLeast - 1e-9) || 10 * power;
}

function snap(value, ratio) {
  return Math.round(value * ratio) / ratio;
}

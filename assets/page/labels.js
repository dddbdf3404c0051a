/**
 * Finds a place for each label: beside its box, inside the picture's visible part, off the other labels where possible.
 * @typedef {{x1: number, y1: number, x2: number, y2: number}} Area
 */

/** CSS pixels. */
export const LABEL_HEIGHT = 18;

/**
 * @param {{box: Area, width: number, height: number}[]} labels most important first, window coordinates
 * @param {Area} bounds the visible part of the picture
 * @returns {(Area|null)[]} null where a label would only hide others; the list still names it
 */
export function placeLabels(labels, bounds) {
  /** @type {Area[]} */
  const taken = [];
  return labels.map(({ box, width, height }, order) => {
    if (box.x2 < bounds.x1 || box.x1 > bounds.x2 || box.y2 < bounds.y1 || box.y1 > bounds.y2) return null;
    const tries = candidates(box, width, height).map((area) => held(area, bounds));
    const free = tries.find((area) => !taken.some((other) => overlap(area, other)));
    if (!free && order >= ALWAYS_LABELLED) return null;
    const area = free || tries[0];
    taken.push(area);
    return area;
  });
}

/** So many of the surest results get their label even where it crosses another. */
const ALWAYS_LABELLED = 6;

/** Above the box, within it, below it; left first, then right. */
function candidates(box, width, height) {
  const rows = [box.y1 - height, box.y1, box.y2, box.y2 - height];
  const columns = [box.x1, box.x2 - width];
  return rows.flatMap((y) => columns.map((x) => ({ x1: x, y1: y, x2: x + width, y2: y + height })));
}

/** Pushes an area into the bounds; where the bounds are too small, its start stays in sight. */
function held({ x1, y1, x2, y2 }, bounds) {
  const x = Math.max(bounds.x1, Math.min(x1, bounds.x2 - (x2 - x1)));
  const y = Math.max(bounds.y1, Math.min(y1, bounds.y2 - (y2 - y1)));
  return { x1: x, y1: y, x2: x + (x2 - x1), y2: y + (y2 - y1) };
}

function overlap(a, b) {
  return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
}

/**
 * Places names of points in two columns beside a box: points left of its middle on the left, in the order of their height.
 * @param {{text: string, x: number, y: number}[]} points
 * @param {Area} box
 * @param {Area} bounds
 * @param {(text: string) => number} widthOf
 * @returns {{text: string, point: {x: number, y: number}, place: Area, tie: {x: number, y: number}}[]}
 */
export function placeCallouts(points, box, bounds, widthOf) {
  const middle = (box.x1 + box.x2) / 2;
  const sides = [points.filter(({ x }) => x < middle), points.filter(({ x }) => x >= middle)];
  return sides.flatMap((side, isRight) => {
    let free = -Infinity;
    return [...side].sort((a, b) => a.y - b.y).map(({ text, x, y }) => {
      const width = Math.ceil(widthOf(text)) + 12;
      const left = isRight ? box.x2 + CALLOUT_GAP : box.x1 - CALLOUT_GAP - width;
      const top = Math.max(y - LABEL_HEIGHT / 2, free);
      const place = held({ x1: left, y1: top, x2: left + width, y2: top + LABEL_HEIGHT }, bounds);
      free = place.y2 + 3;
      return { text, point: { x, y }, place, tie: { x: isRight ? place.x1 : place.x2, y: place.y1 + LABEL_HEIGHT / 2 } };
    });
  });
}

const CALLOUT_GAP = 16;

/**
 * Finds a place for each label: beside its box, inside the picture's visible part, off the other labels where possible.
 * @typedef {{x1: number, y1: number, x2: number, y2: number}} Area
 */

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

/**
 * What of an answer is to be seen, and how it is said. Plain functions.
 * @typedef {import("./api.js").Result} Result
 * @typedef {{confidence: number, hidden: Set<string>}} Sieve
 */

/**
 * @param {Result} result
 * @param {Sieve} sieve
 */
export function passes(result, { confidence, hidden }) {
  return result.confidence >= confidence && !hidden.has(result.label);
}

/** @param {Result[]} results */
export function isRanking(results) {
  return results.every((result) => !result.box);
}

/**
 * How often each label stands among the results, most frequent first.
 * @param {Result[]} results
 * @returns {{label: string, count: number}[]}
 */
export function countByLabel(results) {
  const counts = new Map();
  for (const { label } of results) counts.set(label, (counts.get(label) || 0) + 1);
  return [...counts].map(([label, count]) => ({ label, count })).sort((a, b) => b.count - a.count);
}

/**
 * One sentence for the heading and for the screen reader.
 * @param {Result[]} shown
 * @param {string} task
 */
export function sentence(shown, task) {
  if (task === "classification") {
    if (!shown.length) return "No label is this likely";
    return `${shown[0].label}, ${shown[0].confidence.toFixed(2)}`;
  }
  if (!shown.length) return "No objects";
  const classes = countByLabel(shown).map(({ label, count }) => `${count} ${label}`);
  const noun = shown.length === 1 ? "object" : "objects";
  return `${shown.length} ${noun}: ${classes.join(", ")}`;
}

/**
 * The visible box under a point; of several the smallest, because a large one surrounds it.
 * @param {{result: Result, visible: boolean}[]} items
 * @param {import("./view.js").Point} point of the picture
 * @returns {number} its place among the items, or -1
 */
export function boxAt(items, point) {
  let found = -1;
  let least = Infinity;
  items.forEach(({ result: { box }, visible }, place) => {
    if (!visible || !box) return;
    if (point.x < box.x1 || point.x > box.x2 || point.y < box.y1 || point.y > box.y2) return;
    const area = (box.x2 - box.x1) * (box.y2 - box.y1);
    if (area < least) [found, least] = [place, area];
  });
  return found;
}

import { inferPath } from "./api.js";

/**
 * What the server is asked. Once, generously: whatever the slider may show later is in the answer already.
 * @typedef {{key: string, model: string, version: number|null, path: string, fields: Record<string, string>,
 *   floor: number}} Request
 */

/** Results below this are noise for a detector, and many. */
const LEAST_BOX_CONFIDENCE = 0.05;
const RANKING_LENGTH = 10;

/**
 * @param {string} model
 * @param {number|null} version null: the newest
 * @param {{task: string, defaults: import("./api.js").Defaults, labels: string[]}} contract
 * @returns {Request}
 */
export function requestFor(model, version, { task, defaults, labels }) {
  const ranking = task === "classification";
  const floor = ranking ? 0 : Math.min(LEAST_BOX_CONFIDENCE, defaults.confidence);
  /** @type {Record<string, string>} */
  const fields = { confidence: floor.toFixed(2) };
  if (ranking) fields.top_k = String(Math.min(Math.max(RANKING_LENGTH, defaults.top_k), labels.length || RANKING_LENGTH));
  const path = inferPath(model, version);
  return { key: `${path} ${JSON.stringify(fields)}`, model, version, path, fields, floor };
}

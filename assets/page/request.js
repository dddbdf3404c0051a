import { inferPath } from "./api.js";

/**
 * What the server is asked. Once, generously: whatever the slider may show later is in the answer already.
 * @typedef {{key: string, model: string, version: number|null, path: string, fields: Record<string, string>,
 *   least: number, floor: number}} Request `least`: the model's own default; `floor`: what is asked for
 */

/**
 * @typedef {{task: string, defaults: Partial<import("./api.js").Defaults>, labels: string[]}} Contract
 */

/** What the server does where a contract does not say. */
const USUAL_BOX_CONFIDENCE = 0.25;
const USUAL_TOP_K = 5;

/** Results below this are noise for a detector, and many. */
const LEAST_BOX_CONFIDENCE = 0.05;
const RANKING_LENGTH = 10;

/**
 * @param {string} model
 * @param {number|null} version null: the newest
 * @param {Contract|null} contract null: not known while the version loads; the server will say what is the matter
 * @returns {Request}
 */
export function requestFor(model, version, contract) {
  const { task, defaults, labels } = contract || { task: "", defaults: {}, labels: [] };
  const ranking = task === "classification";
  const least = defaults.confidence ?? (ranking ? 0 : USUAL_BOX_CONFIDENCE);
  const floor = ranking ? 0 : Math.min(LEAST_BOX_CONFIDENCE, least);
  /** @type {Record<string, string>} */
  const fields = { confidence: floor.toFixed(2) };
  if (ranking) {
    const wanted = Math.max(RANKING_LENGTH, defaults.top_k ?? USUAL_TOP_K);
    fields.top_k = String(Math.min(wanted, labels.length || wanted));
  }
  const path = inferPath(model, version);
  return { key: `${path} ${JSON.stringify(fields)}`, model, version, path, fields, least, floor };
}

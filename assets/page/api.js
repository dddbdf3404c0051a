import { keyHeaders } from "./key.js";
import { Problem, problemOfAnswer, unreachable } from "./problem.js";

/**
 * @typedef {{version: number, state: string, message: string}} VersionState
 * @typedef {{name: string, task?: string, default_version?: number, versions: VersionState[]}} Model
 * @typedef {{top_k: number, confidence: number, iou: number, max_detections: number, classes: string[]}} Defaults
 * @typedef {VersionState & {digest?: string, labels?: string[],
 *   contract?: {task: string, defaults: Partial<Defaults>}}} VersionDetail the latter three while it serves
 * @typedef {{name: string, task?: string, default_version?: number, versions: VersionDetail[]}} ModelDetail
 * @typedef {{x1: number, y1: number, x2: number, y2: number}} Box in the upright picture's pixels
 * @typedef {{name?: string, x: number, y: number, confidence?: number}} Keypoint
 * @typedef {{label: string, class_id: number, confidence: number, box?: Box, keypoints?: Keypoint[]}} Result
 * @typedef {{index: number, filename?: string, width: number, height: number, format: string, orientation: number,
 *   animated?: boolean, results?: Result[], problem?: object}} ImageAnswer
 * @typedef {Record<string, number>} Timings every field a stage, in milliseconds; `total_ms` their whole
 * @typedef {{id: string, model: {name: string, version: number, task: string, digest: string},
 *   images: ImageAnswer[], timings: Timings}} Answer
 */

/** @returns {Promise<Model[]>} */
export async function listModels() {
  return (await getJson("/v1/models")).models;
}

/**
 * @param {string} name
 * @returns {Promise<ModelDetail>}
 */
export function describeModel(name) {
  return getJson(`/v1/models/${encodeURIComponent(name)}`);
}

/**
 * Where a picture for this model is posted. Without a version the server's newest answers.
 * @param {string} model
 * @param {number|null} version
 */
export function inferPath(model, version) {
  const base = `/v1/models/${encodeURIComponent(model)}`;
  return version === null ? `${base}/infer` : `${base}/versions/${version}/infer`;
}

/**
 * Posts one picture. XMLHttpRequest, because fetch does not tell how much of a body is sent.
 * @param {{path: string, blob: Blob, filename: string, fields: Record<string, string>}} request
 * @param {{signal: AbortSignal, onSent: (fraction: number) => void}} watch
 * @returns {Promise<{answer: Answer, roundTripMs: number}>} rejects with a Problem, or an AbortError
 */
export function infer({ path, blob, filename, fields }, { signal, onSent }) {
  const body = new FormData();
  body.append("image", blob, filename);
  for (const [name, value] of Object.entries(fields)) body.append(name, value);
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const started = performance.now();
    signal.addEventListener("abort", () => request.abort());
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onSent(event.loaded / event.total);
    });
    request.upload.addEventListener("load", () => onSent(1));
    request.addEventListener("abort", () => reject(new DOMException("superseded", "AbortError")));
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("load", () => {
      const roundTripMs = performance.now() - started;
      const type = request.getResponseHeader("content-type") || "";
      if (request.status !== 200) return reject(problemOfAnswer(request.status, type, request.responseText));
      try {
        resolve({ answer: JSON.parse(request.responseText), roundTripMs });
      } catch {
        reject(notJson(path));
      }
    });
    request.open("POST", path);
    for (const [name, value] of Object.entries(keyHeaders())) request.setRequestHeader(name, value);
    request.send(body);
  });
}

/** @param {string} path */
async function getJson(path) {
  let response;
  try {
    response = await fetch(path, { headers: { accept: "application/json", ...keyHeaders() }, cache: "no-store" });
  } catch {
    throw unreachable();
  }
  const type = response.headers.get("content-type") || "";
  if (!response.ok) throw problemOfAnswer(response.status, type, await response.text());
  try {
    return await response.json();
  } catch {
    throw notJson(path);
  }
}

/** @param {string} path */
function notJson(path) {
  return new Problem({ title: "The answer is not JSON", code: "bad_answer", detail: `${path} answered in another form.` });
}

/**
 * A picture of this visit and the last thing the server said of it.
 * @typedef {{
 *   id: number, name: string, sample: boolean, url: string, blob: Blob|null,
 *   size: import("./view.js").Size|null, viewable: boolean,
 *   reading: Reading|null
 * }} Picture
 * @typedef {{
 *   key: string, model: string, version: number|null, fields: Record<string, string>, path: string,
 *   state: "waiting"|"sending"|"looking"|"answered"|"failed", sent: number, stop: AbortController,
 *   answer: import("./api.js").Answer|null, roundTripMs: number, problem: import("./problem.js").Problem|null
 * }} Reading one request for this picture
 */

let nextId = 1;

/**
 * @param {File} file
 * @returns {Picture}
 */
export function pictureOfFile(file) {
  return blank(file.name || "picture", false, URL.createObjectURL(file), file);
}

/**
 * @param {string} name of a file in /assets/samples/
 * @returns {Picture}
 */
export function pictureOfSample(name) {
  return blank(name, true, `/assets/samples/${name}`, null);
}

/** @returns {Picture} */
function blank(name, sample, url, blob) {
  return { id: nextId++, name, sample, url, blob, size: null, viewable: true, reading: null };
}

/**
 * Learns the upright size from the browser, which turns a JPEG by its EXIF orientation as the server does.
 * @param {Picture} picture
 */
export async function measure(picture) {
  if (picture.size || !picture.viewable) return;
  const probe = new Image();
  probe.src = picture.url;
  try {
    await probe.decode();
    picture.size = { width: probe.naturalWidth, height: probe.naturalHeight };
  } catch {
    picture.viewable = false;
  }
}

/**
 * @param {Picture} picture
 * @returns {Promise<Blob>}
 */
export async function bytesOf(picture) {
  if (!picture.blob) {
    const response = await fetch(picture.url);
    if (!response.ok) throw new Error(`${picture.url} answered ${response.status}`);
    picture.blob = await response.blob();
  }
  return picture.blob;
}

/** @param {Picture} picture @returns {import("./api.js").ImageAnswer|null} */
export function imageAnswer(picture) {
  return picture.reading?.answer?.images[0] || null;
}

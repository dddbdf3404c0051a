/**
 * How the picture lies in the stage's window: one scale and one offset, CSS pixels. Plain functions, values in and out.
 * @typedef {{scale: number, left: number, top: number}} View
 * @typedef {{width: number, height: number}} Size
 * @typedef {{x: number, y: number}} Point
 */

/** One picture pixel is never drawn larger than this many CSS pixels. */
const LARGEST_SCALE = 32;
const MARGIN = 14;

/**
 * The whole picture, centred; a small picture is enlarged at most threefold.
 * @param {Size} picture
 * @param {Size} room
 * @returns {View}
 */
export function fit(picture, room) {
  const margin = Math.min(MARGIN, room.width / 20, room.height / 20);
  const scale = Math.min((room.width - 2 * margin) / picture.width, (room.height - 2 * margin) / picture.height, 3);
  return centred(scale, { x: picture.width / 2, y: picture.height / 2 }, room);
}

/**
 * @param {number} scale
 * @param {Point} point of the picture, to stand in the middle of the room
 * @param {Size} room
 * @returns {View}
 */
export function centred(scale, point, room) {
  return { scale, left: room.width / 2 - point.x * scale, top: room.height / 2 - point.y * scale };
}

/**
 * Magnifies about a point of the window, which keeps its place on the picture.
 * @param {View} view
 * @param {number} factor
 * @param {Point} at
 * @param {Size} picture
 * @param {Size} room
 * @returns {View}
 */
export function magnify(view, factor, at, picture, room) {
  const least = fit(picture, room).scale;
  const scale = Math.min(Math.max(view.scale * factor, least), Math.max(LARGEST_SCALE, least));
  const by = scale / view.scale;
  return contain({ scale, left: at.x - (at.x - view.left) * by, top: at.y - (at.y - view.top) * by }, picture, room);
}

/**
 * Keeps the picture in reach: an axis that fits is centred, one that does not always covers the middle of the window.
 * @param {View} view
 * @param {Size} picture
 * @param {Size} room
 * @returns {View}
 */
export function contain(view, picture, room) {
  const hold = (offset, length, space) =>
    length <= space ? (space - length) / 2 : Math.min(space / 2, Math.max(space / 2 - length, offset));
  return {
    scale: view.scale,
    left: hold(view.left, picture.width * view.scale, room.width),
    top: hold(view.top, picture.height * view.scale, room.height),
  };
}

/**
 * @param {View} view
 * @param {Point} point of the window
 * @returns {Point} of the picture
 */
export function toPicture(view, point) {
  return { x: (point.x - view.left) / view.scale, y: (point.y - view.top) / view.scale };
}

/**
 * @param {View} view
 * @param {import("./api.js").Box} box of the picture
 * @returns {import("./api.js").Box} of the window
 */
export function boxInWindow(view, box) {
  return {
    x1: view.left + box.x1 * view.scale,
    y1: view.top + box.y1 * view.scale,
    x2: view.left + box.x2 * view.scale,
    y2: view.top + box.y2 * view.scale,
  };
}

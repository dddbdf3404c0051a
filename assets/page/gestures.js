/**
 * Wheel, mouse, pen and fingers on the lens, told as magnify, move, point and pick.
 * While the whole picture is in sight the page scrolls as ever: one finger and the wheel's way down belong to it.
 * @param {HTMLElement} lens
 * @param {{isFitted: () => boolean, onMagnify: (factor: number, at: {x: number, y: number}) => void,
 *   onMove: (x: number, y: number) => void, onPoint: (at: {x: number, y: number}|null) => void,
 *   onPick: (at: {x: number, y: number}) => void}} act points are in the lens's CSS pixels
 */
export function handleGestures(lens, act) {
  /** @type {Map<number, {x: number, y: number}>} */
  const fingers = new Map();
  let travelled = 0;

  const at = (event) => {
    const edge = lens.getBoundingClientRect();
    return { x: event.clientX - edge.left, y: event.clientY - edge.top };
  };

  lens.addEventListener("wheel", (event) => {
    const wantsPage = !event.ctrlKey && act.isFitted() && (event.deltaY > 0 || window.scrollY > 0);
    if (wantsPage) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.0018;
    act.onMagnify(Math.exp(-event.deltaY * lines * speed), at(event));
  }, { passive: false });

  lens.addEventListener("dblclick", (event) => act.onMagnify(2, at(event)));

  lens.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (!fingers.size) travelled = 0;
    fingers.set(event.pointerId, at(event));
    lens.setPointerCapture(event.pointerId);
  });

  lens.addEventListener("pointermove", (event) => {
    const now = at(event);
    const before = fingers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") act.onPoint(now);
      return;
    }
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    fingers.set(event.pointerId, now);
    travelled += Math.hypot(now.x - before.x, now.y - before.y);
    if (other) {
      const factor = distance(now, other) / Math.max(1, distance(before, other));
      act.onMagnify(factor, { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
      act.onMove((now.x - before.x) / 2, (now.y - before.y) / 2);
    } else {
      act.onMove(now.x - before.x, now.y - before.y);
    }
    lens.classList.toggle("is-held", travelled > TAP);
  });

  const lift = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    if (event.type === "pointerup" && travelled <= TAP && !fingers.size) act.onPick(at(event));
    if (!fingers.size) lens.classList.remove("is-held");
  };
  lens.addEventListener("pointerup", lift);
  lens.addEventListener("pointercancel", lift);
  lens.addEventListener("pointerleave", () => fingers.size || act.onPoint(null));
}

/** A pointer that moved no farther than this was a click. */
const TAP = 5;

function distance(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

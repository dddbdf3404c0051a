import { byId } from "./element.js";
import { drawOverlay } from "./overlay.js";
import { drawRulers } from "./ruler.js";
import { handleGestures } from "./gestures.js";
import { centred, contain, fit, magnify, toPicture } from "./view.js";

/**
 * The picture under the lens: zoom, pan, rulers, overlay.
 * @param {{onPoint: (point: import("./view.js").Point|null) => void,
 *   onPick: (point: import("./view.js").Point) => void}} listener points are in the picture's pixels
 */
export function createStage({ onPoint, onPick }) {
  const frame = byId("stage");
  const lens = byId("lens");
  const image = byId("picture");
  const overlay = byId("overlay");
  const rulers = byId("rulers");
  const zoomButtons = ["zoom-out", "zoom-in", "zoom-fit", "zoom-actual"].map(byId);
  /** @type {{size: import("./view.js").Size, view: import("./view.js").View}|null} */
  let shown = null;
  let fitted = true;
  let cursor = null;
  /** @type {{items: import("./overlay.js").Item[], chosen: number}} */
  let findings = { items: [], chosen: -1 };
  let due = 0;

  const room = () => ({ width: lens.clientWidth, height: lens.clientHeight });

  function redraw() {
    if (!due) due = requestAnimationFrame(paint);
  }

  function paint() {
    due = 0;
    const size = shown?.size;
    frame.dataset.fitted = String(fitted);
    frame.dataset.zoom = shown ? shown.view.scale.toFixed(4) : "";
    for (const button of zoomButtons) button.disabled = !shown;
    byId("zoom").textContent = shown ? `${Math.round(shown.view.scale * 100)} %` : "–";
    const inside = cursor && size && cursor.x >= 0 && cursor.y >= 0 && cursor.x <= size.width && cursor.y <= size.height;
    byId("cursor").textContent = inside ? `x ${Math.floor(cursor.x)}  y ${Math.floor(cursor.y)}` : "";
    const ratio = window.devicePixelRatio || 1;
    const scene = shown
      ? { view: shown.view, picture: shown.size, room: room(), ratio }
      : { view: { scale: 1, left: 0, top: 0 }, picture: { width: 0, height: 0 }, room: room(), ratio };
    const chosen = findings.items[findings.chosen];
    image.style.transform = `translate(${scene.view.left}px, ${scene.view.top}px) scale(${scene.view.scale})`;
    image.style.imageRendering = scene.view.scale >= 4 ? "pixelated" : "auto";
    drawOverlay(overlay, { ...scene, ...findings });
    drawRulers(rulers, {
      ...scene,
      span: chosen?.visible ? chosen.result.box || null : null,
      spanColour: chosen?.colour || "",
      cursor: inside ? cursor : null,
    });
    overlay.dataset.drawn = String(findings.items.filter(({ visible }) => visible).length);
  }

  function look(view, isFit = false) {
    if (!shown) return;
    shown.view = contain(view, shown.size, room());
    fitted = isFit || shown.view.scale <= fit(shown.size, room()).scale * 1.0001;
    if (fitted) shown.view = fit(shown.size, room());
    redraw();
  }

  const magnifyBy = (factor, at = { x: room().width / 2, y: room().height / 2 }) =>
    shown && look(magnify(shown.view, factor, at, shown.size, room()));
  const moveBy = (x, y) =>
    shown && look({ ...shown.view, left: shown.view.left + x, top: shown.view.top + y });
  const fitAll = () => shown && look(fit(shown.size, room()), true);

  handleGestures(lens, {
    isFitted: () => fitted,
    onMagnify: magnifyBy,
    onMove: moveBy,
    onPoint: (point) => {
      cursor = point && shown ? toPicture(shown.view, point) : null;
      onPoint(cursor);
      redraw();
    },
    onPick: (point) => shown && onPick(toPicture(shown.view, point)),
  });
  lens.addEventListener("keydown", (event) => {
    const step = 48;
    const keys = {
      "+": () => magnifyBy(1.25), "=": () => magnifyBy(1.25), "-": () => magnifyBy(0.8), "0": fitAll,
      ArrowLeft: () => moveBy(step, 0), ArrowRight: () => moveBy(-step, 0),
      ArrowUp: () => moveBy(0, step), ArrowDown: () => moveBy(0, -step),
    };
    const act = keys[event.key];
    const scrollsThePage = fitted && event.key.startsWith("Arrow");
    if (!act || !shown || scrollsThePage || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  const zoomActs = [() => magnifyBy(1 / 1.5), () => magnifyBy(1.5), fitAll, () => magnifyBy(1 / shown.view.scale)];
  zoomButtons.forEach((button, place) => button.addEventListener("click", zoomActs[place]));
  new ResizeObserver(() => (fitted && shown ? fitAll() : shown ? look(shown.view) : redraw())).observe(lens);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  watchDensity(redraw);
  redraw();

  return {
    /**
     * Lays a picture under the lens. A format this browser cannot show still gets its answer drawn, on an empty field.
     * @param {{url: string, name: string, size: import("./view.js").Size|null, viewable: boolean}} picture
     *   `size` upright; null: not known (yet)
     */
    show({ url, name, size, viewable }) {
      const isNew = image.getAttribute("src") !== url;
      frame.dataset.state = size || viewable ? "picture" : "blank";
      if (isNew) {
        image.src = url;
        image.alt = `The picture ${name}`;
        image.classList.remove("opening");
        requestAnimationFrame(() => image.classList.add("opening"));
      }
      const sameSize = size && shown && shown.size.width === size.width && shown.size.height === size.height;
      shown = size ? { size, view: !isNew && sameSize ? shown.view : fit(size, room()) } : null;
      if (isNew || !sameSize) fitted = true;
      image.hidden = !size;
      if (size) {
        frame.style.setProperty("--aspect", String(size.width / size.height));
        image.style.width = `${size.width}px`;
        image.style.height = `${size.height}px`;
      }
      redraw();
    },
    /** @param {import("./overlay.js").Item[]} items @param {number} chosen */
    draw(items, chosen) {
      findings = { items, chosen };
      redraw();
    },
    /** @param {import("./api.js").Box} box brought close, with some of its surroundings */
    approach(box) {
      if (!shown) return;
      const space = room();
      const scale = Math.min(space.width / (box.x2 - box.x1), space.height / (box.y2 - box.y1), 12) * 0.7;
      const least = fit(shown.size, space).scale;
      look(centred(Math.max(scale, least), { x: (box.x1 + box.x2) / 2, y: (box.y1 + box.y2) / 2 }, space));
    },
    fit: fitAll,
  };
}

/** Calls back when the window moves to a screen of another density, or the browser's zoom changes. */
function watchDensity(onChange) {
  const query = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
  query.addEventListener("change", () => { onChange(); watchDensity(onChange); }, { once: true });
}

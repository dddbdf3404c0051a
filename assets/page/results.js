import { byId, element } from "./element.js";
import { countByLabel } from "./findings.js";

/**
 * The list of results and, for boxes, the classes to switch off and on.
 * Rows are made once per answer; the slider only hides and shows them, so focus stays where it is.
 * @param {{onPoint: (place: number) => void, onChoose: (place: number) => void, onApproach: (place: number) => void,
 *   onToggle: (label: string) => void}} listener `place` counts the answer's results; -1 is none
 */
export function createResults({ onPoint, onChoose, onApproach, onToggle }) {
  const list = byId("results");
  const classes = byId("classes");
  /** @type {HTMLElement[]} */
  let rows = [];
  /** @type {Map<string, HTMLElement>} */
  let chips = new Map();

  const placeOf = (event) => rows.indexOf(event.target.closest("li"));
  const inSight = () => rows.filter((row) => !row.hidden);

  list.addEventListener("pointerover", (event) => onPoint(placeOf(event)));
  list.addEventListener("pointerleave", () => onPoint(-1));
  list.addEventListener("focusin", (event) => onChoose(placeOf(event)));
  list.addEventListener("click", (event) => placeOf(event) >= 0 && onChoose(placeOf(event)));
  list.addEventListener("dblclick", (event) => placeOf(event) >= 0 && onApproach(placeOf(event)));
  list.addEventListener("keydown", (event) => {
    const visible = inSight();
    const here = visible.indexOf(event.target.closest("li"));
    const next = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: visible.length - 1 }[event.key];
    if (next !== undefined && visible[next]) visible[next].focus();
    else if (event.key === "Enter" || event.key === " ") onApproach(placeOf(event));
    else if (event.key === "Escape") onChoose(-1);
    else if (next === undefined) return;
    event.preventDefault();
  });

  function row(item, place) {
    const { result, colour } = item;
    const box = result.box;
    const node = element("li", {
      role: "option", tabindex: "-1", class: "row", "data-place": place, "data-label": result.label,
      "data-confidence": result.confidence,
      "data-x1": box?.x1, "data-y1": box?.y1, "data-x2": box?.x2, "data-y2": box?.y2, "data-colour": box && colour,
    },
    element("span", { class: "row-label" }, result.label),
    element("span", { class: "row-confidence" }, result.confidence.toFixed(2)));
    if (box) {
      node.prepend(element("span", { class: "swatch" }));
      node.append(element("span", { class: "row-box" }, coordinates(box)));
      if (result.keypoints) node.append(keypointList(result.keypoints));
    }
    const bar = element("span", { class: "row-bar" });
    node.append(bar);
    bar.style.setProperty("--share", String(Math.min(1, Math.max(0, result.confidence))));
    if (box) node.style.setProperty("--colour", colour);
    return node;
  }

  return {
    /** @param {import("./overlay.js").Item[]} items of a new answer, or none */
    fill(items) {
      rows = items.map(row);
      list.replaceChildren(...rows);
      list.scrollTop = 0;
      const boxed = items.filter(({ result }) => result.box);
      chips = new Map(countByLabel(boxed.map(({ result }) => result)).map(({ label }) => {
        const chip = element("button", { type: "button", class: "chip", "data-label": label, "aria-pressed": "true" },
          element("span", { class: "swatch" }), element("span", {}, label), element("span", { class: "chip-count" }));
        chip.style.setProperty("--colour", boxed.find(({ result }) => result.label === label).colour);
        chip.addEventListener("click", () => onToggle(label));
        return [label, chip];
      }));
      classes.replaceChildren(...chips.values());
    },
    /**
     * @param {import("./overlay.js").Item[]} items
     * @param {import("./findings.js").Sieve} sieve
     * @param {number} chosen
     */
    update(items, sieve, chosen) {
      items.forEach(({ visible }, place) => { rows[place].hidden = !visible; });
      const counts = new Map(countByLabel(items.map(({ result }) => result)
        .filter((result) => result.confidence >= sieve.confidence)).map(({ label, count }) => [label, count]));
      for (const [label, chip] of chips) {
        chip.hidden = !counts.get(label);
        chip.setAttribute("aria-pressed", String(!sieve.hidden.has(label)));
        chip.lastElementChild.textContent = String(counts.get(label) || 0);
      }
      const visible = inSight();
      const stop = rows[chosen] && !rows[chosen].hidden ? rows[chosen] : visible[0];
      rows.forEach((node, place) => {
        node.tabIndex = node === stop ? 0 : -1;
        node.setAttribute("aria-selected", String(place === chosen && !node.hidden));
      });
      list.hidden = !visible.length;
      classes.hidden = !chips.size || !counts.size;
    },
    /** @param {number} place brought into sight within the list, without moving the page */
    reveal(place) {
      const node = rows[place];
      if (!node) return;
      if (node.offsetTop < list.scrollTop) list.scrollTop = node.offsetTop;
      const beyond = node.offsetTop + node.offsetHeight - list.scrollTop - list.clientHeight;
      if (beyond > 0) list.scrollTop += beyond;
    },
  };
}

function coordinates({ x1, y1, x2, y2 }) {
  return `${x1.toFixed(0)}, ${y1.toFixed(0)} – ${x2.toFixed(0)}, ${y2.toFixed(0)}`;
}

function keypointList(keypoints) {
  const texts = keypoints.map(({ name, x, y }, order) =>
    `${(name || `point ${order + 1}`).replaceAll("_", " ")} ${x.toFixed(0)}, ${y.toFixed(0)}`);
  return element("span", { class: "row-keypoints" }, texts.join(" · "));
}

import { byId, element } from "./element.js";
import { imageAnswer } from "./picture.js";
import { isRanking, passes } from "./findings.js";

/**
 * The rack of slides: the visitor's pictures first, then the samples.
 * @param {{onChoose: (picture: import("./picture.js").Picture) => void}} listener
 */
export function createStrip({ onChoose }) {
  const rack = byId("rack");
  /** @type {Map<number, HTMLElement>} */
  const slides = new Map();

  /** @param {import("./picture.js").Picture} picture */
  function slideOf(picture) {
    const thumb = element("img", { src: picture.url, alt: "", loading: "lazy", decoding: "async" });
    // Samples lie in the rack as their pixels are stored, so that the sideways one is seen to be sideways.
    if (picture.sample) thumb.classList.add("as-stored");
    thumb.addEventListener("error", () => thumb.replaceWith(element("span", { class: "no-thumb", "aria-hidden": "true" }, "?")));
    const button = element("button", { type: "button", class: "slide", "data-name": picture.name },
      element("span", { class: "slide-window" }, thumb),
      element("span", { class: "slide-name" }, picture.name),
      element("span", { class: "slide-state" }));
    button.addEventListener("click", () => onChoose(picture));
    return element("li", { "data-sample": picture.sample }, button);
  }

  return {
    /**
     * @param {import("./picture.js").Picture[]} pictures
     * @param {import("./picture.js").Picture|null} current
     * @param {import("./findings.js").Sieve} sieve
     */
    show(pictures, current, sieve) {
      for (const picture of pictures) {
        if (!slides.has(picture.id)) {
          const slide = slideOf(picture);
          slides.set(picture.id, slide);
          rack.insertBefore(slide, picture.sample ? null : rack.querySelector("[data-sample]"));
        }
        const button = slides.get(picture.id).querySelector("button");
        if (picture === current) button.setAttribute("aria-current", "true");
        else button.removeAttribute("aria-current");
        const { state, words } = stateOf(picture, picture === current ? sieve : { ...sieve, hidden: NOTHING });
        button.dataset.state = state;
        const place = button.querySelector(".slide-state");
        if (place.textContent !== words) place.textContent = words;
      }
    },
    /** @param {import("./picture.js").Picture} picture brought into sight within the rack, without moving the page */
    reveal(picture) {
      const slide = slides.get(picture.id);
      if (!slide) return;
      const start = slide.offsetLeft - rack.offsetLeft;
      const hiddenLeft = start < rack.scrollLeft;
      const hiddenRight = start + slide.offsetWidth > rack.scrollLeft + rack.clientWidth;
      if (hiddenLeft || hiddenRight) rack.scrollLeft = start - (rack.clientWidth - slide.offsetWidth) / 2;
    },
  };
}

/** Classes are switched off for the picture under the lens only. */
const NOTHING = new Set();

/** What one slide says of its reading. */
function stateOf(picture, sieve) {
  const reading = picture.reading;
  if (!reading) return { state: "idle", words: "" };
  if (reading.state === "failed") return { state: "failed", words: "problem" };
  if (reading.state !== "answered") return { state: "busy", words: reading.state === "waiting" ? "waiting" : "looking" };
  const results = imageAnswer(picture)?.results || [];
  if (isRanking(results)) return { state: "answered", words: results[0]?.label || "no label" };
  const count = results.filter((result) => passes(result, sieve)).length;
  return { state: "answered", words: count === 1 ? "1 object" : `${count} objects` };
}

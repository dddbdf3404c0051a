import { byId } from "./element.js";

/**
 * The slider by which results are kept. Its scale is that of the bars below it, so its hairline cuts them where it stands.
 * @param {{onMove: (confidence: number) => void, onSettle: () => void}} listener
 */
export function createConfidence({ onMove, onSettle }) {
  const slider = byId("confidence");
  const panel = byId("confidence-panel");

  function tell() {
    const value = Number(slider.value);
    byId("confidence-value").textContent = value.toFixed(2);
    panel.style.setProperty("--confidence", String(value));
  }
  slider.addEventListener("input", () => {
    tell();
    onMove(Number(slider.value));
  });
  slider.addEventListener("change", onSettle);

  return {
    get value() {
      return Number(slider.value);
    },
    /**
     * @param {number} value
     * @param {number} floor below which the server was not asked, so nothing could be shown
     */
    set(value, floor) {
      slider.min = floor.toFixed(2);
      slider.value = value.toFixed(2);
      panel.style.setProperty("--floor", String(floor));
      tell();
    },
  };
}

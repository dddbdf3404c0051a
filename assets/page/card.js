import { byId, element } from "./element.js";

const MOST_LABELS = 100;

const DOES = {
  classification: "says what a picture shows",
  detection: "finds objects and draws a box around each",
  keypoints: "finds objects, a box around each, and marks their keypoints",
};

/**
 * What the chosen model can do, told before there is a picture to do it with.
 * @param {string|null} model
 * @param {import("./request.js").Contract|null} contract null: not known (yet)
 */
export function showCard(model, contract) {
  const card = byId("card");
  card.hidden = !model || !contract;
  if (!model || !contract) return;
  const { task, labels } = contract;
  const named = labels.slice(0, MOST_LABELS).join(", ");
  const rest = labels.length > MOST_LABELS ? `, and ${labels.length - MOST_LABELS} more` : "";
  card.replaceChildren(
    element("h3", {}, `${model} ${DOES[task] || `answers with ${task.replaceAll("_", " ")}`}.`),
    element("p", {}, labels.length > 1 ? `It knows ${labels.length} labels: ${named}${rest}.` : labels.length ? `It knows one label: ${named}.` : ""),
  );
}

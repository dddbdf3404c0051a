/**
 * Colours of the classes, bright enough for thin lines on a photograph; each carries dark text at 4.5:1 or better.
 * The first five sit near the Fraunhofer lines D, F, e, C and g, by which lenses are measured.
 */
const LINES = [
  "#ffb52e", "#38c6ff", "#4fe08a", "#ff6f61", "#b79bff",
  "#ff86c8", "#cbe34a", "#2fe0c8", "#ff9950", "#8fb0ff",
];

/** Dark ink for text on any of the colours. */
export const INK = "#0b1113";

/** @type {Map<string, string>} */
const given = new Map();

/**
 * The same label keeps its colour for as long as the page is open, across pictures and models.
 * @param {string} label
 */
export function colourOf(label) {
  let colour = given.get(label);
  if (!colour) {
    colour = LINES[given.size % LINES.length];
    given.set(label, colour);
  }
  return colour;
}

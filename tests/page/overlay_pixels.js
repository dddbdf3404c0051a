import assert from "node:assert/strict";

/** How far, in device pixels, an edge may lie from where the JSON puts it. */
const TOLERANCE = 1;
const PROBES = [0.3, 0.4, 0.5, 0.6, 0.7];

/**
 * Reads the overlay's own pixels and asserts that a box's four edges lie where the JSON says, in the box's colour,
 * and that neither its inside nor its surroundings are filled with it.
 * @param {import("playwright-core").Page} page
 * @param {{width: number, height: number}} picture
 * @param {{x1: number, y1: number, x2: number, y2: number}} box
 * @param {string} colour as `#rrggbb`
 */
export async function assertBoxDrawn(page, picture, box, colour) {
  const seen = await page.evaluate(({ picture, box, colour, probes, tolerance }) => {
    const image = document.querySelector("#picture").getBoundingClientRect();
    const canvas = document.querySelector("#overlay");
    const edge = canvas.getBoundingClientRect();
    const ratio = canvas.width / edge.width;
    const pixels = canvas.getContext("2d");
    const wanted = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    const x = (value) => (image.left + (value / picture.width) * image.width - edge.left) * ratio;
    const y = (value) => (image.top + (value / picture.height) * image.height - edge.top) * ratio;
    const isColour = (px, py) => {
      const [red, green, blue, alpha] = pixels.getImageData(Math.round(px), Math.round(py), 1, 1).data;
      return alpha > 250 && [red, green, blue].every((value, at) => Math.abs(value - wanted[at]) <= 3);
    };
    const near = (px, py, across) => {
      for (let d = -tolerance; d <= tolerance; d++) if (across === "x" ? isColour(px + d, py) : isColour(px, py + d)) return true;
      return false;
    };
    const inside = (px, py) => px >= 0 && py >= 0 && px < canvas.width && py < canvas.height;
    const mix = (from, to, part) => from + (to - from) * part;
    const sides = {
      left: probes.map((part) => ["x", x(box.x1), y(mix(box.y1, box.y2, part))]),
      right: probes.map((part) => ["x", x(box.x2), y(mix(box.y1, box.y2, part))]),
      top: probes.map((part) => ["y", x(mix(box.x1, box.x2, part)), y(box.y1)]),
      bottom: probes.map((part) => ["y", x(mix(box.x1, box.x2, part)), y(box.y2)]),
    };
    const away = 9 * ratio;
    return {
      ratio,
      device: window.devicePixelRatio,
      sides: Object.entries(sides).map(([side, points]) => {
        const probed = points.filter(([, px, py]) => inside(px, py));
        return { side, probed: probed.length, hits: probed.filter(([across, px, py]) => near(px, py, across)).length };
      }),
      filled: sides.left.filter(([, px, py]) => isColour(px + away, py)).length +
        sides.top.filter(([, px, py]) => isColour(px, py + away)).length,
    };
  }, { picture, box, colour, probes: PROBES, tolerance: TOLERANCE });

  assert.ok(Math.abs(seen.ratio - seen.device) < 0.01, `the canvas has ${seen.ratio} pixels a unit, the screen ${seen.device}`);
  let probed = 0;
  for (const side of seen.sides) {
    probed += side.probed;
    // A label plate of another result may cover some of an edge.
    assert.ok(side.hits >= Math.ceil(side.probed * 0.6), `${side.side} edge: ${side.hits} of ${side.probed} probes in ${colour}`);
  }
  assert.ok(probed >= PROBES.length, "no edge of the box is in sight");
  assert.ok(seen.filled <= 2, `the box is filled (${seen.filled} probes)`);
}

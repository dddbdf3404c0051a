import assert from "node:assert/strict";
import { test } from "node:test";
import { answerTo, chooseModel, clickSample, jpegFile, sampleBytes, settled, useBrowser, visit } from "./browser.js";
import { assertBoxDrawn } from "./overlay_pixels.js";

useBrowser();

const awayFromThePicture = (page) => page.mouse.move(5, 5);
const rows = (page) => page.locator("#results li:not([hidden])");

for (const deviceScaleFactor of [1, 2]) {
  test(`boxes lie where the JSON says, fitted and magnified, at density ${deviceScaleFactor}`, () => visit(async (page) => {
    await chooseModel(page, "detector");
    const answer = await answerTo(page, () => page.setInputFiles("#file", jpegFile("coffee.jpg")));
    const [image] = answer.images;
    assert.deepEqual([image.width, image.height], [600, 400]);
    assert.equal(image.results[0].label, "cup");

    const row = rows(page).first();
    const colour = await row.getAttribute("data-colour");
    for (const side of ["x1", "y1", "x2", "y2"]) {
      assert.equal(Number(await row.getAttribute(`data-${side}`)), image.results[0].box[side]);
    }
    await awayFromThePicture(page);
    await settled(page);
    await assertBoxDrawn(page, image, image.results[0].box, colour);

    const fitted = Number(await page.locator("#stage").getAttribute("data-zoom"));
    await page.locator("#zoom-in").click();
    await awayFromThePicture(page);
    await settled(page);
    assert.ok(Number(await page.locator("#stage").getAttribute("data-zoom")) > fitted * 1.4);
    await assertBoxDrawn(page, image, image.results[0].box, colour);

    const lens = await page.locator("#lens").boundingBox();
    await page.mouse.move(lens.x + lens.width / 3, lens.y + lens.height / 3);
    await page.mouse.wheel(0, -120);
    await page.mouse.down();
    await page.mouse.move(lens.x + lens.width / 2, lens.y + lens.height / 2, { steps: 4 });
    await page.mouse.up();
    await awayFromThePicture(page);
    await settled(page);
    await assertBoxDrawn(page, image, image.results[0].box, colour);

    await page.locator("#zoom-fit").click();
    await awayFromThePicture(page);
    await settled(page);
    assert.equal(await page.locator("#stage").getAttribute("data-fitted"), "true");
    await assertBoxDrawn(page, image, image.results[0].box, colour);
  }, { context: { deviceScaleFactor } }));
}

test("a photo stored sideways is shown upright with its boxes upright", () => visit(async (page) => {
  const upright = await clickSample(page, "coffee.jpg");
  const sideways = await clickSample(page, "sideways.jpg");
  const [image] = sideways.images;
  assert.deepEqual([image.width, image.height, image.orientation], [600, 400, 6]);
  const shown = await page.locator("#picture").boundingBox();
  assert.ok(Math.abs(shown.width / shown.height - 1.5) < 0.01, "the picture stands upright");
  assert.match(await page.locator("#orientation").innerText(), /EXIF orientation 6/);

  const cup = image.results.find(({ label }) => label === "cup");
  const same = upright.images[0].results.find(({ label }) => label === "cup");
  for (const side of ["x1", "y1", "x2", "y2"]) assert.ok(Math.abs(cup.box[side] - same.box[side]) < 12, `${side} of the cup`);
  await page.mouse.move(5, 5);
  await settled(page);
  await assertBoxDrawn(page, image, image.results[0].box, await rows(page).first().getAttribute("data-colour"));
}, { hash: "#model=detector" }));

test("a classifier gives a ranked list with bars and no boxes", () => visit(async (page) => {
  const answer = await clickSample(page, "coffee.jpg");
  const least = Number(await page.locator("#confidence").inputValue());
  const results = answer.images[0].results.filter(({ confidence }) => confidence >= least);
  assert.equal(results[0].label, "espresso");
  assert.equal(await page.locator("#summary").innerText(), "espresso");
  assert.deepEqual(await rows(page).locator(".row-label").allInnerTexts(), results.map(({ label }) => label));
  const widths = await rows(page).locator(".row-bar").evaluateAll((bars) => bars.map((bar) => bar.getBoundingClientRect().width));
  const scale = (await page.locator("#classes + .scale-head + .scale-track").boundingBox()).width;
  results.forEach(({ confidence }, place) => assert.ok(Math.abs(widths[place] - confidence * scale) < 1.5, `bar ${place}`));
  assert.equal(await page.locator("#classes").isVisible(), false);
}, { hash: "#model=classifier" }));

test("a face comes with its keypoints, in the list and on the picture", () => visit(async (page) => {
  const answer = await clickSample(page, "astronaut.jpg");
  const [image] = answer.images;
  const [face] = image.results;
  assert.equal(face.keypoints.length, 6);
  assert.match(await rows(page).first().innerText(), /right eye \d+, \d+ · left eye/);
  await page.mouse.move(5, 5);
  await settled(page);
  const colour = await rows(page).first().getAttribute("data-colour");
  await assertBoxDrawn(page, image, face.box, colour);
  const points = await page.evaluate(({ points, width }) => {
    const at = document.querySelector("#picture").getBoundingClientRect();
    const canvas = document.querySelector("#overlay");
    const edge = canvas.getBoundingClientRect();
    return points.map(({ x, y }) => {
      const scale = at.width / width;
      const px = Math.round(at.left + x * scale - edge.left), py = Math.round(at.top + y * scale - edge.top);
      const { data } = canvas.getContext("2d").getImageData(px - 6, py - 6, 13, 13);
      const colours = new Set();
      for (let n = 0; n < data.length; n += 4) if (data[n + 3] > 250) colours.add(`#${[0, 1, 2].map((c) => data[n + c].toString(16).padStart(2, "0")).join("")}`);
      return [...colours];
    });
  }, { points: face.keypoints, width: image.width });
  for (const [place, colours] of points.entries()) assert.ok(colours.includes(colour), `keypoint ${place} is drawn`);
}, { hash: "#model=faces" }));

test("pointing at a row lights its box, pointing at a box lights its row", () => visit(async (page) => {
  const answer = await clickSample(page, "coffee.jpg");
  const [image] = answer.images;
  await rows(page).first().hover();
  assert.equal(await rows(page).first().getAttribute("aria-selected"), "true");
  await page.mouse.move(5, 5);
  assert.equal(await page.locator("#results [aria-selected=true]").count(), 0);

  const shown = await page.locator("#picture").boundingBox();
  const { box } = image.results[0];
  const scale = shown.width / image.width;
  await page.mouse.move(shown.x + ((box.x1 + box.x2) / 2) * scale, shown.y + ((box.y1 + box.y2) / 2) * scale);
  await page.waitForSelector("#results [aria-selected=true]");
  assert.equal(await page.locator("#results [aria-selected=true]").getAttribute("data-label"), image.results[0].label);
  assert.match(await page.locator("#cursor").textContent(), /x \d+ {2}y \d+/);
}, { hash: "#model=detector" }));

test("timings show every stage, the server's total and the round trip", () => visit(async (page) => {
  const { timings } = await clickSample(page, "coffee.jpg");
  const legend = await page.locator("#time-legend").innerText();
  for (const key of Object.keys(timings)) if (key !== "total_ms") assert.match(legend, new RegExp(key.replace("_ms", "")));
  assert.match(legend, /server, in total/);
  assert.match(legend, /round trip, seen from here/);
  const bar = await page.locator(".time-bar").first().boundingBox();
  const inference = await page.locator(".time-bar .stage-inference").boundingBox();
  assert.ok(Math.abs(inference.width / bar.width - timings.inference_ms / timings.total_ms) < 0.06, "inference has its share");
}, { hash: "#model=detector" }));

test("the page's address brings model, version and sample back", () => visit(async (page) => {
  await page.waitForSelector("#timings:not([hidden])");
  assert.equal(await page.locator("#model").inputValue(), "classifier");
  assert.equal(await page.locator("#version").inputValue(), "1");
  assert.match(await page.locator("#meta").innerText(), /cat\.jpg[\s\S]*classifier version 1/);
}, { hash: "#model=classifier&version=1&sample=cat.jpg" }));

test("bytes go to the server as they are", () => visit(async (page) => {
  const [request] = await Promise.all([
    page.waitForRequest((request) => request.url().endsWith("/infer")),
    page.setInputFiles("#file", jpegFile("cat.jpg")),
  ]);
  const sent = Number((await request.allHeaders())["content-length"]);
  assert.ok(sent > sampleBytes("cat.jpg").length && sent < sampleBytes("cat.jpg").length + 1000);
}));

import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseModel, clickSample, settled, useBrowser, visit } from "./browser.js";
import { assertBoxDrawn } from "./overlay_pixels.js";

useBrowser();

const rows = (page) => page.locator("#results li:not([hidden])");

/** The confidence from which a version's contract keeps results; where it does not say, the server's own. */
async function ownLeast(page, { name, version }) {
  const detail = await page.evaluate((name) => fetch(`/v1/models/${name}`).then((response) => response.json()), name);
  const { contract } = detail.versions.find((detailed) => detailed.version === version);
  return contract.defaults.confidence ?? (contract.task === "classification" ? 0 : 0.25);
}

/** Counts the requests to the API from now on. */
function countRequests(page) {
  const seen = { count: 0 };
  page.on("request", (request) => { if (request.url().endsWith("/infer")) seen.count += 1; });
  return seen;
}

test("the slider starts at the model's default and acts without a request", () => visit(async (page) => {
  const answer = await clickSample(page, "coffee.jpg");
  const slider = page.locator("#confidence");
  assert.ok(Math.abs(Number(await slider.inputValue()) - await ownLeast(page, answer.model)) < 0.006);

  const { results } = answer.images[0];
  const seen = countRequests(page);
  for (const least of [0.05, 0.2, results[0].confidence, 0.99]) {
    const value = (Math.floor(least * 100) / 100).toFixed(2);
    await slider.fill(value);
    const expected = results.filter(({ confidence }) => confidence >= Number(value));
    assert.equal(await rows(page).count(), expected.length, `rows at ${value}`);
    assert.equal(await page.locator("#confidence-value").innerText(), value);
    await settled(page);
    assert.equal(await page.locator("#overlay").getAttribute("data-drawn"), String(expected.length), `boxes at ${value}`);
    const title = expected.length === 1 ? "1 object" : `${expected.length || "No"} objects`;
    assert.equal(await page.locator("#summary").innerText(), title);
    assert.match(await page.locator("#curl").innerText(), new RegExp(`confidence=${value}`));
  }
  assert.equal(seen.count, 0);
}, { hash: "#model=detector" }));

test("the slider hides a classifier's unlikely labels", () => visit(async (page) => {
  const answer = await clickSample(page, "cat.jpg");
  const { results } = answer.images[0];
  await page.locator("#confidence").fill("0");
  assert.equal(await rows(page).count(), results.length);
  await page.locator("#confidence").fill("1");
  assert.equal(await page.locator("#summary").innerText(), "No label is this likely");
  assert.match(await page.locator("#below").innerText(), new RegExp(`${results.length} more not shown`));
}, { hash: "#model=classifier" }));

test("a class is switched off and on, with its boxes, and counted", () => visit(async (page) => {
  const answer = await clickSample(page, "coffee.jpg");
  const least = Number(await page.locator("#confidence").inputValue());
  const [image] = answer.images;
  const visible = image.results.filter(({ confidence }) => confidence >= least);
  const cups = visible.filter(({ label }) => label === "cup").length;
  const chip = page.locator(".chip[data-label=cup]");
  assert.equal(await chip.innerText().then((text) => text.replace(/\s+/g, " ").trim()), `cup ${cups}`);
  const seen = countRequests(page);
  const colour = await rows(page).first().getAttribute("data-colour");

  await chip.click();
  assert.equal(await chip.getAttribute("aria-pressed"), "false");
  assert.equal(await rows(page).count(), visible.length - cups);
  await page.mouse.move(5, 5);
  await settled(page);
  await assert.rejects(assertBoxDrawn(page, image, image.results[0].box, colour), /edge/);

  await chip.click();
  assert.equal(await rows(page).count(), visible.length);
  await page.mouse.move(5, 5);
  await settled(page);
  await assertBoxDrawn(page, image, image.results[0].box, colour);
  assert.equal(seen.count, 0);
}, { hash: "#model=detector" }));

test("each model's own default moves the slider", () => visit(async (page) => {
  for (const model of ["detector", "faces", "classifier"]) {
    await chooseModel(page, model);
    const answer = await clickSample(page, model === "faces" ? "astronaut.jpg" : "cat.jpg");
    const own = await ownLeast(page, answer.model);
    const value = Number(await page.locator("#confidence").inputValue());
    assert.ok(Math.abs(value - own) < 0.006, `${model}: ${value}, its default is ${own}`);
  }
}));

import assert from "node:assert/strict";
import { test } from "node:test";
import { answerTo, chooseModel, clickSample, useBrowser, visit } from "./browser.js";

useBrowser();

test("model and version are chosen, and the newest answers without a choice", () => visit(async (page) => {
  await chooseModel(page, "classifier");
  const [request] = await Promise.all([
    page.waitForRequest((request) => request.url().endsWith("/infer")),
    clickSample(page, "cat.jpg"),
  ]);
  assert.equal(new URL(request.url()).pathname, "/v1/models/classifier/infer");
  const { default_version: newest } = await page.evaluate(() => fetch("/v1/models/classifier").then((response) => response.json()));
  assert.match(await page.locator("#meta").innerText(), new RegExp(`classifier version ${newest}`));
  assert.equal(await page.locator("#version option:checked").innerText(), `newest (${newest})`);

  const first = await answerTo(page, () => page.locator("#version").selectOption("1"));
  assert.equal(first.model.version, 1);
  assert.match(await page.locator("#meta").innerText(), /classifier version 1/);
  assert.match(await page.locator("#curl").innerText(), /\/v1\/models\/classifier\/versions\/1\/infer/);

  const other = await answerTo(page, () => page.locator("#model").selectOption("detector"));
  assert.equal(other.model.name, "detector");
  assert.equal(await page.locator("#version").inputValue(), "");
}));

test("an older answer never overwrites a newer one", () => {
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  return visit(async (page) => {
    let delivered;
    await page.route("**/v1/models/classifier/infer", async (route) => {
      const response = await route.fetch();
      delivered = held.then(() => route.fulfill({ response }).catch(() => {}));
      await delivered;
    });
    await chooseModel(page, "classifier");
    await page.locator('.slide[data-name="coffee.jpg"]').click();
    await page.waitForFunction(() => /looking|Sending/.test(document.querySelector("#summary").textContent));
    assert.equal(await page.locator("#progress").isVisible(), true);
    const newer = await answerTo(page, () => page.locator("#model").selectOption("detector"));
    assert.equal(newer.model.name, "detector");
    const summary = await page.locator("#summary").innerText();
    release();
    await delivered;
    // One more round through the server, after which the old answer would long have arrived.
    await page.evaluate(() => fetch("/v1/models").then((response) => response.json()));
    assert.equal(await page.locator("#summary").innerText(), summary);
    assert.match(await page.locator("#meta").innerText(), /detector version/);
  });
});

test("a version that failed is named, with its reason, and cannot be chosen", () => visit(async (page) => {
  await page.waitForFunction(() => document.querySelector("#model").value === "detector");
  assert.match(await page.locator("#instrument-note").innerText(), /Version 9 of detector is not served: digest mismatch/);
  assert.equal(await page.locator('#version option[value="9"]').isDisabled(), true);
}, {
  beforeVisit: (page) => page.route("**/v1/models", (route) => route.fulfill({ json: { models: [{
    name: "detector", task: "detection", default_version: 1,
    versions: [{ version: 1, state: "AVAILABLE", message: "" }, { version: 9, state: "END", message: "digest mismatch" }],
  }] } })),
}));

test("a model that is still loading answers by itself once it is loaded", () => {
  let state = "LOADING";
  return visit(async (page) => {
    await page.waitForFunction(() => document.querySelector("#instrument-note").textContent.includes("is loading"));
    await page.locator('.slide[data-name="coffee.jpg"]').click();
    await page.waitForSelector("#problem:not([hidden])");
    assert.match(await page.locator("#problem").innerText(), /model_not_ready/);
    state = "AVAILABLE";
    await page.waitForSelector("#timings:not([hidden])");
    assert.match(await page.locator("#summary").innerText(), /object/);
  }, {
    mayFail: true,
    beforeVisit: async (page) => {
      const serving = () => (state === "AVAILABLE" ? { task: "detection", default_version: 1 } : {});
      const model = () => ({ name: "detector", ...serving(), versions: [{ version: 1, state, message: "" }] });
      await page.route("**/v1/models", (route) => route.fulfill({ json: { models: [model()] } }));
      await page.route("**/v1/models/detector", (route) =>
        state === "AVAILABLE" ? route.continue() : route.fulfill({ json: model() }));
      await page.route("**/v1/models/detector/infer", (route) => state === "AVAILABLE" ? route.continue() : route.fulfill({
        status: 503, contentType: "application/problem+json",
        json: { type: "urn:ocellus:problem:model_not_ready", title: "The model is not ready", status: 503, code: "model_not_ready", detail: "version 1 is loading" },
      }));
    },
  });
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { answerTo, clickSample, jpegFile, useBrowser, visit } from "./browser.js";

useBrowser();

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Asserts that axe finds nothing serious on the page as it stands. */
async function assertAccessible(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html} ${failureSummary}`).join(" | ")}`);
  assert.deepEqual(told, [], where);
}

const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 375, height: 812 };
for (const colorScheme of ["light", "dark"]) {
  for (const viewport of [DESKTOP, PHONE]) {
    test(`axe finds nothing serious in ${colorScheme} at ${viewport.width} px`, () => visit(async (page) => {
      await page.waitForSelector("#card:not([hidden])");
      await assertAccessible(page, "empty");
      await clickSample(page, "coffee.jpg");
      await page.locator("#confidence").fill("0.05");
      await page.locator(".chip").first().click();
      await page.locator("#json-part summary").click();
      await assertAccessible(page, "detection");
      await answerTo(page, () => page.locator("#model").selectOption("classifier"));
      await assertAccessible(page, "classification");
      await page.setInputFiles("#file", jpegFile("notes.jpg", Buffer.from("no picture")));
      await page.waitForSelector("#problem:not([hidden])");
      await assertAccessible(page, "problem");
    }, { hash: "#model=detector", mayFail: true, context: { viewport, colorScheme } }));
  }
}

test("dark is dark and light is light", async () => {
  const brightness = { };
  for (const colorScheme of ["light", "dark"]) {
    await visit(async (page) => {
      const colour = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      brightness[colorScheme] = colour.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3;
    }, { context: { colorScheme } });
  }
  assert.ok(brightness.light > 220 && brightness.dark < 40, JSON.stringify(brightness));
});

for (const viewport of [PHONE, { width: 320, height: 640 }, DESKTOP]) {
  test(`nothing runs off the page at ${viewport.width} px`, () => visit(async (page) => {
    await clickSample(page, "coffee.jpg");
    await page.locator("#confidence").fill("0.05");
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.ok(widths[0] <= widths[1], `the page is ${widths[0]} wide in ${widths[1]}`);
    for (const id of ["model", "version", "stage", "zoom-in", "zoom-fit", "rack", "confidence", "results", "timings", "curl", "json-part"]) {
      const place = page.locator(`#${id}`);
      await place.scrollIntoViewIfNeeded();
      const box = await place.boundingBox();
      assert.ok(box && box.width > 0 && box.x >= -13 && (id === "curl" || box.x + box.width <= viewport.width + 13), `#${id} is within reach`);
    }
  }, { hash: "#model=detector", context: { viewport } }));
}

test("by keyboard alone: sample, results, classes, slider, zoom, copy", () => visit(async (page) => {
  await page.waitForSelector("#card:not([hidden])");
  const tabTo = async (wanted) => {
    for (let step = 0; step < 60; step++) {
      await page.keyboard.press("Tab");
      const seen = await page.evaluate((wanted) => {
        const at = document.activeElement;
        const outline = getComputedStyle(at);
        return { there: at.matches(wanted), visible: outline.outlineStyle !== "none" && parseFloat(outline.outlineWidth) >= 2 };
      }, wanted);
      if (seen.there) return assert.ok(seen.visible, `focus on ${wanted} can be seen`);
    }
    assert.fail(`Tab does not reach ${wanted}`);
  };
  await tabTo(".skip");
  await tabTo("#model");
  await tabTo('.slide[data-name="coffee.jpg"]');
  await answerTo(page, () => page.keyboard.press("Enter"));
  await page.waitForFunction(() => /\d objects?: /.test(document.querySelector("#announcer").textContent));

  await tabTo(".chip");
  await page.keyboard.press("Space");
  assert.equal(await page.locator(".chip").first().getAttribute("aria-pressed"), "false");
  await page.keyboard.press("Space");
  await tabTo("#confidence");
  await page.keyboard.press("Home");
  const announced = await page.locator("#announcer").textContent();
  assert.match(announced, /^\d+ objects: /);
  await tabTo("#results li");
  await page.keyboard.press("ArrowDown");
  assert.equal(await page.locator("#results li:not([hidden])").nth(1).getAttribute("aria-selected"), "true");
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#results li:not([hidden])").first().getAttribute("aria-selected"), "true");

  await page.locator("#lens").focus();
  const zoom = () => page.locator("#stage").getAttribute("data-zoom").then(Number);
  await page.keyboard.press("0");
  await page.waitForFunction(() => document.querySelector("#stage").dataset.fitted === "true");
  const fitted = await zoom();
  await page.keyboard.press("+");
  await page.waitForFunction(() => document.querySelector("#stage").dataset.fitted === "false");
  assert.ok(await zoom() > fitted);
  const left = await page.evaluate(() => document.querySelector("#picture").getBoundingClientRect().left);
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction((left) => document.querySelector("#picture").getBoundingClientRect().left > left, left);
  await tabTo("[data-copies=curl]");
}, { hash: "#model=detector" }));

test("two fingers magnify the picture", () => visit(async (page) => {
  await clickSample(page, "coffee.jpg");
  const lens = await page.locator("#lens").boundingBox();
  const middle = { x: lens.x + lens.width / 2, y: lens.y + lens.height / 2 };
  const before = Number(await page.locator("#stage").getAttribute("data-zoom"));
  const hand = await page.context().newCDPSession(page);
  const touch = (type, reach) => hand.send("Input.dispatchTouchEvent", {
    type,
    touchPoints: type === "touchEnd" ? [] : [{ x: middle.x - reach, y: middle.y, id: 1 }, { x: middle.x + reach, y: middle.y, id: 2 }],
  });
  await touch("touchStart", 20);
  for (const reach of [30, 40, 50, 60]) await touch("touchMove", reach);
  await touch("touchEnd", 0);
  await page.waitForFunction((before) => Number(document.querySelector("#stage").dataset.zoom) > before * 1.5, before);
}, { hash: "#model=detector", context: { viewport: PHONE, hasTouch: true, isMobile: true } }));

test("links lead to the API's reference and its description", () => visit(async (page) => {
  for (const [name, path] of [["API reference", "/docs"], ["openapi.json", "/openapi.json"]]) {
    assert.equal(await page.getByRole("link", { name }).getAttribute("href"), path);
    assert.equal((await page.request.get(new URL(path, page.url()).href)).status(), 200);
  }
}));

import assert from "node:assert/strict";
import { test } from "node:test";
import { answerTo, jpegFile, sampleBytes, useBrowser, visit } from "./browser.js";

useBrowser();

/** A DataTransfer in the page that carries these files. */
function transferOf(page, files) {
  return page.evaluateHandle((files) => {
    const transfer = new DataTransfer();
    for (const { name, bytes } of files) {
      transfer.items.add(new File([Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0))], name, { type: "image/jpeg" }));
    }
    return transfer;
  }, files.map((name) => ({ name, bytes: sampleBytes(name).toString("base64") })));
}

const ready = (page) => page.waitForFunction(() => document.querySelector("#model").value === "detector");

test("a picture is dropped anywhere on the page", () => visit(async (page) => {
  await ready(page);
  const dataTransfer = await transferOf(page, ["coffee.jpg"]);
  await page.dispatchEvent("footer", "dragenter", { dataTransfer });
  assert.equal(await page.locator(".drop-here").isVisible(), true);
  const answer = await answerTo(page, () => page.dispatchEvent("footer", "drop", { dataTransfer }));
  assert.equal(answer.images[0].filename, "coffee.jpg");
  assert.equal(await page.locator(".drop-here").isVisible(), false);
  assert.match(await page.locator("#summary").innerText(), /object/);
}, { hash: "#model=detector" }));

test("a picture is pasted", () => visit(async (page) => {
  await ready(page);
  const clipboardData = await transferOf(page, ["cat.jpg"]);
  const answer = await answerTo(page, () => page.evaluate((clipboardData) =>
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true })), clipboardData));
  assert.equal(answer.images[0].width, 451);
}, { hash: "#model=detector" }));

test("a picture is chosen with the button", () => visit(async (page) => {
  await ready(page);
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Choose a picture" }).click()]);
  const answer = await answerTo(page, () => chooser.setFiles(jpegFile("rocket.jpg")));
  assert.equal(answer.images[0].filename, "rocket.jpg");
}, { hash: "#model=detector" }));

test("a phone offers its camera", () => visit(async (page) => {
  const button = page.getByRole("button", { name: "Photograph" });
  assert.equal(await button.isVisible(), true);
  assert.equal(await page.locator("#camera").getAttribute("capture"), "environment");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), button.click()]);
  const answer = await answerTo(page, () => chooser.setFiles(jpegFile("coffee.jpg")));
  assert.equal(answer.images.length, 1);
}, { context: { viewport: { width: 375, height: 812 }, hasTouch: true, isMobile: true } }));

test("of several pictures each has its own result or problem", () => visit(async (page) => {
  await ready(page);
  await page.setInputFiles("#file", [
    jpegFile("first.jpg", sampleBytes("coffee.jpg")),
    jpegFile("broken.jpg", Buffer.from("This is no picture.")),
    jpegFile("third.jpg", sampleBytes("cat.jpg")),
  ]);
  const slide = (name) => page.locator(`.slide[data-name="${name}"]`);
  await page.waitForFunction(() => ["first.jpg", "third.jpg"].every((name) =>
    document.querySelector(`.slide[data-name="${name}"]`)?.dataset.state === "answered"));
  await page.waitForSelector('.slide[data-name="broken.jpg"][data-state=failed]');
  assert.equal(await slide("first.jpg").getAttribute("aria-current"), "true");
  assert.match(await slide("third.jpg").innerText(), /object/);

  let requests = 0;
  page.on("request", (request) => { if (request.url().endsWith("/infer")) requests += 1; });
  await slide("broken.jpg").click();
  await page.waitForSelector("#problem:not([hidden])");
  await slide("third.jpg").click();
  await page.waitForSelector("#timings:not([hidden])");
  assert.match(await page.locator("#meta").innerText(), /third\.jpg\s+451 × 300/);
  assert.equal(await page.locator("#problem").isVisible(), false);
  assert.equal(requests, 0, "what is known is not asked again");
}, { hash: "#model=detector", mayFail: true }));

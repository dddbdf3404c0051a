import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { answerTo, clickSample, jpegFile, sampleBytes, useBrowser, visit } from "./browser.js";

useBrowser();

const run = promisify(execFile);

/** What the page shows, as label and confidence. */
function shown(page) {
  return page.locator("#results li:not([hidden])").evaluateAll((rows) =>
    rows.map((row) => [row.dataset.label, Number(row.dataset.confidence).toFixed(3)]));
}

const told = (answer) => answer.images[0].results.map(({ label, confidence }) => [label, confidence.toFixed(3)]);

test("the curl lines, run in a shell, give what the page shows", () => visit(async (page) => {
  const folder = await mkdtemp(join(tmpdir(), "ocellus-page-"));
  try {
    for (const [model, sample, least] of [["detector", "coffee.jpg", "0.20"], ["classifier", "cat.jpg", "0.01"]]) {
      await page.locator("#model").selectOption(model);
      await clickSample(page, sample);
      await page.locator("#confidence").fill(least);
      const { stdout } = await run("sh", ["-c", await page.locator("#curl").innerText()], { cwd: folder });
      assert.deepEqual(told(JSON.parse(stdout)), await shown(page));
      assert.deepEqual(await readFile(join(folder, sample)), sampleBytes(sample));
    }
    // A name that a shell and curl would both misread.
    const name = "it's; a, \"photo\" $HOME.jpg";
    await writeFile(join(folder, name), sampleBytes("coffee.jpg"));
    await answerTo(page, () => page.setInputFiles("#file", jpegFile(name, sampleBytes("coffee.jpg"))));
    const { stdout } = await run("sh", ["-c", await page.locator("#curl").innerText()], { cwd: folder });
    assert.deepEqual(told(JSON.parse(stdout)), await shown(page));
  } finally {
    await rm(folder, { recursive: true });
  }
}, { hash: "#model=detector&sample=coffee.jpg" }));

test("the fetch program gives what the page shows", () => visit(async (page) => {
  await clickSample(page, "coffee.jpg");
  await page.locator("#confidence").fill("0.40");
  const program = await page.locator("#fetch").innerText();
  const answer = await page.evaluate(`(async () => { ${program}\nreturn answer; })()`);
  assert.deepEqual(told(answer), await shown(page));
}, { hash: "#model=detector" }));

test("the JSON is the answer itself, and each copy button copies its text", () => visit(async (page) => {
  const answer = await clickSample(page, "coffee.jpg");
  await page.locator("#json-part summary").click();
  assert.deepEqual(JSON.parse(await page.locator("#json").innerText()), answer);
  for (const part of ["curl", "fetch", "json"]) {
    await page.locator(`[data-copies=${part}]`).click();
    await page.waitForFunction((part) => document.querySelector(`[data-copies=${part}]`).textContent === "Copied", part);
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await page.locator(`#${part}`).textContent());
  }
}, { hash: "#model=detector", context: { permissions: ["clipboard-read", "clipboard-write"] } }));

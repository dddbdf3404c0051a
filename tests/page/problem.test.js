import assert from "node:assert/strict";
import { test } from "node:test";
import { clickSample, jpegFile, sampleBytes, useBrowser, visit } from "./browser.js";

useBrowser();

const ready = (page) => page.waitForFunction(() => document.querySelector("#model").value);

const spoiled = [
  { what: "a text named .jpg", file: jpegFile("notes.jpg", Buffer.from("Dear diary, this is no picture.")), code: "unsupported_image_format" },
  { what: "a truncated JPEG", file: jpegFile("half.jpg", sampleBytes("coffee.jpg").subarray(0, 12_000)), code: "undecodable_image" },
  { what: "an empty file", file: jpegFile("empty.jpg", Buffer.alloc(0)), code: null },
];
for (const { what, file, code } of spoiled) {
  test(`${what} is answered in words`, () => visit(async (page) => {
    await ready(page);
    const [response] = await Promise.all([
      page.waitForResponse((response) => response.url().endsWith("/infer")),
      page.setInputFiles("#file", file),
    ]);
    const problem = await response.json();
    if (code) assert.equal(problem.code, code);
    await page.waitForSelector("#problem:not([hidden])");
    const words = await page.locator("#problem").innerText();
    for (const part of [problem.title, problem.detail, problem.code]) assert.ok(words.includes(part), `${part} in: ${words}`);
    assert.equal(await page.locator("#summary").innerText(), "No reading");
    assert.equal(await page.locator("#timings").isVisible(), false);

    await clickSample(page, "coffee.jpg");
    assert.equal(await page.locator("#problem").isVisible(), false);
  }, { hash: "#model=detector", mayFail: true }));
}

test("a server that is gone is told, and asked again on demand", () => visit(async (page) => {
  await clickSample(page, "coffee.jpg");
  await page.context().setOffline(true);
  await page.setInputFiles("#file", jpegFile("cat.jpg"));
  await page.waitForSelector("#problem:not([hidden])");
  assert.match(await page.locator("#problem").innerText(), /The server cannot be reached/);
  await page.context().setOffline(false);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForSelector("#timings:not([hidden])");
  assert.match(await page.locator("#meta").innerText(), /cat\.jpg/);
}, { hash: "#model=detector", mayFail: true }));

test("a server without models says so and takes up the first that comes", () => {
  let empty = true;
  return visit(async (page) => {
    await page.waitForSelector("#problem:not([hidden])");
    assert.match(await page.locator("#problem").innerText(), /No model is served yet/);
    assert.equal(await page.locator("#model").isDisabled(), true);
    empty = false;
    await ready(page);
    await page.waitForSelector("#problem", { state: "hidden" });
  }, {
    beforeVisit: (page) => page.route("**/v1/models", (route) => empty ? route.fulfill({ json: { models: [] } }) : route.continue()),
  });
});

test("a gateway's error page is told by its status", () => visit(async (page) => {
  await page.route("**/infer", (route) => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad gateway</h1>" }));
  await ready(page);
  await page.locator('.slide[data-name="coffee.jpg"]').click();
  await page.waitForSelector("#problem:not([hidden])");
  assert.match(await page.locator("#problem").innerText(), /The server answered 502/);
}, { mayFail: true }));

test("something dropped that is no file is told", () => visit(async (page) => {
  await ready(page);
  await page.evaluate(() => window.dispatchEvent(new DragEvent("drop", { dataTransfer: new DataTransfer(), cancelable: true })));
  assert.match(await page.locator("#problem").innerText(), /That was no file/);
}));

test("names are shown as text, never run as HTML", () => visit(async (page) => {
  await ready(page);
  const name = '<img src=x onerror="document.title=1">.jpg';
  await page.setInputFiles("#file", jpegFile(name, sampleBytes("coffee.jpg")));
  await page.waitForSelector("#timings:not([hidden])");
  assert.ok((await page.locator("#meta").innerText()).includes(name));
  assert.match(await page.title(), /^Ocellus/);
}));

test("a server that wants a key is given one", () => visit(async (page) => {
  await page.waitForSelector("#problem:not([hidden])");
  assert.match(await page.locator("#problem").innerText(), /A valid key is needed/);
  await page.getByLabel("API key").fill("ocl_wrong_key");
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.getByText("The server does not accept this key.").waitFor();
  await page.getByLabel("API key").fill("ocl_right_key");
  await page.getByRole("button", { name: "Use this key" }).click();
  await ready(page);
  await page.waitForSelector("#problem", { state: "hidden" });
  await clickSample(page, "coffee.jpg");
  assert.match(await page.locator("#curl").innerText(), /Authorization: Bearer \$OCELLUS_API_KEY/);
}, {
  mayFail: true,
  // The server under test has no keys; this stands in front of it as one that has.
  beforeVisit: (page) => page.route("**/v1/**", (route) => {
    if (route.request().headers().authorization === "Bearer ocl_right_key") return route.continue();
    const problem = { title: "A valid key is needed", status: 401, code: "unauthenticated", detail: "send an API key" };
    return route.fulfill({ status: 401, contentType: "application/problem+json", body: JSON.stringify(problem) });
  }),
}));

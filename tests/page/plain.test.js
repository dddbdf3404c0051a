import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { SERVER, useBrowser, visit } from "./browser.js";

useBrowser();

/**
 * Calls one of the page's plain functions as the browser loads it.
 * @param {string} module @param {string} name @param {...unknown} args
 */
async function call(module, name, ...args) {
  let value;
  await visit(async (page) => {
    value = await page.evaluate(async ({ module, name, args }) => (await import(`/assets/${module}.js`))[name](...args), { module, name, args });
  });
  return value;
}

test("labels stay inside the picture and off each other", async () => {
  const bounds = { x1: 0, y1: 0, x2: 200, y2: 100 };
  const label = (x1, y1, x2, y2) => ({ box: { x1, y1, x2, y2 }, width: 60, height: 18 });
  const labels = [
    label(10, 40, 90, 90), label(0, 0, 200, 100), label(180, 5, 199, 60), label(12, 41, 92, 91), label(190, 95, 260, 140), label(-50, 50, -10, 80),
  ];
  const places = await call("labels", "placeLabels", labels, bounds);
  assert.equal(places[5], null, "a box out of sight has no label");
  const there = places.filter(Boolean);
  for (const place of there) {
    assert.ok(place.x1 >= 0 && place.y1 >= 0 && place.x2 <= 200 && place.y2 <= 100, JSON.stringify(place));
  }
  there.forEach((a, at) => there.slice(at + 1).forEach((b) =>
    assert.ok(a.x1 >= b.x2 || b.x1 >= a.x2 || a.y1 >= b.y2 || b.y1 >= a.y2, `${JSON.stringify(a)} crosses ${JSON.stringify(b)}`)));
});

test("magnifying keeps the point under the pointer", async () => {
  const picture = { width: 600, height: 400 };
  const room = { width: 300, height: 200 };
  const view = await call("view", "magnify", { scale: 1, left: -100, top: -50 }, 2, { x: 150, y: 100 }, picture, room);
  assert.deepEqual(view, { scale: 2, left: -350, top: -200 });
});

test("a ruler's steps are 1, 2 or 5 times a power of ten, never a fraction of a pixel", async () => {
  for (const [atLeast, step] of [[0.2, 1], [1, 1], [1.1, 2], [2.5, 5], [5, 5], [7, 10], [64, 100], [120, 200], [201, 500]]) {
    assert.equal(await call("ruler", "niceStep", atLeast), step, `for ${atLeast}`);
  }
});

test("what was found is said in a sentence", async () => {
  const result = (label, confidence) => ({ label, confidence });
  const cases = [
    ["detection", [], "No objects"],
    ["detection", [result("cup", 0.6)], "1 object: 1 cup"],
    ["detection", [result("cup", 0.6), result("spoon", 0.5), result("spoon", 0.4)], "3 objects: 2 spoon, 1 cup"],
    ["classification", [result("espresso", 0.951), result("cup", 0.02)], "espresso, 0.95"],
    ["classification", [], "No label is this likely"],
  ];
  for (const [task, results, sentence] of cases) assert.equal(await call("findings", "sentence", results, task), sentence);
});

test("readable JSON says the same as the JSON", async () => {
  for (const value of [[], {}, null, 1.5, "a \"word\"", [[1, 2], []], { a: { b: [], c: {} }, d: [{ e: 1 }, { f: "x".repeat(90) }] }]) {
    assert.deepEqual(JSON.parse(await call("snippets", "readableJson", value)), value);
  }
});

test("every module and style is asked for at once, and served", async () => {
  const page = await (await fetch(SERVER)).text();
  const linked = [...page.matchAll(/(?:href|src)="\/assets\/([^"]+)"/g)].map(([, name]) => name).sort();
  const files = readdirSync(new URL("../../assets/page/", import.meta.url)).filter((name) => name !== "index.html").sort();
  assert.deepEqual(linked, files);
  for (const name of files) assert.equal((await fetch(`${SERVER}/assets/${name}`)).status, 200, name);
});

test("the page is served with a policy that lets nothing else in", async () => {
  const policy = (await fetch(SERVER)).headers.get("content-security-policy") || "";
  assert.match(policy, /default-src 'self'/);
  assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|\*/);
});

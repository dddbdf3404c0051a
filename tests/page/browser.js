import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

/** The server under test; the Makefile starts one and sets it. */
export const SERVER = (process.env.OCELLUS_URL || "http://127.0.0.1:8080").replace(/\/$/, "");
const SAMPLES = new URL("../../assets/samples/", import.meta.url);
const QUIET = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

/** @type {import("playwright-core").Browser} */
let browser;

/** Starts one browser for the tests of a file and ends it after them. */
export function useBrowser() {
  before(async () => { browser = await chromium.launch({ executablePath: findChromium(), args: QUIET }); });
  after(() => browser?.close());
}

/**
 * A fresh visitor's page. When the story has been told, nothing may have gone to another host, and the console must be
 * free of errors; a story about failures says so with `mayFail`, because the browser reports each failed request itself.
 * @param {(page: import("playwright-core").Page) => Promise<void>} story
 * @param {{hash?: string, mayFail?: boolean, context?: import("playwright-core").BrowserContextOptions,
 *   beforeVisit?: (page: import("playwright-core").Page) => Promise<void>}} [options]
 */
export async function visit(story, { hash = "", mayFail = false, context = {}, beforeVisit } = {}) {
  const visitor = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", ...context });
  try {
    const page = await visitor.newPage();
    page.setDefaultTimeout(20_000);
    const faults = [];
    page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
    page.on("console", (message) => {
      const isFailedRequest = message.text().startsWith("Failed to load resource");
      if (message.type() === "error" && !(mayFail && isFailedRequest)) faults.push(`console: ${message.text()}`);
    });
    page.on("request", (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol.startsWith("http") && origin !== new URL(SERVER).origin) faults.push(`foreign request: ${request.url()}`);
    });
    await beforeVisit?.(page);
    await page.goto(`${SERVER}/${hash}`);
    await story(page);
    if (faults.length) throw new Error(faults.join("\n"));
  } finally {
    await visitor.close();
  }
}

/** @param {string} name of a committed sample */
export function sampleBytes(name) {
  return readFileSync(new URL(name, SAMPLES));
}

/** @param {string} name @param {Buffer} buffer */
export function jpegFile(name, buffer = sampleBytes(name)) {
  return { name, mimeType: "image/jpeg", buffer };
}

/**
 * Does something and gives the JSON of the next answer to a picture.
 * @param {import("playwright-core").Page} page
 * @param {() => Promise<unknown>} act
 */
export async function answerTo(page, act) {
  const [response] = await Promise.all([page.waitForResponse((response) => response.url().endsWith("/infer")), act()]);
  const answer = await response.json();
  await page.waitForFunction(() => document.querySelector("#stage").dataset.busy === "false");
  return answer;
}

/** @param {import("playwright-core").Page} page @param {string} name of a sample */
export async function clickSample(page, name) {
  return answerTo(page, () => page.locator(`.slide[data-name="${name}"]`).click());
}

/** @param {import("playwright-core").Page} page @param {string} model */
export async function chooseModel(page, model) {
  await page.waitForFunction((name) => [...document.querySelectorAll("#model option")].some(({ value }) => value === name), model);
  await page.locator("#model").selectOption(model);
}

/** Waits until the canvas has caught up with what the page last asked it to draw. */
export async function settled(page) {
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const folder of (process.env.PATH || "").split(delimiter)) {
    for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // Not in this folder.
      }
    }
  }
  throw new Error("no Chromium found: install one, or name it in the environment variable CHROMIUM");
}

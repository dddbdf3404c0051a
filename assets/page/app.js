import { readAddress, writeAddress } from "./address.js";
import { showCard } from "./card.js";
import { createConfidence } from "./confidence.js";
import { byId } from "./element.js";
import { boxAt, isRanking, passes, sentence } from "./findings.js";
import { createInstrument } from "./instrument.js";
import { acceptPictures } from "./intake.js";
import { colourOf } from "./palette.js";
import { measure, pictureOfFile, pictureOfSample } from "./picture.js";
import { Problem, showProblem } from "./problem.js";
import { createReader } from "./reader.js";
import { createReproduce } from "./reproduce.js";
import { requestFor } from "./request.js";
import { createResults } from "./results.js";
import { createStage } from "./stage.js";
import { createStrip } from "./strip.js";
import { showSummary } from "./summary.js";
import { showTimings } from "./timings.js";

const SAMPLES = ["coffee.jpg", "cat.jpg", "astronaut.jpg", "sideways.jpg", "rocket.jpg", "cameraman.jpg"];

const address = readAddress();
/** @type {import("./picture.js").Picture[]} */
const pictures = SAMPLES.map(pictureOfSample);
/** @type {import("./picture.js").Picture|null} */
let current = null;
/** @type {import("./overlay.js").Item[]} */
let items = [];
let itemsOf = null;
/** @type {Set<string>} labels whose class is switched off */
const hidden = new Set();
let pointed = -1;
let chosen = -1;
/** @type {Problem|null} what stopped a request before it was sent */
let obstacle = null;
let slidFor = "";
/** @type {import("./request.js").Request|null} */
let lastRequest = null;
let contract = null;

const announce = (words) => { byId("announcer").textContent = words; };
const sieve = () => ({ confidence: confidence.value, hidden });

const confidence = createConfidence({ onMove: show, onSettle: tell });
const stage = createStage({
  onPoint: (point) => pointAt(point ? boxAt(items, point) : -1),
  onPick: (point) => {
    choose(boxAt(items, point));
    results.reveal(chosen);
  },
});
const results = createResults({
  onPoint: pointAt,
  onChoose: choose,
  onApproach: (place) => items[place]?.result.box && stage.approach(items[place].result.box),
  onToggle: (label) => {
    if (!hidden.delete(label)) hidden.add(label);
    show();
    tell();
  },
});
const strip = createStrip({ onChoose: lookAt });
const reproduce = createReproduce(announce);
const reader = createReader((picture) => {
  if (picture === current) showReading();
  else strip.show(pictures, current, sieve());
});
const instrument = createInstrument(address, {
  onChoice: () => {
    obstacle = null;
    for (const picture of pictures) if (picture !== current) reader.forget(picture);
    remember();
    if (current) ask(current);
    else prepare().catch(() => {});
    showReading();
  },
  onNews: () => {
    const stalled = current?.reading?.problem?.code;
    if (instrument.state.ready && current && (obstacle || stalled === "model_not_ready")) ask(current);
    else showReading();
  },
});

acceptPictures({
  onFiles: (files) => {
    const added = files.map(pictureOfFile);
    pictures.push(...added);
    lookAt(added[0]);
    for (const picture of added.slice(1)) ask(picture);
  },
  onNothing: () => {
    obstacle = new Problem({
      title: "That was no file", code: "no_file",
      detail: "Something was dropped, but not a picture file. Save the picture first, then drop the file here.",
    });
    showReading();
  },
});
strip.show(pictures, current, sieve());
showReading();
window.addEventListener("hashchange", () => location.reload());
instrument.ready.then(() => {
  const wished = pictures.find(({ name, sample }) => sample && name === address.sample);
  if (wished && !current) lookAt(wished);
});

/** @param {import("./picture.js").Picture} picture laid under the lens, and read unless its reading is there */
async function lookAt(picture) {
  current = picture;
  obstacle = null;
  pointed = chosen = -1;
  remember();
  if (picture.reading && picture.reading.path === lastRequest?.path) showReading();
  else ask(picture);
  strip.reveal(picture);
  await measure(picture);
  if (picture === current) showReading();
}

/** Fetches the contract and turns it into a request; the slider takes the model's own default. */
async function prepare() {
  const { model, version } = instrument.state;
  if (!model) return null;
  const known = await instrument.contract();
  if (model !== instrument.state.model || version !== instrument.state.version) return null;
  contract = known;
  lastRequest = requestFor(model, version, contract);
  if (contract && slidFor !== lastRequest.key) {
    slidFor = lastRequest.key;
    confidence.set(lastRequest.least, lastRequest.floor);
  }
  if (!current) showCard(model, contract);
  return lastRequest;
}

/** @param {import("./picture.js").Picture} picture */
async function ask(picture) {
  reader.forget(picture);
  if (picture === current) showReading();
  if (!instrument.state.loaded) await instrument.ready;
  if (!instrument.state.model) return showReading();
  try {
    const request = await prepare();
    if (request) reader.read(picture, request);
  } catch (problem) {
    obstacle = problem;
    showReading();
  }
}

/** The current picture's reading: its progress, its problem, or its answer. */
function showReading() {
  const reading = current?.reading || null;
  const answer = reading?.answer || null;
  const image = answer?.images[0] || null;
  const isNews = answer !== itemsOf;
  if (isNews) {
    itemsOf = answer;
    items = (image?.results || []).map((result) => ({ result, colour: colourOf(result.label), visible: true }));
    pointed = chosen = -1;
    hidden.clear();
    results.fill(items);
  }
  const problem = reading?.problem || obstacle || instrument.state.problem;
  byId("stage").dataset.busy = String(Boolean(current && !answer && !problem));
  showProblem(byId("problem"), problem, current && instrument.state.model ? () => ask(current) : () => instrument.refresh());
  if (current) stage.show({ ...current, size: image ? { width: image.width, height: image.height } : current.size });
  showCard(current ? null : instrument.state.model, contract);
  showTimings(answer?.timings || null, reading?.roundTripMs || 0);
  show();
  if (isNews) tell();
}

/** What the slider, the classes and the pointer leave to be seen. Nothing here asks the server. */
function show() {
  const answer = current?.reading?.answer || null;
  for (const item of items) item.visible = passes(item.result, sieve());
  showSummary({ picture: current, model: instrument.state.model, visible: visibleResults(), all: items.length, blocked: !byId("problem").hidden });
  byId("confidence-panel").hidden = !answer;
  byId("confidence-panel").dataset.kind = isRanking(items.map(({ result }) => result)) ? "ranking" : "boxes";
  mark();
  strip.show(pictures, current, sieve());
  reproduce.show(current, confidence.value);
}

/** The highlighted result: the one pointed at, else the one chosen. */
function mark() {
  const place = pointed >= 0 ? pointed : chosen;
  const lit = items[place]?.visible ? place : -1;
  results.update(items, sieve(), lit);
  stage.draw(items, lit);
}

function pointAt(place) {
  if (place === pointed) return;
  pointed = place;
  mark();
}

function choose(place) {
  if (place === chosen) return;
  chosen = place;
  mark();
}

function visibleResults() {
  return items.filter(({ visible }) => visible).map(({ result }) => result);
}

/** Says to a screen reader what the heading says to the eye. */
function tell() {
  const answer = current?.reading?.answer;
  if (answer) announce(`${sentence(visibleResults(), answer.model.task)}. ${current.name}`);
}

function remember() {
  const { model, version } = instrument.state;
  writeAddress({ model, version, sample: current?.sample ? current.name : null });
}

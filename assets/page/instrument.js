import { describeModel, listModels } from "./api.js";
import { byId, element } from "./element.js";
import { Problem } from "./problem.js";

const SOON_MS = 2500;
const LATER_MS = 20000;

/**
 * Which model and version look at the pictures. Keeps up with the server: versions come and go while the page is open.
 * @param {{model: string|null, version: number|null}} wish from the page's address
 * @param {{onChoice: () => void, onNews: () => void}} listener
 *   `onChoice`: another model or version; `onNews`: the same, but its state or `problem` changed
 */
export function createInstrument(wish, { onChoice, onNews }) {
  const modelSelect = byId("model");
  const versionSelect = byId("version");
  /** @type {import("./api.js").Model[]} */
  let models = [];
  let seen = "";
  /** @type {Promise<import("./api.js").ModelDetail>|null} */
  let detail = null;
  const state = { model: null, version: null, problem: null, loaded: false, ready: false };

  modelSelect.addEventListener("change", () => choose(modelSelect.value, null));
  versionSelect.addEventListener("change", () =>
    choose(state.model, versionSelect.value ? Number(versionSelect.value) : null));

  async function refresh() {
    try {
      models = await listModels();
      state.problem = models.length ? null : noModels();
    } catch (error) {
      state.problem = error;
    }
    state.loaded = true;
    const now = JSON.stringify([models, state.problem?.code]);
    if (now === seen) return;
    seen = now;
    detail = null;
    const known = (name) => models.some((model) => model.name === name);
    if (!known(state.model) && models.length) {
      const wished = known(wish.model);
      const first = models.find(({ task }) => task?.includes("detection")) || models[0];
      choose(wished ? wish.model : first.name, wished ? wish.version : null);
    } else {
      render();
      onNews();
    }
  }

  /** @param {string|null} name @param {number|null} version */
  function choose(name, version) {
    Object.assign(state, { model: name, version });
    detail = null;
    render();
    onChoice();
  }

  function render() {
    const model = models.find(({ name }) => name === state.model);
    modelSelect.replaceChildren(...models.map(({ name }) => element("option", { value: name }, name)));
    modelSelect.value = state.model ?? "";
    const versions = [...(model?.versions || [])].sort((a, b) => b.version - a.version);
    const available = versions.filter((version) => version.state === "AVAILABLE");
    const newest = model?.default_version ?? available[0]?.version;
    versionSelect.replaceChildren(
      element("option", { value: "" }, newest ? `newest (${newest})` : "newest"),
      ...versions.map(({ version, state: at }) =>
        element("option", { value: version, disabled: at !== "AVAILABLE" }, at === "AVAILABLE" ? `${version}` : `${version}, ${inWords(at)}`)),
    );
    versionSelect.value = state.version === null ? "" : String(state.version);
    for (const select of [modelSelect, versionSelect]) select.disabled = !models.length;
    state.ready = state.version === null ? available.length > 0 : available.some(({ version }) => version === state.version);
    byId("instrument-note").replaceChildren(...versions.filter(({ state: at, message }) => at !== "AVAILABLE" && (message || at !== "END"))
      .map(({ version, state: at, message }) =>
        element("p", {}, `Version ${version} of ${model.name} is ${inWords(at)}${message ? `: ${message}` : "."}`)));
  }

  async function watch() {
    if (!document.hidden) await refresh();
    const waiting = state.problem || models.some(({ versions }) =>
      !versions.length || versions.some((version) => ["START", "LOADING", "UNLOADING"].includes(version.state)));
    setTimeout(watch, waiting ? SOON_MS : LATER_MS);
  }
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
  const first = watch();

  return {
    state,
    refresh,
    ready: first,
    /**
     * The chosen version's contract, as far as the page needs it; null while no such version serves.
     * @returns {Promise<import("./request.js").Contract|null>}
     */
    async contract() {
      detail ??= describeModel(state.model);
      const asked = detail;
      const model = await asked.catch((error) => {
        if (detail === asked) detail = null;
        throw error;
      });
      const detailed = model.versions.find(({ version }) => version === (state.version ?? model.default_version));
      if (!detailed?.contract) return null;
      return { task: detailed.contract.task, defaults: detailed.contract.defaults, labels: detailed.labels || [] };
    },
  };
}

function inWords(state) {
  return { START: "about to load", LOADING: "loading", AVAILABLE: "available", UNLOADING: "being withdrawn", END: "not served" }[state]
    || state.toLowerCase();
}

function noModels() {
  return new Problem({
    title: "No model is served yet",
    code: "no_models",
    detail: "The server is up, but its model folder or bucket holds no model. Publish one, and it appears here by itself.",
  });
}

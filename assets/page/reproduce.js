import { byId, element } from "./element.js";
import { hasKey } from "./key.js";
import { curlSnippet, fetchSnippet, readableJson } from "./snippets.js";

/**
 * The same request for a shell and a program, and the answer as it came.
 * @param {(words: string) => void} announce
 */
export function createReproduce(announce) {
  for (const button of document.querySelectorAll("[data-copies]")) {
    button.addEventListener("click", async () => {
      const text = byId(button.getAttribute("data-copies")).textContent;
      const copied = await copy(text);
      const words = copied ? "Copied" : "Copy failed";
      button.textContent = words;
      announce(copied ? `${button.getAttribute("aria-label").replace("Copy", "Copied")}` : words);
      setTimeout(() => { button.textContent = "Copy"; }, 1600);
    });
  }
  let written = null;

  return {
    /**
     * @param {import("./picture.js").Picture|null} picture
     * @param {number} confidence the slider's
     */
    show(picture, confidence) {
      const reading = picture?.reading;
      byId("reproduce").hidden = !reading;
      if (!reading) return;
      const asked = {
        origin: location.origin,
        path: reading.path,
        fields: { ...reading.fields, confidence: confidence.toFixed(2) },
        name: picture.name,
        sample: picture.sample,
        keyed: hasKey(),
      };
      byId("curl").textContent = curlSnippet(asked);
      byId("fetch").textContent = fetchSnippet(asked);
      byId("json-part").hidden = !reading.answer;
      if (reading.answer === written) return;
      written = reading.answer;
      byId("json").replaceChildren(...(written ? coloured(readableJson(written)) : []));
      byId("json-note").textContent = written ? `asked at confidence ${reading.fields.confidence}` : "";
    },
  };
}

/** Keys, words and numbers apart, as nodes: the text itself stays what the copy button takes. */
function coloured(json) {
  const pattern = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*|true|false|null)/g;
  const nodes = [];
  let end = 0;
  for (const match of json.matchAll(pattern)) {
    nodes.push(json.slice(end, match.index));
    const kind = match[3] ? "json-number" : match[2] ? "json-key" : "json-text";
    nodes.push(element("span", { class: kind }, match[1] || match[3]), match[2] || "");
    end = match.index + match[0].length;
  }
  return [...nodes, json.slice(end)];
}

/** The clipboard API needs a secure context; a plain-HTTP host falls back to a selection. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const holder = document.createElement("textarea");
    holder.className = "visually-hidden";
    holder.readOnly = true;
    holder.value = text;
    document.body.append(holder);
    holder.select();
    const done = document.execCommand("copy");
    holder.remove();
    return done;
  }
}

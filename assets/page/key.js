import { element } from "./element.js";

/** Where the key is kept: in this tab, until it is closed. */
const PLACE = "ocellus-api-key";

/** @returns {string|null} */
function key() {
  return sessionStorage.getItem(PLACE);
}

/** Whether requests show a key. */
export function hasKey() {
  return key() !== null;
}

/** @returns {Record<string, string>} the headers that show the key, if there is one */
export function keyHeaders() {
  return hasKey() ? { authorization: `Bearer ${key()}` } : {};
}

/**
 * Asks for a key.
 * @param {() => Promise<void>|void} onKey called once there is one
 */
export function keyForm(onKey) {
  const input = element("input", { id: "key", type: "password", autocomplete: "off", required: "", spellcheck: "false" });
  const note = element("p", { role: "status" });
  const form = element(
    "form",
    { class: "key" },
    element("label", { for: "key" }, "API key"),
    input,
    element("button", { class: "button" }, "Use this key"),
    note,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    sessionStorage.setItem(PLACE, input.value.trim());
    await onKey();
    if (form.isConnected) note.textContent = "The server does not accept this key.";
  });
  return form;
}

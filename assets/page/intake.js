import { byId } from "./element.js";

/**
 * Every way a picture comes in: chosen, photographed, dropped anywhere, pasted anywhere.
 * @param {{onFiles: (files: File[]) => void, onNothing: () => void}} listener
 *   `onNothing`: something was dropped that is no file, such as a picture out of another page
 */
export function acceptPictures({ onFiles, onNothing }) {
  for (const id of ["file", "camera"]) {
    const input = byId(id);
    input.addEventListener("change", () => {
      const files = [...input.files];
      // The same file may be chosen again.
      input.value = "";
      if (files.length) onFiles(files);
    });
  }
  for (const button of document.querySelectorAll("[data-opens]")) {
    button.addEventListener("click", () => byId(button.getAttribute("data-opens")).click());
  }

  const page = document.documentElement;
  let depth = 0;
  const dragging = (on) => {
    depth = on ? depth : 0;
    page.classList.toggle("is-dragging", on);
  };
  window.addEventListener("dragenter", (event) => {
    event.preventDefault();
    depth += 1;
    dragging(true);
  });
  window.addEventListener("dragleave", () => {
    depth -= 1;
    if (depth <= 0) dragging(false);
  });
  window.addEventListener("dragover", (event) => event.preventDefault());
  window.addEventListener("drop", (event) => {
    event.preventDefault();
    dragging(false);
    const files = [...(event.dataTransfer?.files || [])];
    if (files.length) onFiles(files);
    else onNothing();
  });
  window.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files || [])];
    if (!files.length) return;
    event.preventDefault();
    onFiles(files);
  });
}

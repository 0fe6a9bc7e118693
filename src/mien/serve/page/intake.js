// How pictures come in: chosen, dropped or pasted. What happens to them is not decided here.

import { byId } from "./dom.js";

/**
 * Wires the buttons, the page as a place to drop on, and the clipboard.
 *
 * @param {(files: File[]) => void} take receives the files
 * @param {(words: string) => void} tell says why there is none
 */
export function intake(take, tell) {
  const input = byId("files");
  byId("choose").addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = ""; // the same file may be chosen again
    if (files.length) take(files);
  });
  if (/^(Mac|iP)/.test(navigator.platform)) byId("control").textContent = "⌘";
  dropping(take, tell);
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    const typing = event.target instanceof Element && event.target.matches("input, textarea");
    if (files.length) {
      event.preventDefault();
      take(files);
    } else if (!typing) {
      tell("The clipboard holds no picture. Copy a picture itself, not its address.");
    }
  });
}

function dropping(take, tell) {
  const zone = byId("drop");
  let depth = 0; // enter and leave come for every element within
  const over = (now) => zone.classList.toggle("over", now);
  addEventListener("dragenter", (event) => {
    event.preventDefault();
    depth += 1;
    over(true);
  });
  addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    if (depth === 0) over(false);
  });
  addEventListener("dragover", (event) => {
    event.preventDefault(); // else the browser opens the file in place of the page
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    over(false);
    const files = [...event.dataTransfer.files];
    if (files.length) take(files);
    else tell("That was no file. This page fetches nothing from other addresses: save the picture, then drop the file.");
  });
}

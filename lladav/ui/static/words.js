// @ts-check
// A few words of the server. value: they, with **what matters** between asterisks. Triggers `stale` when what they tell
// of has changed, as the page says with `stale`.

import { node } from "../../viewer/static/dom.js";
import { translated } from "../../viewer/static/texts.js";

/** @type {Set<string>} */
const waiting = new Set();

/** Let the words of a component be asked for again, once for all that changes in one frame: gradio would ask at each
 *  change, all at the same time, and show the answer that comes last. @param {string} id of the component */
export function stale(id) {
  waiting.add(id);
  requestAnimationFrame(askAgain);
}

/** Ask for what waits, but for what stands on a tab that was never open: it waits until it is there. */
function askAgain() {
  for (const id of waiting) {
    const root = document.querySelector(`#${id} [data-markup=words] > *`);
    if (root) waiting.delete(id);
    root?.dispatchEvent(new Event("stale"));
  }
}

/** @type {import("./gradio_adapter.js").Painter} */
export function words(root, trigger) {
  root.addEventListener("stale", () => trigger("stale"));
  requestAnimationFrame(askAgain);
  return {
    update(text) {
      const parts = translated(text ?? "").split("**");
      root.replaceChildren(...parts.map((part, at) => node(at % 2 ? "strong" : "span", "", part)));
    },
  };
}

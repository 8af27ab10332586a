// @ts-check
// A sentence for the visitor, with a button that takes it away. value: the sentence, or null for none.

import { label, translated } from "../../viewer/static/texts.js";

/** @type {import("./gradio_adapter.js").Painter} */
export function notice(root) {
  label(root);
  const text = /** @type {HTMLElement} */ (root.querySelector(".no-text"));
  root.querySelector("button")?.addEventListener("click", () => { root.hidden = true; });

  return {
    update(sentence) {
      root.hidden = !sentence;
      if (sentence) requestAnimationFrame(() => root.scrollIntoView({ block: "nearest" }));
      text.textContent = translated(sentence ?? "");
    },
  };
}

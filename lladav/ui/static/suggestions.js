// @ts-check
// Questions to click. value: [question, …]; triggers `pick` with {text}.

import { node } from "../../viewer/static/dom.js";

/** @type {import("./gradio_adapter.js").Painter} */
export function suggestions(root, trigger) {
  /** @param {string} text */
  function chip(text) {
    const button = /** @type {HTMLButtonElement} */ (node("button", "su-chip", text));
    button.type = "button";
    button.addEventListener("click", () => trigger("pick", { text }));
    return button;
  }

  return {
    update(questions) {
      root.hidden = !questions?.length;
      root.replaceChildren(...(questions ?? []).map(chip));
    },
  };
}

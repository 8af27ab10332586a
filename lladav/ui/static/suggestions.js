// @ts-check
// Questions to click. value: [question, …]; triggers `pick` with {text}.

import { button } from "../../viewer/static/dom.js";
import { label } from "../../viewer/static/texts.js";

/** @type {import("./gradio_adapter.js").Painter} */
export function suggestions(root, trigger) {
  label(root);
  /** @param {string} text */
  const chip = (text) => button("su-chip", text, () => trigger("pick", { text }));

  return {
    update(questions) {
      root.hidden = !questions?.length;
      root.replaceChildren(...(questions ?? []).map(chip));
    },
  };
}

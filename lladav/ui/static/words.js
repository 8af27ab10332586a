// @ts-check
// A few words of the server. value: they, with **what matters** between asterisks.

import { node } from "../../viewer/static/dom.js";
import { translated } from "../../viewer/static/texts.js";

/** @type {import("./gradio_adapter.js").Painter} */
export function words(root) {
  return {
    update(text) {
      const parts = translated(text ?? "").split("**");
      root.replaceChildren(...parts.map((part, at) => node(at % 2 ? "strong" : "span", "", part)));
    },
  };
}

// @ts-check
// The pictures that the run on the canvas is about, its question, and its answer as far as the canvas shows it.
//
// value: {pictures: [data URL, …], question, answer}, and `attention` where it is asked what a token looked at.

import { node } from "../../viewer/static/dom.js";
import { label, say } from "../../viewer/static/texts.js";
import { attentionView } from "./attention.js";

/** @type {import("./gradio_adapter.js").Painter} */
export function stage(root) {
  label(root);
  const pictures = /** @type {HTMLElement} */ (root.querySelector(".st-pictures"));
  const question = /** @type {HTMLElement} */ (root.querySelector(".st-question"));
  const answer = /** @type {HTMLElement} */ (root.querySelector(".st-answer"));
  const looked = attentionView(root);

  /** @param {string} source */
  function picture(source, /** @type {number} */ index) {
    const image = /** @type {HTMLImageElement} */ (node("img", "st-picture"));
    image.src = source;
    image.alt = say("chat.picture", { number: index + 1 });
    const frame = node("span", "st-frame");
    frame.append(image);
    image.addEventListener("error", () => frame.remove());  // a TIFF, say: it is shown when a run has made a thumbnail
    return frame;
  }

  document.addEventListener("tokencanvas:shown", (event) => {
    const { target, detail } = /** @type {CustomEvent & {target: HTMLElement}} */ (event);
    if (target.closest("#canvas") && question.textContent) answer.textContent = detail.text || say("chat.no_answer");
  });

  return {
    update(value) {
      root.dataset.pictures = String(value.pictures.length);
      pictures.replaceChildren(...value.pictures.map(picture));
      question.textContent = value.question;
      question.dataset.hint = say(value.pictures.length ? "chat.ready" : "chat.show");
      if (!value.question) answer.textContent = "";
      looked.show(value.attention);
    },
  };
}

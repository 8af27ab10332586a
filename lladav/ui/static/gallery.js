// @ts-check
// Cards of recorded runs; a card triggers `pick` and its button `apply`, both with the run's index.
//
// value: {title, cards: [{picture, question, answer, settings}, …]}

import { node } from "../../viewer/static/dom.js";
import { label, say, translated } from "../../viewer/static/texts.js";

/** @type {import("./gradio_adapter.js").Painter} */
export function gallery(root, trigger) {
  label(root);
  const cards = /** @type {HTMLElement} */ (root.querySelector(".ga-cards"));
  const title = /** @type {HTMLElement} */ (root.querySelector(".ga-title"));

  /** @param {string} name */
  function button(name, /** @type {string} */ text, /** @type {() => void} */ does) {
    const made = /** @type {HTMLButtonElement} */ (node("button", name, text));
    made.type = "button";
    made.addEventListener("click", () => {
      does();
      document.querySelector("#canvas")?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    });
    return made;
  }

  /** @param {{picture: string, question: string, answer: string, settings: string}} run */
  function card({ picture, question, answer, settings }, /** @type {number} */ index) {
    const made = node("div", "ga-card"), image = /** @type {HTMLImageElement} */ (node("img", "ga-picture"));
    image.src = picture;
    image.alt = "";
    const show = button("ga-show", "", () => trigger("pick", { index }));
    show.append(image, node("span", "ga-question", question), node("span", "ga-answer", answer || say("chat.no_answer")));
    show.append(node("span", "ga-settings", translated(settings)));
    made.append(show, button("ga-try", say("gallery.try"), () => trigger("apply", { index })));
    return made;
  }

  return {
    update(value) {
      title.textContent = translated(value.title);
      cards.replaceChildren(...value.cards.map(card));
    },
  };
}

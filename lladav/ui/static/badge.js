// @ts-check
// Which model this is; opens to what it can be asked.
//
// value: {title: [word, …], knows: {heading: [word, …]}, examples: {kind: question}, links: {key: address}}

import { node } from "../../viewer/static/dom.js";
import { say, translated } from "../../viewer/static/texts.js";

/** @type {import("./gradio_adapter.js").Painter} */
export function badge(root) {
  /** @param {string} heading */
  function list(heading, /** @type {string} */ words) {
    const part = node("p", "");
    part.append(node("b", "", `${translated(heading)}: `), words);
    return part;
  }

  /** @param {[string, string]} entry */
  function anchor([key, address]) {
    const link = /** @type {HTMLAnchorElement} */ (node("a", "", say(key)));
    Object.assign(link, { href: address, target: "_blank", rel: "noopener noreferrer" });
    return link;
  }

  addEventListener("keydown", ({ key }) => {
    if (key === "Escape") root.removeAttribute("open");
  });
  document.addEventListener("click", ({ target }) => {
    if (!root.contains(/** @type {Node} */ (target))) root.removeAttribute("open");
  });

  return {
    update({ title, knows, examples, links }) {
      const summary = /** @type {HTMLElement} */ (root.querySelector("summary"));
      const body = /** @type {HTMLElement} */ (root.querySelector(".ba-body"));
      summary.textContent = title.map(translated).join(" · ");
      const asked = Object.values(examples).map((question) => node("li", "", question));
      const questions = node("ul", "");
      questions.append(...asked);
      const anchors = node("p", "ba-links");
      anchors.append(...Object.entries(links).map(anchor));
      const lists = Object.entries(knows).map(([heading, words]) => list(heading, words.join(", ")));
      const ask = asked.length ? [node("p", "ba-head", say("header.ask")), questions] : [];
      body.replaceChildren(node("p", "", say("header.warning")), ...ask, ...lists, anchors);
    },
  };
}

// @ts-check
// Which model this is; opens to what it can be asked.
//
// value: {title, warning, knows: {heading: [word, …]}, examples: {kind: question}, links: {name: address}}

import { node } from "../../viewer/static/dom.js";

/** @type {import("./gradio_adapter.js").Painter} */
export function badge(root) {
  /** @param {string} heading */
  function list(heading, /** @type {string} */ words) {
    const part = node("p", "");
    part.append(node("b", "", `${heading}: `), words);
    return part;
  }

  /** @param {[string, string]} entry */
  function anchor([name, address]) {
    const link = /** @type {HTMLAnchorElement} */ (node("a", "", name));
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
    update({ title, warning, knows, examples, links }) {
      const summary = /** @type {HTMLElement} */ (root.querySelector("summary"));
      const body = /** @type {HTMLElement} */ (root.querySelector(".ba-body"));
      summary.textContent = title;
      const asked = Object.values(examples).map((question) => node("li", "", question));
      const questions = node("ul", "");
      questions.append(...asked);
      const anchors = node("p", "ba-links");
      anchors.append(...Object.entries(links).map(anchor));
      const lists = Object.entries(knows).map(([heading, words]) => list(heading, words.join(", ")));
      const ask = asked.length ? [node("p", "ba-head", "You can ask it"), questions] : [];
      body.replaceChildren(node("p", "", warning), ...ask, ...lists, anchors);
    },
  };
}

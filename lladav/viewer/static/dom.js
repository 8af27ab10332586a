// @ts-check
// Small helpers to make and change elements. Only textContent carries data: nothing is ever parsed as HTML.

import palette from "./palette.json" with { type: "json" };

export const GLYPHS = palette.glyphs;

/** @param {string} tag @param {string} [className] @param {string} [text] @returns {HTMLElement} */
export function node(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** @param {string} className @param {string} text @param {() => void} does @returns {HTMLButtonElement} */
export function button(className, text, does) {
  const made = /** @type {HTMLButtonElement} */ (node("button", className, text));
  made.type = "button";
  made.addEventListener("click", does);
  return made;
}

/** @param {string} tag @param {Record<string, string | number>} attributes @returns {SVGElement} */
export function svg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}

/** The element that a selector finds below a root that is known to have it.
 *  @template {HTMLElement} [T=HTMLElement]
 *  @param {Element} root @param {string} selector @returns {T} */
export function find(root, selector) {
  return /** @type {T} */ (root.querySelector(selector));
}

/** Writes a value where `memory` does not hold it yet, so that an unchanged page is left alone.
 *  @template T
 *  @param {Record<string, any>} memory @param {string} name @param {T} value @param {(value: T) => void} write */
export function change(memory, name, value, write) {
  if (name in memory && memory[name] === value) return;
  memory[name] = value;
  write(value);
}

/** @param {number} share */
export function percent(share) {
  return share > 0 && share < 0.01 ? "<1%" : `${Math.round(share * 100)}%`;
}

/** How a token is spelled where each of its letters counts. @param {{text: string}} piece */
export function spelled(piece) {
  return piece.text.replaceAll("\n", GLYPHS.newline).replaceAll(" ", GLYPHS.space);
}

/** How a token is drawn in a cell: spaces and line ends are shown only where they are all there is.
 *  @param {{kind: string, text: string}} piece @param {boolean} ends whether the answer ends here */
export function glyph(piece, ends) {
  if (piece.kind === "s") return ends ? GLYPHS.end : GLYPHS.special;
  return piece.text.trim() || (piece.text.includes("\n") ? GLYPHS.newline : GLYPHS.space);
}

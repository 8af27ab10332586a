// @ts-check
// Two runs in figures, and their words beside each other.

import { find, node } from "./dom.js";
import { label, translated } from "./texts.js";

/**
 * figures: name, unit, digits, value of A or null, value of B or null; words: of A, of B, whether they are the same.
 * @typedef {{figures: [string, string, number, number | null, number | null][], summary: string,
 *            words: [string, string, boolean][]}} Results
 */

/** A figure of one side, with a bar as long as its share of the larger of the two.
 *  @param {string} side @param {number | null} value @param {number} most @param {string} unit @param {number} digits */
function figure(side, value, most, unit, digits) {
  const cell = node("td", side), bar = node("span", "pv-bar");
  bar.style.setProperty("--share", String(value && most ? value / most : 0));
  cell.append(node("span", "pv-value", value === null ? "–" : value.toFixed(digits) + unit), bar);
  return cell;
}

/** @param {Results["figures"][0]} row */
function figures([name, unit, digits, a, b]) {
  const row = node("tr"), most = Math.max(a ?? 0, b ?? 0), head = node("th", "", translated(name));
  head.setAttribute("scope", "row");
  row.append(figure("pv-a", a, most, unit, digits), head, figure("pv-b", b, most, unit, digits));
  return row;
}

/** @param {HTMLElement} root */
export function mountResults(root) {
  label(root);
  return {
    /** @param {Results} results */
    update(results) {
      find(root, "tbody").replaceChildren(...results.figures.map(figures));
      root.dataset.state = results.summary ? "done" : "idle";
      find(root, ".pv-summary").textContent = translated(results.summary);
      ["a", "b"].forEach((key, side) => {
        const spans = results.words.filter((words) => words[side])
          .map((words) => node(words[2] ? "span" : "mark", "", `${words[side]} `));
        find(root, `.pv-text.pv-${key} span`).replaceChildren(...spans);
      });
    },
  };
}

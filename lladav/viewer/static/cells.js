// @ts-check
// The cells of a canvas: one a token, painted only where something has changed.

import { decisionAt } from "./decisions.js";
import { GLYPHS, change, glyph, node, percent, spelled } from "./dom.js";
import { say } from "./texts.js";

/** @typedef {import("./record.js").RunRecord} RunRecord */
/** @typedef {import("./edit.js").Selection} Selection */
/** @typedef {{el: HTMLElement, text: HTMLElement, order: HTMLElement, painted: Record<string, any>}} Cell */

export class Cells {
  /** @param {HTMLElement} grid @param {RunRecord} record @param {Selection} selection */
  constructor(grid, record, selection) {
    this.grid = grid;
    this.record = record;
    this.selection = selection;
    /** @type {Cell[]} */
    this.cells = [];
  }

  /** @param {number} length */
  begin(length) {
    this.cells = Array.from({ length }, (_, position) => makeCell(position));
    this.grid.replaceChildren(...this.cells.map(({ el }) => el));
  }

  /** @param {number} step @param {{view: string, shown: number | null}} how */
  paint(step, how) {
    const end = this.record.endAt(step);
    this.cells.forEach((cell, position) => this.paintCell(cell, position, step, { ...how, end }));
  }

  /** @param {Cell} cell @param {number} position @param {number} step
   *  @param {{view: string, shown: number | null, end: number}} how */
  paintCell({ el, text, order, painted }, position, step, { view, shown, end }) {
    const token = this.record.tokenAt(position, step), guess = this.record.tokenProbsAt(position, step)[0];
    const revoked = this.record.revokedAt(position, step);
    const piece = token?.piece, known = piece ?? revoked?.piece ?? guess?.piece;
    const drawn = known ? glyph(known, position === end && piece !== undefined) : "";
    const letters = view !== "text" ? drawn : known?.kind === "t" ? known.text : "";
    const opacity = piece || revoked ? 1 : guess ? 0.25 + guess.probability * 0.55 : 0;
    const measure = this.record.measure(position, step, view);
    const classes = this.classes(position, step, { end, shown });
    change(painted, "classes", classes.filter(Boolean).join(" "), (value) => { el.className = value; });
    change(painted, "letters", letters, (value) => { text.textContent = value; });
    change(painted, "drawn", drawn.length, (value) => text.style.setProperty("--letters", String(value)));
    change(painted, "measure", measure, (value) => el.style.setProperty("--c", String(value)));
    change(painted, "opacity", opacity, (value) => { text.style.opacity = String(value); });
    change(painted, "step", this.corner(position, step, view), (value) => { order.textContent = value; });
    change(painted, "label", this.label(position, step), (value) => el.setAttribute("aria-label", value));
    change(painted, "marked", this.selection.marked.has(position), (value) =>
      el.setAttribute("aria-pressed", String(value)));
  }

  /** @param {number} position @param {number} step @param {{end: number, shown: number | null}} how */
  classes(position, step, { end, shown }) {
    const { record, selection } = this, token = record.tokenAt(position, step);
    const length = record.state?.block_length ?? 1, now = record.steps[step];
    return [
      "tc-tok", token ? "tc-set" : "tc-mask",
      token?.step === 0 && (token.carried ? "tc-carried" : "tc-template"),
      token && token.piece.kind !== "t" && "tc-special",
      record.revokedAt(position, step) && "tc-revoked",
      position >= end && "tc-after",
      position && position % length === 0 && "tc-first",
      Math.floor(position / length) === now?.block && "tc-active",
      position === shown && "tc-chosen",
      selection.marked.has(position) && "tc-marked",
      selection.kept.has(position) && "tc-kept",
      position === selection.pinned && "tc-pinned",
    ];
  }

  /** What a view writes in the corner of a cell: when it was committed, or since when it was settled before that, and how
   *  often a token was taken back there. @param {number} position @param {number} step @param {string} view */
  corner(position, step, view) {
    const { committed_at, settled_since, revoked } = decisionAt(this.record, position, step);
    if (view !== "settled") return committed_at ? String(committed_at) : "";
    const times = revoked ? `${GLYPHS.revoked}${revoked} ` : "";
    return times + (committed_at ? `${settled_since}→${committed_at}` : "");
  }

  /** @param {number} position @param {number} step */
  label(position, step) {
    const token = this.record.tokenAt(position, step), revoked = this.record.revokedAt(position, step);
    if (revoked) return say("viewer.at_taken_back", { position, piece: spelled(revoked.piece) });
    if (!token) return say("viewer.at_masked", { position });
    const origin = token.step || token.carried ? [say("viewer.confidence_of", { share: percent(token.confidence) })] : [];
    origin.push(token.step ? say("viewer.at_step", { step: token.step }) : say(token.carried ? "viewer.before" : "viewer.given"));
    if (this.selection.kept.has(position)) origin.push(say("viewer.kept"));
    return say("viewer.at_token", { position, piece: spelled(token.piece), origin: origin.join(", ") });
  }

  /** How many cells stand in a row. */
  get columns() {
    const tops = this.cells.map(({ el }) => el.offsetTop);
    return Math.max(1, tops.filter((top) => top === tops[0]).length);
  }

  /** Lets one cell be reached with the tab key. @param {number} position */
  reach(position) {
    this.cells.forEach(({ el }, at) => { el.tabIndex = at === position ? 0 : -1; });
  }
}

/** @param {number} position @returns {Cell} */
function makeCell(position) {
  const el = node("button", "tc-tok tc-mask"), text = node("span", "tc-piece"), order = node("span", "tc-order");
  el.setAttribute("type", "button");
  el.dataset.position = String(position);
  el.tabIndex = position === 0 ? 0 : -1;
  el.style.setProperty("--i", String(position));
  order.setAttribute("aria-hidden", "true");
  el.append(text, order);
  return { el, text, order, painted: {} };
}

/** The position of the cell that an event is about, or null. @param {Event} event */
export function positionOf({ target }) {
  const cell = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest?.(".tc-tok"));
  return cell ? Number(cell.dataset.position) : null;
}

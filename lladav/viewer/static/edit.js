// @ts-check
// Taking hold of the tokens of a canvas: masking them again, keeping them, typing over them, taking an alternative.
//
// Every edit is sent as {step, changes, label}: go on from the canvas as it stood after `step`, with `changes` put in:
// {position: id of a token, null for a mask, or words}. What comes back is another run, with another record.

import { find } from "./dom.js";
import { recorded, say } from "./texts.js";

/** @typedef {import("./record.js").RunRecord} RunRecord */
/** @typedef {import("./record.js").Piece} Piece */
/** @typedef {Record<number, number | string | null>} Changes */
/** @typedef {{step: number, changes: Changes, label: string}} Edit */

const LABEL_LETTERS = 24;

/** @param {string} text */
const shortened = (text) => text.trim().slice(0, LABEL_LETTERS);

/** What is chosen on a canvas, and the edits that can be made of it; it knows no page. */
export class Selection {
  /** @param {RunRecord} record */
  constructor(record) {
    this.record = record;
    /** Positions chosen beside the one whose card is pinned. @type {Set<number>} */
    this.marked = new Set();
    /** Positions to keep whatever else is rewritten. @type {Set<number>} */
    this.kept = new Set();
    /** The position whose card is pinned. @type {number | null} */
    this.pinned = null;
  }

  begin() {
    this.marked.clear();
    this.kept = new Set(this.record.state?.pins ?? []);
    this.pinned = null;
  }

  /** What the next edit is about, in order: what is marked, or else the token whose card is pinned. */
  get chosen() {
    if (this.marked.size) return [...this.marked].sort((a, b) => a - b);
    return this.pinned === null ? [] : [this.pinned];
  }

  /** @param {number} step */
  chosenTokens(step) {
    return this.chosen.filter((position) => this.record.tokenAt(position, step));
  }

  /** @param {number} position */
  toggle(position) {
    if (this.pinned !== null) this.marked.add(this.pinned);
    this.pinned = null;
    if (!this.marked.delete(position)) this.marked.add(position);
  }

  clear() {
    this.marked.clear();
    this.pinned = null;
  }

  /** @param {number} step @returns {boolean} whether all that is chosen is kept */
  allKept(step) {
    const tokens = this.chosenTokens(step);
    return tokens.length > 0 && tokens.every((position) => this.kept.has(position));
  }

  /** @param {number} step */
  toggleKept(step) {
    const unkeep = this.allKept(step);
    for (const position of this.chosenTokens(step)) unkeep ? this.kept.delete(position) : this.kept.add(position);
    this.clear();
  }

  /** @param {Changes} changes @param {string} label @param {number} step @returns {Edit} */
  edit(changes, label, step) {
    const all = { ...changes };
    for (const position of this.kept)
      if (!(position in all)) all[position] = this.record.tokenAt(position, step)?.piece.id ?? null;
    return { step, changes: all, label };
  }

  /** @param {number} step */
  maskAgain(step) {
    const tokens = this.chosenTokens(step).length;
    return this.edit(masks(this.chosen), maskedAgain(tokens), step);
  }

  /** @param {string} words @param {number} step */
  typeOver(words, step) {
    return this.edit({ ...masks(this.chosen), [this.chosen[0]]: words }, recorded("viewer.did_typed", { words: shortened(words) }), step);
  }

  /** @param {number} step */
  rewriteOthers(step) {
    const length = this.record.state?.gen_length ?? 0;
    const others = Array.from({ length }, (_, position) => position).filter((position) => !this.kept.has(position));
    const tokens = this.kept.size, key = tokens === 1 ? "viewer.did_rewrote_one" : "viewer.did_rewrote";
    return this.edit(masks(others), recorded(key, { tokens }), step);
  }

  /** @param {number} position @param {Piece} piece @param {number} shown the step on show */
  takeAlternative(position, piece, shown) {
    const step = this.record.branchStep(position, shown);
    const label = recorded("viewer.did_took", { words: shortened(piece.text), step });
    return this.edit({ [position]: piece.id }, label, step);
  }
}

/** @param {number[]} positions @returns {Changes} */
function masks(positions) {
  return Object.fromEntries(positions.map((position) => [position, null]));
}

/** @param {number} tokens */
function maskedAgain(tokens) {
  if (!tokens) return recorded("viewer.did_went_on");
  return recorded(tokens === 1 ? "viewer.did_masked_one" : "viewer.did_masked_many", { tokens });
}

/** The bar below the canvas that offers the edits. */
export class EditBar {
  /** @param {HTMLElement} root @param {Selection} selection
   *  @param {{step: () => number, send: (edit: Edit) => void, changed: () => void}} page */
  constructor(root, selection, page) {
    this.bar = find(root, ".tc-edit");
    this.words = /** @type {HTMLInputElement} */ (find(this.bar, "input"));
    this.selection = selection;
    this.page = page;
    this.typing = false;
    this.several = false;
    this.bar.addEventListener("click", (event) => {
      const name = /** @type {HTMLElement} */ (event.target).closest("[data-edit]")?.getAttribute("data-edit");
      if (name) this.act(name);
    });
    this.words.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.act("put");
      if (event.key === "Escape") this.act("clear");
      event.stopPropagation();
    });
  }

  begin() {
    this.selection.begin();
    this.typing = this.several = false;
  }

  /** @param {string} name */
  act(name) {
    const { selection, page } = this, step = page.step(), some = selection.chosen.length > 0;
    if (name === "mask" && some) page.send(selection.maskAgain(step));
    if (name === "keep" && some) selection.toggleKept(step);
    if (name === "rest") page.send(selection.rewriteOthers(step));
    if (name === "unkeep") selection.kept.clear();
    if (name === "several") this.several = !this.several;
    if (name === "clear") {
      selection.clear();
      this.typing = this.several = false;
    }
    if (name === "type" && some) this.typing = true;
    if (name === "put") this.put(step);
    page.changed();
    if (name === "type" && some) this.words.focus();
  }

  /** @param {number} step */
  put(step) {
    const words = this.words.value.trim();
    if (!words || !this.selection.chosen.length) return;
    this.page.send(this.selection.typeOver(words, step));
    this.words.value = "";
    this.typing = false;
  }

  /** @param {boolean} editable */
  paint(editable) {
    const { selection } = this, step = this.page.step();
    const some = editable && selection.chosen.length > 0, kept = selection.kept.size;
    const tokens = selection.chosenTokens(step).length;
    const hide = (/** @type {string} */ name, /** @type {boolean} */ hidden) => { this.button(name).hidden = hidden; };
    find(this.bar, ".tc-edit-hint").hidden = !editable || some || kept > 0;
    find(this.bar, ".tc-typing").hidden = !(some && this.typing);
    for (const name of ["mask", "keep", "type"]) hide(name, !some || this.typing);
    for (const name of ["rest", "unkeep"]) hide(name, !editable || kept === 0 || some);
    hide("clear", !some);
    hide("several", !some || this.typing);
    this.button("several").setAttribute("aria-pressed", String(this.several));
    const mask = tokens > 1 ? "viewer.mask_many" : tokens ? "viewer.mask_it" : "viewer.go_on";
    this.button("mask").textContent = say(mask, { tokens });
    this.button("keep").disabled = tokens === 0;
    this.button("keep").textContent = say(selection.allKept(step) ? "viewer.unkeep" : "viewer.keep");
    this.button("rest").textContent = say("viewer.rest", { kept });
  }

  /** @param {string} name @returns {HTMLButtonElement} */
  button(name) {
    return find(this.bar, `[data-edit=${name}]`);
  }
}

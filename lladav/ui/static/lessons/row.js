// @ts-check
// A row of tokens as the lessons show it: the canvas's cells, without all that surrounds them there.

import { Cells, positionOf } from "../../../viewer/static/cells.js";
import { node, percent, spelled } from "../../../viewer/static/dom.js";
import { Selection } from "../../../viewer/static/edit.js";
import { RunRecord } from "../../../viewer/static/record.js";

/** @typedef {import("../../../viewer/static/record.js").State} State */

const STEP_MS = 550, MOST_BARS = 5;
const MOVES = { ArrowLeft: -1, ArrowRight: 1 };

export class TokenRow {
  /** @param {string} name @param {(position: number) => void} [choose] what a click on a cell does */
  constructor(name, choose) {
    this.root = node("div", "tc le-row");
    this.root.dataset.view = "confidence";
    this.record = new RunRecord();
    this.selection = new Selection(this.record);
    this.cells = new Cells(node("div", "tc-tokens"), this.record, this.selection);
    this.cells.grid.setAttribute("role", "group");
    this.cells.grid.setAttribute("aria-label", name);
    this.root.append(this.cells.grid);
    this.step = this.timer = 0;
    /** Painted over the cells: a class for some positions. @type {Map<number, string>} */
    this.signs = new Map();
    /** @type {(position: number) => void} */
    this.pointed = () => {};
    this.listen(choose);
  }

  /** @param {((position: number) => void) | undefined} choose */
  listen(choose) {
    const { grid } = this.cells;
    grid.addEventListener("click", (event) => {
      const position = positionOf(event);
      if (position !== null) choose?.(position);
    });
    for (const kind of ["pointerover", "focusin"])
      grid.addEventListener(kind, (event) => {
        const position = positionOf(event);
        if (position !== null) this.pointed(position);
      });
    grid.addEventListener("keydown", (event) => {
      const by = MOVES[/** @type {keyof typeof MOVES} */ (event.key)], from = positionOf(event);
      const next = by && from !== null ? this.cells.cells[from + by] : undefined;
      if (!next || from === null) return;
      event.preventDefault();
      this.cells.reach(from + by);
      next.el.focus();
    });
  }

  get last() {
    return this.record.steps.length - 1;
  }

  /** Takes a run over, as far as it has come. @param {State} state @param {number} [step] to show, by default its end */
  read(state, step) {
    if (this.record.read(state)) {
      this.stop();
      this.cells.begin(state.gen_length);
      this.selection.begin();
      this.signs.clear();
    }
    this.show(step ?? this.last);
  }

  /** @param {number} step */
  show(step) {
    this.step = Math.max(0, Math.min(step, this.last));
    this.cells.paint(this.step, { view: "confidence", shown: null });
    this.root.dataset.step = String(this.step);
    this.cells.cells.forEach(({ el }, position) => { el.dataset.sign = this.signs.get(position) ?? ""; });
  }

  /** Shows one step after the other. @param {number} from @param {(step: number) => void} [shown] */
  play(from, shown) {
    this.stop();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    return new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      const advance = (/** @type {number} */ step) => {
        this.show(calm ? this.last : step);
        shown?.(this.step);
        if (this.step >= this.last) resolve();
        else this.timer = setTimeout(() => advance(step + 1), STEP_MS);
      };
      advance(from);
    });
  }

  stop() {
    clearTimeout(this.timer);
  }

  /** The text of the token at a position, or of the model's first choice there. @param {number} position
   *  @param {number} step */
  word(position, step) {
    const piece = this.record.tokenAt(position, step)?.piece ?? this.record.tokenProbsAt(position, step)[0]?.piece;
    return piece ? (piece.kind === "s" ? "■" : piece.text.trim()) : "";
  }

  /** What was weighed for a position, as bars. @param {number} position @param {number} step */
  beliefs(position, step) {
    const probs = this.record.tokenProbsAt(position, step).slice(0, MOST_BARS);
    return probs.map(({ piece, probability }) => ({
      name: piece.kind === "s" ? "■" : spelled(piece), probability, taken: false,
    }));
  }
}

/** Bars of probabilities. @param {HTMLElement} list an <ol>
 *  @param {{name: string, probability: number, taken: boolean}[]} rows */
export function paintBars(list, rows) {
  list.classList.add("le-bars");
  list.replaceChildren(...rows.map(({ name, probability, taken }) => {
    const item = node("li", taken ? "le-taken" : ""), bar = node("span", "le-bar");
    bar.style.setProperty("--probability", String(probability));
    item.append(node("span", "le-bar-name", name), bar, node("span", "le-bar-share", percent(probability)));
    return item;
  }));
}

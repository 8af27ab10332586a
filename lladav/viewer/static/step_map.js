// @ts-check
// A map of position and step: how probable the model's first choice was, and where a token was committed.

/** @typedef {import("./record.js").RunRecord} RunRecord */

const CELL = 6;  // pixels of the drawing; the page scales it

/** For each step and position, the probability of the first choice then, and whether it was committed or taken back.
 *  @param {RunRecord} record */
export function mapOf(record) {
  return record.steps.slice(1).map(({ step, transfer_index, revoked_index }) => {
    const committed = new Set(transfer_index.map(([position]) => position)), revoked = new Set(revoked_index);
    return record.history.map((_, position) => ({
      probability: record.tokenProbsAt(position, step)[0]?.probability ?? 0,
      set: record.tokenAt(position, step) !== undefined,
      committed: committed.has(position),
      revoked: revoked.has(position),
    }));
  });
}

export class StepMap {
  /** @param {HTMLCanvasElement} el @param {RunRecord} record */
  constructor(el, record) {
    this.el = el;
    this.record = record;
    this.drawn = "";
  }

  /** @param {number} now the step on show */
  draw(now) {
    const rows = this.record.steps.length - 1, columns = this.record.state?.gen_length ?? 0;
    const key = [this.record.state?.run, rows, now].join();
    if (this.drawn === key || rows < 1 || this.el.offsetParent === null) return;
    this.drawn = key;
    this.el.width = columns * CELL;
    this.el.height = rows * CELL;
    const pen = this.el.getContext("2d");
    if (!pen) return;
    const style = getComputedStyle(this.el);
    const color = (/** @type {string} */ name) => style.getPropertyValue(`--tc-${name}`);
    mapOf(this.record).forEach((row, y) => row.forEach((cell, x) => {
      pen.globalAlpha = cell.set && !cell.committed ? 0.14 : 0.1 + 0.9 * cell.probability;
      pen.fillStyle = cell.revoked ? color("revoked") : cell.committed ? color("high") : color("mask");
      pen.fillRect(x * CELL, y * CELL, CELL - 1, CELL - 1);
    }));
    pen.globalAlpha = 1;
    pen.strokeStyle = color("ink");
    pen.strokeRect(0.5, (now - 1) * CELL - 0.5, columns * CELL - 1, CELL);
  }

  /** The step that a point of the drawing stands for. @param {number} clientY */
  stepAt(clientY) {
    const box = this.el.getBoundingClientRect();
    return 1 + Math.floor(((clientY - box.top) / box.height) * (this.record.steps.length - 1));
  }
}

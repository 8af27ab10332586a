// @ts-check
// A map of position and step: how probable the model's first choice was, where a token was committed, taken back and
// settled, and when the answer first stood as it ended.

import { decisionAt, stoodAt } from "./decisions.js";

/** @typedef {import("./record.js").RunRecord} RunRecord */

const CELL = 6;  // pixels of the drawing; the page scales it

/** For each step and position, the probability of the first choice then, whether it was committed or taken back, and
 *  whether the model has proposed nothing else since.
 *  @param {RunRecord} record */
export function mapOf(record) {
  const last = record.steps.length - 1;
  const settled = record.tokens.held.map((_, position) => decisionAt(record, position, last).settled_since);
  return record.steps.slice(1).map(({ step, transfer_index, revoked_index }) => {
    const committed = new Set(transfer_index.map(([position]) => position)), revoked = new Set(revoked_index);
    return settled.map((since, position) => ({
      probability: record.tokenProbsAt(position, step)[0]?.probability ?? 0,
      set: record.tokenAt(position, step) !== undefined,
      committed: committed.has(position),
      revoked: revoked.has(position),
      settled: since === step,
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
    if (this.drawn === key || rows < 1) return;
    this.drawn = key;
    this.el.width = columns * CELL;
    this.el.height = rows * CELL;
    const pen = this.el.getContext("2d");
    if (!pen) return;
    const style = getComputedStyle(this.el);
    const color = (/** @type {string} */ name) => style.getPropertyValue(`--tc-${name}`);
    mapOf(this.record).forEach((row, y) => row.forEach((cell, x) => {
      pen.globalAlpha = cell.revoked ? 1 : cell.set && !cell.committed ? 0.14 : 0.1 + 0.9 * cell.probability;
      pen.fillStyle = cell.revoked ? color("revoked") : cell.committed ? color("high") : color("mask");
      pen.fillRect(x * CELL, y * CELL, CELL - 1, CELL - 1);
      pen.globalAlpha = 1;
      pen.fillStyle = color("ink");
      if (cell.settled) pen.fillRect(x * CELL + 1, y * CELL + 1, 2, 2);
    }));
    const stood = stoodAt(this.record), line = (/** @type {number} */ step) => (step - 1) * CELL - 0.5;
    if (stood !== null) {
      pen.strokeStyle = color("low");
      pen.setLineDash([4, 2]);
      pen.strokeRect(-1, line(stood), columns * CELL + 2, 0);
      pen.setLineDash([]);
    }
    pen.strokeStyle = color("ink");
    pen.strokeRect(0.5, line(now), columns * CELL - 1, CELL);
  }

  /** The step that a point of the drawing stands for. @param {number} clientY */
  stepAt(clientY) {
    const box = this.el.getBoundingClientRect();
    return 1 + Math.floor(((clientY - box.top) / box.height) * (this.record.steps.length - 1));
  }
}

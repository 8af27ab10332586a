// @ts-check
// Three curves over the steps of a record, with their axes, and a line at the step on show.

import { svg } from "./dom.js";

/** @typedef {import("./record.js").RunRecord} RunRecord */

const WIDTH = 200, HEIGHT = 48, TOP = 3;

export class StepCurves {
  /** @param {HTMLElement} root @param {RunRecord} record */
  constructor(root, record) {
    this.record = record;
    this.frames = Object.fromEntries([.../** @type {NodeListOf<SVGElement>} */ (root.querySelectorAll("svg[data-curve]"))]
      .map((el) => {
        const name = el.dataset.curve ?? "";
        const drawn = svg(name === "committed" ? "path" : "polyline", { class: `tc-${name}` });
        const now = svg("line", { class: "tc-now", y1: 0, y2: HEIGHT });
        el.replaceChildren(drawn, now);
        const axis = el.parentElement?.querySelector(".tc-axis");
        return [name, { drawn, now, axis }];
      }));
  }

  /** @param {number} step */
  across(step) {
    return this.record.steps.length < 2 ? 0 : (step / Math.max(1, this.record.lastStep())) * WIDTH;
  }

  /** @param {number[][]} points */
  line(points) {
    const up = (/** @type {number} */ share) => (HEIGHT - TOP - share * (HEIGHT - 2 * TOP)).toFixed(1);
    return points.map(([step, share]) => `${this.across(step).toFixed(1)},${up(share)}`).join(" ");
  }

  draw() {
    const { steps, state } = this.record, length = state?.gen_length ?? 1;
    const sure = steps.map(({ step }) => [step, this.record.confidenceAt(step) ?? -1]).filter(([, share]) => share >= 0);
    this.frames.confidence.drawn.setAttribute("points", this.line(sure));
    this.frames.masks.drawn.setAttribute("points", this.line(steps.map(({ step, masks }) => [step, masks / length])));
    const most = Math.max(1, ...steps.map(({ transfer_index }) => transfer_index.length));
    this.frames.committed.drawn.setAttribute("d", this.bars(most));
    const tops = { confidence: "100%", masks: String(length), committed: String(most) };
    for (const [name, top] of Object.entries(tops)) {
      const { axis } = this.frames[name];
      if (axis) axis.textContent = top;
    }
  }

  /** @param {number} most */
  bars(most) {
    const width = Math.max(1, WIDTH / Math.max(1, this.record.lastStep()) - 1);
    return this.record.steps.slice(1).map(({ step, transfer_index }) => {
      const height = (transfer_index.length / most) * (HEIGHT - 2 * TOP);
      return `M${this.across(step) - width} ${HEIGHT}v${-height}h${width}v${height}z`;
    }).join("");
  }

  /** @param {number} step */
  point(step) {
    for (const { now } of Object.values(this.frames)) {
      now.setAttribute("x1", String(this.across(step)));
      now.setAttribute("x2", String(this.across(step)));
    }
  }
}

// @ts-check
// The order in which a run commits its tokens, on the map of position and step.

import { node } from "../../../viewer/static/dom.js";
import { StepMap } from "../../../viewer/static/step_map.js";
import { TokenRow } from "./row.js";
import { slider, Walk } from "./walk.js";

/** The step from which on the first choice at a position is what it ended as, having been something else before.
 *  @param {import("../../../viewer/static/record.js").RunRecord} record @param {number} position */
export function changeOfMind(record, position) {
  const end = record.tokenAt(position, record.steps.length - 1)?.piece;
  for (let step = record.steps.length - 1; step > 1; step--) {
    const now = record.tokenProbsAt(position, step)[0]?.piece, before = record.tokenProbsAt(position, step - 1)[0]?.piece;
    if (now === end && before && before !== end) return step;
  }
  return 0;
}

export class OrderLesson extends Walk {
  /** The positions of the two framed tokens. */
  get framed() {
    const { left_at: left, right_at: right } = this.lesson.values;
    return { left, right };
  }

  async begin() {
    this.row = new TokenRow(this.say("row"));
    this.map = /** @type {HTMLCanvasElement} */ (node("canvas", "tc-map le-map"));
    this.map.setAttribute("role", "img");
    this.map.setAttribute("aria-label", this.say("map"));
    this.drawing = new StepMap(this.map, this.row.record);
    this.scrub = slider(this.say("step"), [0, 1, 1], 0, (step) => this.seek(step));
    this.scrub.input.disabled = true;
    this.map.addEventListener("click", ({ clientY }) => {
      if (!this.scrub?.input.disabled) this.seek(this.drawing?.stepAt(clientY) ?? 0);
    });
    this.facts = node("p", "le-facts");
    const frame = node("div", "tc le-map-frame");
    frame.append(this.map, node("p", "le-small-print", this.say("legend")));
    this.show(this.row.root, this.scrub.label, this.facts, frame);
    const { state } = await this.ask("order");
    this.state = state;
    this.row.read(state, 0);
    this.frameCells();
  }

  frameCells() {
    for (const at of Object.values(this.framed)) this.row?.signs.set(at, "framed");
    this.row?.show(this.row.step);
  }

  /** @param {number} step */
  seek(step) {
    const { row, scrub } = this;
    if (!row || !scrub) return;
    row.stop();
    row.show(step);
    this.follow(row.step);
    if (row.step === changeOfMind(row.record, this.framed.left)) this.complete({ step: row.step });
  }

  /** @param {number} step */
  follow(step) {
    const { row, scrub } = this;
    if (!row || !scrub || !this.facts) return;
    scrub.input.max = String(row.last);
    scrub.set(step);
    this.drawing?.draw(step);
    const kept = row.record.steps[step]?.transfer_index.map(([position]) => `“${row.word(position, step)}”`).join(", ");
    const values = { step, words: kept || "–", guess: row.word(this.framed.left, step) || "–" };
    this.page.texts.say(this.facts, this.say("at", values));
  }

  async act() {
    const { row } = this;
    if (!row) return;
    await row.play(0, (step) => this.follow(step));
    const when = (/** @type {number} */ at) => row.record.tokenAt(at, row.last)?.step ?? 0;
    const at = this.framed, left = when(at.left), right = when(at.right);
    const values = { left, right, before: row.word(at.left, right), after: row.word(at.left, row.last) };
    this.reveal(left === right ? "together" : left < right ? "left" : "right", values);
  }

  revealed() {
    if (this.scrub) this.scrub.input.disabled = false;
  }

  end() {
    this.row?.stop();
  }
}

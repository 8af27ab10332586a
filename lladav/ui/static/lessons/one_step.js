// @ts-check
// One step: what the model believes at every mask, and which of it is committed.

import { node, percent } from "../../../viewer/static/dom.js";
import { paintBars, TokenRow } from "./row.js";
import { Walk } from "./walk.js";

/** The state as it stood within the step after `step`: its proposals are known, and none is committed yet.
 *  @param {any} state @param {number} step */
export function proposed(state, step) {
  const [number, nfe, ms, block, , , token_probs] = JSON.parse(state.log[step + 1]);
  const line = JSON.stringify([number, nfe, ms, block, null, [], token_probs, []]);
  return { ...state, run: `${state.run}-${step}`, log: [...state.log.slice(0, step + 1), line] };
}

export class OneStepLesson extends Walk {
  async begin() {
    /** @type {number} */
    this.step = 0;
    this.tries = 0;
    this.chosen = -1;
    this.row = new TokenRow(this.say("row"), (position) => this.choose(position));
    this.row.pointed = (position) => this.point(position);
    this.pointedAt = node("p", "le-facts", this.say("point"));
    this.beliefs = node("ol");
    const card = node("div", "le-card");
    card.append(this.pointedAt, this.beliefs);
    this.show(this.row.root, card);
    await new Promise((/** @type {(value?: unknown) => void} */ resolve) => {  // the first step is all it takes
      const take = (/** @type {any} */ state) => {
        if (state.log.length < 2) return;
        if (this.state) this.state = state;
        else this.offer(state);
        resolve();
      };
      void this.ask("one-step", {}, ({ state }) => take(state)).then(({ state }) => take(state));
    });
  }

  /** Shows the proposals of the next step. @param {any} state */
  offer(state) {
    this.state = state;
    this.row?.read(proposed(state, this.step ?? 0));
    if (this.chosen !== undefined && this.chosen >= 0) this.choose(this.chosen);
    else this.point(0);
  }

  /** @param {number} position */
  point(position) {
    if (!this.row || !this.beliefs || !this.pointedAt) return;
    const { row } = this;
    this.page.texts.say(this.pointedAt, this.say("pointed", { position: position + 1 }));
    paintBars(this.beliefs, row.beliefs(position, row.step));
  }

  /** @param {number} position */
  choose(position) {
    const { row } = this;
    if (!row || row.record.tokenAt(position, row.step)) return;
    this.chosen = position;
    row.signs.clear();
    row.signs.set(position, "chosen");
    row.show(row.step);
    if (!this.guess) this.commit(String(position));
    this.go.disabled = false;
    this.point(position);
  }

  async act() {
    const { row, state } = this;
    if (!row || !state || this.chosen === undefined || this.chosen < 0) return;
    const next = Number(this.step) + 1, [line] = JSON.parse(state.log[next])[5];
    const [position, , confidence] = line, right = this.chosen === position;
    row.read({ ...state, run: `${state.run}-after-${next}`, log: state.log.slice(0, next + 1) });
    row.signs.set(this.chosen, right ? "right" : "wrong");
    row.show(row.last);
    const values = {
      word: row.word(position, next), position: position + 1, sure: percent(confidence), guess: this.chosen + 1,
    };
    const first = !this.outcome.childElementCount;
    this.guess = String(this.chosen);
    this.reveal(String(position), values);
    if (!first && right) this.complete(values);
    if (this.pointedAt) this.page.texts.say(this.pointedAt, this.say("kept", values));
    this.step = next;
    this.chosen = -1;
    this.go.textContent = this.say("next");
    this.prepare();
  }

  /** The next step's proposals, once the reader has looked at what this one kept. */
  prepare() {
    const { row, state, step } = this;
    if (!row || step === undefined || step > state.log.length - 2) return;
    const kept = new Map(row.signs);
    row.read(proposed(state, step));
    for (const [position, sign] of kept) row.signs.set(position, sign);
    row.show(row.last);
  }

  async run() {
    await super.run();
    this.go.disabled = true;  // until a cell is chosen
  }
}

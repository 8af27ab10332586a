// @ts-check
// A wrong word: masked again by hand, and then by WINO.

import { button, node } from "../../../viewer/static/dom.js";
import { TokenRow } from "./row.js";
import { Walk } from "./walk.js";

/** @type {Record<string, number[]>} */
const GUESSES = { noun: [7], pair: [6, 7] };  // where the wrong noun and its article stand

export class TakingBackLesson extends Walk {
  async begin() {
    this.row = new TokenRow(this.say("row"), (position) => this.mark(position));
    this.again = button("le-small", this.say("again"), () => void this.maskChosen());
    this.wino = button("le-small", this.say("wino"), () => void this.runWino());
    this.again.disabled = this.wino.disabled = true;
    this.facts = node("p", "le-facts");
    const controls = node("div", "le-controls");
    controls.append(this.again, this.wino);
    this.show(this.row.root, controls, this.facts);
    const reply = await this.ask("draft", { positions: [] });
    this.row.read(reply.state);
    this.length = Number(reply.state.gen_length);
    this.tell("drafted", { text: reply.text });
  }

  /** @param {string} key @param {Record<string, string | number>} values */
  tell(key, values) {
    if (this.facts) this.page.texts.say(this.facts, this.say(key, values));
  }

  /** @param {number} position */
  mark(position) {
    const { row } = this;
    if (!row || !this.again || this.again.disabled) return;
    row.selection.toggle(position);
    row.show(row.step);
  }

  /** Back to the draft, of which `positions` are masked and filled again. @param {number[]} positions */
  async fill(positions) {
    const reply = await this.ask(`mask-${positions.join("-")}`, { positions });
    if (!reply.state || !this.row) return "";
    this.row.read(reply.state);
    for (const at of positions) this.row.signs.set(at, "framed");
    this.row.show(this.row.last);
    this.tell("filled", { text: reply.text });
    return reply.text;
  }

  async maskChosen() {
    const { row, length = 0 } = this, positions = row?.selection.chosen.filter((position) => position < length) ?? [];
    if (positions.length) await this.fill(positions);
    else this.tell("none", {});
  }

  async act() {
    const text = await this.fill(GUESSES[this.guess] ?? []);
    const other = this.guess === "pair" ? "noun" : "pair";
    const reply = await this.ask(`mask-${GUESSES[other].join("-")}`, { positions: GUESSES[other] });
    const values = { one: this.guess === "noun" ? text : reply.text, two: this.guess === "pair" ? text : reply.text };
    this.reveal(values.one === this.lesson.values.put_right ? "noun" : "pair", values);
  }

  revealed() {
    if (this.again && this.wino) this.again.disabled = this.wino.disabled = false;
  }

  async runWino() {
    const { row } = this;
    if (!row) return;
    const reply = await this.ask("wino");
    row.read(reply.state, 0);
    await row.play(0, (step) => {
      const back = row.record.steps[step].revoked_index.map((at) => `“${row.word(at, step - 1)}”`).join(", ");
      this.tell(back ? "revoked" : "stepped", { step, words: back });
    });
    this.tell("finished", { text: reply.text, passes: reply.nfe });
    this.complete({ text: reply.text, passes: reply.nfe });
  }

  end() {
    this.row?.stop();
  }
}

// @ts-check
// All at once, or left to right: a race with the autoregressive twin, and a blank in the middle.

import { button, node } from "../../../viewer/static/dom.js";
import { TokenRow } from "./row.js";
import { Walk } from "./walk.js";

const RUNNERS = ["masks", "twin"];

export class RaceLesson extends Walk {
  async begin() {
    this.rows = RUNNERS.map((name) => new TokenRow(this.say(name)));
    this.facts = RUNNERS.map(() => node("p", "le-facts"));
    const lanes = this.rows.map((row, index) => {
      const lane = node("div", "le-lane");
      lane.append(node("h3", "le-lane-name", this.say(RUNNERS[index])), row.root, this.facts?.[index] ?? "");
      return lane;
    });
    this.fill = button("le-small", this.say("fill"), () => void this.fillBoth());
    this.fill.disabled = true;
    this.show(...lanes, this.fill);
    const recorded = await this.page.mail.recorded(this.lesson.name);
    this.rows.forEach((row, index) => row.read({ ...recorded[RUNNERS[index]].state, run: `start-${index}` }, 0));
    this.source.textContent = this.common("ready");
  }

  async act() {
    const answers = [];
    for (const [index, name] of RUNNERS.entries()) {
      const answer = await this.ask(name, {}, ({ state }) => this.rows?.[index].read(state));
      answers.push(answer);
      this.rows?.[index].read(answer.state);
      this.tell(index, "took", { passes: answer.nfe, seconds: answer.seconds.toFixed(2), text: answer.text });
    }
    const [masks, twin] = answers;
    const happened = masks.nfe < twin.nfe ? "masks" : masks.nfe > twin.nfe ? "twin" : "same";
    this.reveal(happened, { masks: masks.nfe, twin: twin.nfe, masksTime: masks.seconds.toFixed(2), twinTime: twin.seconds.toFixed(2) });
  }

  /** @param {number} index @param {string} key @param {Record<string, string | number>} values */
  tell(index, key, values) {
    const facts = this.facts?.[index];
    if (facts) this.page.texts.say(facts, this.say(key, values));
  }

  revealed() {
    if (this.fill) this.fill.disabled = false;
  }

  async fillBoth() {
    /** @type {string[]} */
    const texts = [];
    for (const [index, name] of ["fill", "fill-twin"].entries()) {
      const answer = await this.ask(name);
      this.rows?.[index].read(answer.state);
      this.tell(index, "filled", { text: answer.text });
      texts.push(answer.text);
    }
    this.complete({ masks: texts[0], twin: texts[1] });
  }
}

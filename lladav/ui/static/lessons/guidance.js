// @ts-check
// Guidance and temperature, on logits of the model that the browser guides and tempers itself.

import { node, percent } from "../../../viewer/static/dom.js";
import { paintBars } from "./row.js";
import { segments, slider, Walk } from "./walk.js";

const CANDIDATES = 8, DRAWS = 20;
const SCALES = /** @type {[number, number, number]} */ ([0, 4, 0.1]), HEATS = /** @type {[number, number, number]} */ ([0, 3, 0.1]);

/** softmax of guided logits: u + (w + 1)(c - u) over the temperature, or the most probable one where that is 0.
 *  @param {number[]} conditional @param {number[]} unconditional @param {number} scale @param {number} temperature */
export function tempered(conditional, unconditional, scale, temperature) {
  const logits = conditional.map((one, at) => unconditional[at] + (scale + 1) * (one - unconditional[at]));
  const most = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  if (temperature === 0) return logits.map((one) => Number(one === most));
  const weights = logits.map((one) => Math.exp((one - most) / temperature)), sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((one) => one / sum);
}

export class GuidanceLesson extends Walk {
  async begin() {
    this.scale = 0;
    this.heat = 1;
    this.blank = "misled";
    /** @type {Map<string, Record<string, any>>} */
    this.replies = new Map();
    const options = ["misled", "helped"].map((key) => /** @type {[string, string]} */ ([key, this.say(`blanks.${key}`)]));
    this.tabs = segments(this.say("blank"), options, "misled", (key) => void this.choose(key));
    this.sentence = node("p", "le-sentence");
    this.bars = node("ol");
    this.guide = slider(this.say("scale"), SCALES, 0, (scale) => this.set(scale, this.heat ?? 1), (scale) => scale.toFixed(1));
    this.warm = slider(this.say("temperature"), HEATS, 1, (heat) => this.set(this.scale ?? 0, heat), (heat) => heat.toFixed(1));
    this.guide.input.disabled = this.warm.input.disabled = true;
    this.facts = node("p", "le-facts");
    this.draws = node("p", "le-facts le-draws");
    this.show(this.tabs, this.sentence, this.bars, this.guide.label, this.warm.label, this.facts, this.draws);
    await this.choose("misled");
  }

  /** @param {string} blank */
  async choose(blank) {
    this.blank = blank;
    const reply = this.replies?.get(blank) ?? await this.ask(blank);
    this.replies?.set(blank, reply);
    /** @type {HTMLImageElement} */ (this.stage.querySelector(".le-picture")).src = this.page.pictures[reply.picture];
    if (this.sentence) this.sentence.textContent = `${reply.before} ▒▒▒${reply.after}`;
    this.paint();
  }

  /** @param {number} scale @param {number} heat */
  set(scale, heat) {
    this.scale = scale;
    this.heat = heat;
    this.paint();
    const [first] = this.ranked();
    if (scale === 0 && heat > 0 && first.probability < 0.5) this.complete({ heat: heat.toFixed(1), sure: percent(first.probability) });
  }

  /** Words and probabilities as they are now, the most probable first. */
  ranked() {
    const reply = this.replies?.get(this.blank ?? "") ?? { pieces: [], conditional: [], unconditional: [] };
    const probabilities = tempered(reply.conditional, reply.unconditional, this.scale ?? 0, this.heat ?? 1);
    return probabilities.map((probability, at) => ({ name: String(reply.pieces[at]).trim() || "␣", probability, taken: false }))
      .sort((a, b) => b.probability - a.probability);
  }

  paint() {
    const { bars, facts, draws } = this, rows = this.ranked();
    if (!bars || !facts || !draws) return;
    rows[0].taken = true;
    paintBars(bars, rows.slice(0, CANDIDATES));
    facts.textContent = this.say("now", { word: rows[0].name, sure: percent(rows[0].probability), scale: (this.scale ?? 0).toFixed(1), heat: (this.heat ?? 1).toFixed(1) });
    draws.textContent = this.say("draws", { words: Array.from({ length: DRAWS }, () => drawn(rows)).join(" · ") });
  }

  /** @param {string} word */
  share(word) {
    return this.ranked().find(({ name }) => name === word)?.probability ?? 0;
  }

  async act() {
    if (this.blank !== "misled") await this.choose("misled");
    this.set(0, 1);
    const before = this.share(this.lesson.values.right_word);
    this.guide?.set(1);
    this.warm?.set(1);
    this.set(1, 1);
    const after = this.share(this.lesson.values.right_word), [first] = this.ranked();
    const values = { before: percent(before), after: percent(after), word: first.name, sure: percent(first.probability) };
    this.reveal(after > before ? "rises" : "falls", values);
  }

  revealed() {
    if (this.guide && this.warm) this.guide.input.disabled = this.warm.input.disabled = false;
  }
}

/** One word, as often as it is probable. @param {{name: string, probability: number}[]} rows */
function drawn(rows) {
  let left = Math.random();
  return (rows.find(({ probability }) => (left -= probability) < 0) ?? rows[0]).name;
}

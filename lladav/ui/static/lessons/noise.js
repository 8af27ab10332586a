// @ts-check
// A sentence of the reader's own under masks, and what one forward pass makes of it.

import { button, node } from "../../../viewer/static/dom.js";
import { TokenRow } from "./row.js";
import { segments, slider, Walk } from "./walk.js";

const FIRST_LEVEL = 0.6, SENTENCE = "I see a pizza, a banana and an apple.", LETTERS = 120;
let drawings = 0;  // so far, for names of states
const LEVEL_RANGE = /** @type {[number, number, number]} */ ([0.1, 1, 0.1]);

/** A state that shows the words of a reply which are not masked at a level, and nothing else.
 *  @param {Record<string, any>} reply @param {string} name of the level @param {string} run */
export function maskedState(reply, name, run) {
  const masked = new Set(reply.masks[name]);
  const words = [...reply.words.map((/** @type {string} */ word, /** @type {number} */ at) => `${reply.ids[at]} t${word}`)];
  const pieces = [...words, "0 s<|eot_id|>"];
  const template = pieces.map((_, at) => [at, at]).filter(([at]) => !masked.has(at));
  return /** @type {any} */ ({
    run, gen_length: pieces.length, block_length: pieces.length, steps: 1, seed: null, template, pins: [], carried: [],
    edit: null, editable: false, live: false, play: false, pieces, log: [JSON.stringify([0, 0, 0, 0, masked.has(words.length) ? null : words.length, [], [], []])], text: "", finish_reason: "length",
  });
}

export class NoiseLesson extends Walk {
  async begin() {
    this.level = FIRST_LEVEL;
    this.seed = 1;
    this.picture = this.lesson.picture;
    this.row = new TokenRow(this.say("row"));
    this.facts = node("p", "le-facts");
    this.formula = node("p", "le-formula");
    this.field = /** @type {HTMLInputElement} */ (node("input", "le-field"));
    Object.assign(this.field, { type: "text", value: SENTENCE, maxLength: LETTERS });
    this.field.setAttribute("aria-label", this.say("sentence"));
    this.field.addEventListener("change", () => void this.draw());
    this.time = slider(this.say("time"), LEVEL_RANGE, this.level, (level) => this.mask(level), (level) => level.toFixed(1));
    const again = button("le-small", this.say("again"), () => {
      this.seed = (this.seed ?? 1) + 1;
      void this.draw();
    });
    const controls = node("div", "le-controls");
    controls.append(this.time.label, again);
    const pictures = Object.keys(this.page.pictures);
    const names = pictures.map((name) => /** @type {[string, string]} */ ([name, this.page.texts.at(`pictures.${name}`)]));
    const picker = segments(this.say("picture"), names, this.picture, (name) => this.look(name));
    picker.classList.add("le-pictures");
    this.show(picker, this.field, this.row.root, controls, this.facts, this.formula);
    await this.draw();
  }

  /** @param {string} picture */
  look(picture) {
    this.picture = picture;
    /** @type {HTMLImageElement} */ (this.stage.querySelector(".le-picture")).src = this.page.pictures[picture];
    void this.draw();
  }

  get request() {
    return `t-${(this.level ?? FIRST_LEVEL).toFixed(1)}`;
  }

  async send() {
    const values = { sentence: this.field?.value ?? "", picture: this.picture, seed: this.seed };
    const reply = await this.ask(this.request, values);
    if (reply.words) this.reply = reply;
    return Boolean(reply.words);
  }

  /** The masks of another draw, or of another sentence. */
  async draw() {
    if (await this.send()) this.mask(this.level ?? FIRST_LEVEL);
  }

  /** @param {number} level */
  mask(level) {
    this.level = level;
    const { reply } = this;
    if (!reply) return;
    this.row?.read(maskedState(reply, this.request, `noise-${++drawings}`));
    const masked = reply.masks[this.request].length;
    this.tell("masked", { t: level.toFixed(1), masked, length: reply.length });
    if (this.formula) this.formula.textContent = "";
  }

  /** @param {string} key @param {Record<string, string | number>} values */
  tell(key, values) {
    if (this.facts) this.page.texts.say(this.facts, this.say(key, values));
  }

  async act() {
    if (!await this.send() || !this.reply || !this.row) return;
    const { reply, row } = this, masks = /** @type {number[]} */ (reply.masks[this.request]);
    row.read({ ...reply.state, run: `noise-${++drawings}` });
    const right = masks.filter((/** @type {number} */ at) => {
      const piece = row.record.tokenAt(at, row.last)?.piece;
      return at === reply.ids.length ? piece?.kind === "s" : piece?.id === reply.ids[at];
    });
    for (const at of masks) row.signs.set(at, right.includes(at) ? "right" : "wrong");
    row.show(row.last);
    const values = {
      t: (this.level ?? 0).toFixed(1), p: reply.p.toFixed(2), weight: (1 / reply.p).toFixed(2), masked: masks.length,
      length: reply.length, right: right.length, loss: reply.loss.toFixed(2), sum: (reply.loss * reply.p * reply.length).toFixed(2),
    };
    this.tell("recovered", values);
    if (this.formula) this.page.texts.say(this.formula, this.say("formula", values));
    const share = right.length / masks.length;
    this.reveal(share === 1 ? "all" : share > 0.5 ? "most" : "few", values);
    if (share < 1) this.complete(values);
  }
}

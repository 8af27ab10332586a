// @ts-check
// One question under several numbers of steps and lengths of a block.

import { node } from "../../../viewer/static/dom.js";
import { TokenRow } from "./row.js";
import { segments, slider, Walk } from "./walk.js";

const STEPS = [4, 8, 16, 32], BLOCKS = ["32", "16", "8"], BEST = "32-32", FEW = 16, FEWEST = 4;

/** A word that one step has committed at two places beside each other. @param {TokenRow} row */
export function twiceInARow(row) {
  const { record, last } = row;
  for (let position = 1; position < record.endAt(last); position++) {
    const one = record.tokenAt(position - 1, last), other = record.tokenAt(position, last);
    if (one && one.step === other?.step && one.piece === other.piece) return { word: row.word(position, last), step: one.step };
  }
  return null;
}

export class BudgetLesson extends Walk {
  async begin() {
    this.steps = 32;
    this.block = "32";
    /** What was answered so far, by settings. @type {Map<string, {text: string, nfe: number}>} */
    this.answers = new Map();
    this.row = new TokenRow(this.say("row"));
    this.row.root.classList.add("le-orders");
    const range = /** @type {[number, number, number]} */ ([0, STEPS.length - 1, 1]);
    this.scale = slider(this.say("steps"), range, 3, (index) => this.set(STEPS[index], this.block ?? "32"), (index) => String(STEPS[index]));
    const blocks = BLOCKS.map((length) => /** @type {[string, string]} */ ([length, length]));
    const row = node("div", "le-controls"), named = node("div", "le-named");
    named.append(node("span", "", this.say("block")), segments(this.say("block"), blocks, "32", (block) => this.set(this.steps ?? 32, block)));
    row.append(this.scale.label, named);
    this.facts = node("p", "le-facts");
    this.table = node("table", "le-table");
    this.show(row, this.row.root, this.facts, this.table);
    this.scale.input.disabled = true;
    this.show(node("p", "le-small-print", this.say("legend")));
    await this.decode();
  }

  /** @param {number} steps @param {string} block */
  set(steps, block) {
    this.steps = steps;
    this.block = block;
    void this.decode();
  }

  async decode() {
    const name = `${this.steps}-${this.block}`;
    const paint = (/** @type {Record<string, any>} */ reply) => this.row?.read(reply.state);
    const reply = await this.ask(name, {}, paint);
    paint(reply);
    this.row?.show(this.row.last);
    this.answers?.set(name, { text: reply.text, nfe: reply.nfe });
    this.tell(name, reply);
  }

  /** @param {string} name @param {Record<string, any>} reply */
  tell(name, reply) {
    const { answers, facts, table } = this, best = answers?.get(BEST)?.text;
    if (!answers || !facts || !table) return;
    const rate = (32 / (this.steps ?? 32)).toFixed(0);
    this.page.texts.say(facts, this.say("took", { passes: reply.nfe, rate }));
    const lines = [...answers].map(([settings, { text, nfe }]) => {
      const line = node("tr"), [steps, block] = settings.split("-");
      const sign = text === best ? "✓" : "≠";
      line.append(...[steps, block, nfe, sign, text].map((cell) => node("td", "", String(cell))));
      line.dataset.now = String(settings === name);
      return line;
    });
    const head = node("tr");
    head.append(...["steps", "block", "passes", "same", "answer"].map((key) => node("th", "", this.say(key))));
    table.replaceChildren(head, ...lines);
    if ((this.steps ?? 32) <= FEW && reply.text === best) this.complete({ passes: reply.nfe });
  }

  async act() {
    if (!this.scale) return;
    this.scale.set(STEPS.indexOf(FEWEST));
    this.steps = FEWEST;
    await this.decode();
    const twice = this.row && twiceInARow(this.row), text = this.answers?.get(`${FEWEST}-32`)?.text ?? "";
    const happened = twice ? "agreement" : text === this.answers?.get(BEST)?.text ? "nothing" : "things";
    this.reveal(happened, { text, word: twice?.word ?? "–", step: twice?.step ?? "–" });
  }

  revealed() {
    if (this.scale) this.scale.input.disabled = false;
  }
}

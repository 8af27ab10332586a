// @ts-check
// The view for a projector: one run in large cells, a key for each step, and a line that says what happened in it.

import { button, node, percent } from "../../../viewer/static/dom.js";
import { TokenRow } from "./row.js";

const SLOW_MS = 3000;
const KEYS = { " ": 1, ArrowRight: 1, PageDown: 1, ArrowLeft: -1, PageUp: -1 };  // the keys of a presenter's remote control, too

export class Teach {
  /** @param {import("./walk.js").Page} page @param {import("./walk.js").Lesson} lesson that has a run
   *  @param {HTMLElement} words @param {HTMLElement} stage */
  constructor(page, lesson, words, stage) {
    this.page = page;
    this.lesson = lesson;
    this.timer = 0;
    this.row = new TokenRow(this.say("row"));
    this.line = node("p", "le-narration");
    this.line.setAttribute("aria-live", "polite");
    this.next = button("le-go", this.say("step"), () => this.go(1));
    this.auto = button("le-small", this.say("play"), () => this.toggle());
    const question = node("p", "le-question", lesson.question), image = /** @type {HTMLImageElement} */ (node("img", "le-picture"));
    image.src = page.pictures[lesson.picture];
    image.alt = page.texts.at(`pictures.${lesson.picture}`);
    words.replaceChildren(image, question);
    const keys = node("div", "le-controls");
    keys.append(this.next, this.auto, node("span", "le-small-print", this.say("keys")));
    stage.replaceChildren(this.row.root, this.line, keys);
    this.onKey = (/** @type {KeyboardEvent} */ event) => this.key(event);
    addEventListener("keydown", this.onKey);
    void this.begin();
  }

  /** @param {string} key @param {Record<string, string | number>} [values] */
  say(key, values) {
    return this.page.texts.at(`teach.${key}`, values);
  }

  async begin() {
    const recorded = await this.page.mail.recorded(this.lesson.name);
    this.reply = recorded[this.lesson.run];
    this.row.read(this.reply.state, 0);
    this.narrate();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const by = KEYS[/** @type {keyof typeof KEYS} */ (event.key)];
    const busy = /** @type {HTMLElement} */ (event.target).closest?.("button, select, input, textarea, .le-row");
    if (!by || busy) return;
    event.preventDefault();
    this.go(by);
  }

  /** @param {number} by */
  go(by) {
    this.row.show(this.row.step + by);
    this.narrate();
  }

  toggle() {
    if (this.timer) this.pause();
    else this.timer = setInterval(() => (this.row.step < this.row.last ? this.go(1) : this.pause()), SLOW_MS);
    this.auto.textContent = this.say(this.timer ? "pause" : "play");
  }

  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.auto.textContent = this.say("play");
  }

  narrate() {
    const { row } = this, { step, record } = row, masks = record.masksAt(step);
    const { transfer_index = [], revoked_index = [] } = record.steps[step] ?? {};
    const words = transfer_index.map(([position, , sure]) => `“${row.word(position, step)}” (${percent(sure)})`).join(", ");
    const back = revoked_index.map((position) => `“${row.word(position, step - 1)}”`).join(", ");
    const values = { step, words, back, masks, text: this.reply?.text ?? "", passes: this.reply?.nfe ?? 0 };
    const key = step === 0 ? "start" : step === row.last ? "end" : back ? "back" : "kept";
    this.page.texts.say(this.line, this.say(key, values));
  }

  end() {
    this.pause();
    removeEventListener("keydown", this.onKey);
  }
}

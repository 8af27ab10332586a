// @ts-check
// The walk through a lesson: its idea, a guess that the reader commits to, what then happens, and a check by doing.

import { button, node } from "../../../viewer/static/dom.js";

/** @typedef {import("./texts.js").Texts} Texts */
/** @typedef {import("./mail.js").Mail} Mail */
/** @typedef {{name: string, picture: string, question: string, choices: string[], outcome: string, run: string,
 *    values: Record<string, any>}} Lesson */
/** @typedef {{texts: Texts, mail: Mail, pictures: Record<string, string>, finished: (name: string) => void}} Page */

export class Walk {
  /** @param {Page} page @param {Lesson} lesson @param {HTMLElement} words @param {HTMLElement} stage */
  constructor(page, lesson, words, stage) {
    this.page = page;
    this.lesson = lesson;
    this.words = words;
    this.stage = stage;
    this.guess = "";
    this.source = node("p", "le-source");
    this.source.setAttribute("role", "status");
    this.title = node("h2", "le-title", this.say("title"));
    this.title.tabIndex = -1;
    this.choices = node("div", "le-choices");
    this.choices.setAttribute("role", "group");
    this.go = button("le-go", this.say("go"), () => void this.run());
    this.go.disabled = true;
    this.outcome = node("div", "le-outcome");
    this.outcome.setAttribute("aria-live", "polite");
    this.check = node("div", "le-check");
    this.check.setAttribute("aria-live", "polite");
    /** Ends the wait for what was asked before. */
    this.replaced = () => {};
    this.layOut();
  }

  /** A text of this lesson. @param {string} key @param {Record<string, string | number>} [values] */
  say(key, values) {
    return this.page.texts.at(`lessons.${this.lesson.name}.${key}`, { ...this.lesson.values, ...values });
  }

  /** A text that all lessons share. @param {string} key @param {Record<string, string | number>} [values] */
  common(key, values) {
    return this.page.texts.at(`page.${key}`, values);
  }

  /** @param {string} className @param {string} text */
  paragraph(className, text) {
    return this.page.texts.say(node("p", className), text);
  }

  layOut() {
    const ask = node("h3", "le-ask", this.say("ask"));
    this.choices.setAttribute("aria-label", this.say("ask"));
    for (const key of this.lesson.choices) {
      const choice = button("le-choice", this.say(`choices.${key}`), () => this.commit(key));
      choice.dataset.choice = key;
      choice.setAttribute("aria-pressed", "false");
      this.choices.append(choice);
    }
    const doing = node("div", "le-doing");
    doing.append(this.go);
    this.words.replaceChildren(
      this.title, this.paragraph("le-idea", this.say("idea")), ask, this.choices, doing, this.outcome, this.check);
    this.stage.replaceChildren(this.about(this.lesson.picture, this.lesson.question), this.source);
  }

  /** The picture and the question. @param {string} picture @param {string} question */
  about(picture, question) {
    const about = node("div", "le-about"), image = /** @type {HTMLImageElement} */ (node("img", "le-picture"));
    image.src = this.page.pictures[picture];
    image.alt = this.page.texts.at(`pictures.${picture}`);
    about.append(image, node("p", "le-question", question));
    return about;
  }

  /** Puts what a lesson shows between the question and the note on where it comes from. @param {HTMLElement[]} parts */
  show(...parts) {
    this.source.before(...parts);
  }

  /** Asks the model, and says whether it answered. @param {string} name @param {object} [values]
   *  @param {(reply: Record<string, any>) => void} [grow] takes the answer while it grows
   *  @returns {Promise<Record<string, any>>} */
  async ask(name, values = {}, grow = () => {}) {
    if (this.stage.getAttribute("aria-busy") === "true") this.replaced();
    this.stage.setAttribute("aria-busy", "true");
    this.source.textContent = this.common("asking");
    const { reply, live, why } = await this.page.mail.ask(this.lesson.name, name, values, grow);
    this.source.textContent = live ? why || this.common("live") : this.common(`recorded.${why}`);
    this.source.dataset.live = String(live && !why);
    this.stage.setAttribute("aria-busy", "false");
    return reply;
  }

  /** The reader's guess, which stands. @param {string} key */
  commit(key) {
    if (this.guess) return;
    this.guess = key;
    for (const choice of /** @type {NodeListOf<HTMLButtonElement>} */ (this.choices.querySelectorAll("button"))) {
      choice.setAttribute("aria-pressed", String(choice.dataset.choice === key));
      choice.disabled = choice.dataset.choice !== key;
    }
    this.go.disabled = false;
    this.go.focus();
  }

  start() {
    this.begun = this.unlessReplaced(this.begin());
  }

  async run() {
    this.go.disabled = true;
    await this.begun;
    await this.unlessReplaced(this.act());
    this.go.disabled = false;
  }

  /** Waits for something, but not for what never comes: the mail has a place for one request, and where another is asked
   *  meanwhile the first gets no answer. @param {Promise<void>} work */
  async unlessReplaced(work) {
    await Promise.race([work, new Promise((resolve) => (this.replaced = () => resolve(undefined)))]);
  }

  /** Compares the guess with what happened, says why, and sets a task. @param {string} happened
   *  @param {Record<string, string | number>} values of the text @param {string} [key] of the text */
  reveal(happened, values, key = "reveal") {
    if (this.outcome.childElementCount) return;
    const right = happened === this.guess;
    const verdict = node("p", "le-verdict", this.common(right ? "right" : "wrong"));
    verdict.dataset.right = String(right);
    this.outcome.append(verdict, this.paragraph("le-why", this.say(key, values)));
    const task = node("h3", "le-ask", this.common("task"));
    this.check.append(task, this.paragraph("le-task", this.say("task", values)));
    this.revealed();
  }

  /** The task is done. @param {Record<string, string | number>} [values] */
  complete(values) {
    if (!this.outcome.childElementCount || this.check.dataset.done) return;
    this.check.dataset.done = "true";
    this.check.append(this.paragraph("le-done", `✓ ${this.say("done", values)}`));
    this.page.finished(this.lesson.name);
  }

  // ---- what each lesson does in its own way ----------------------------------------------------

  /** Paints the stage as it is before the guess. */
  async begin() {}

  /** What happens once the guess is made. */
  async act() {}

  /** What becomes possible once the outcome is known. */
  revealed() {}

  /** Stops what goes on. */
  end() {}
}

/** A slider with its name and its value. @param {string} name @param {[number, number, number]} range lowest, highest, step
 *  @param {number} value @param {(value: number) => void} moved @param {(value: number) => string} [spell] */
export function slider(name, [min, max, step], value, moved, spell = String) {
  const label = /** @type {HTMLLabelElement} */ (node("label", "le-slider"));
  const input = /** @type {HTMLInputElement} */ (node("input")), out = node("output", "", spell(value));
  Object.assign(input, { type: "range", min, max, step, value });
  const set = (/** @type {number} */ to) => {
    input.value = String(to);
    out.textContent = spell(to);
    input.setAttribute("aria-valuetext", spell(to));
  };
  input.addEventListener("input", () => {
    set(Number(input.value));
    moved(Number(input.value));
  });
  label.append(node("span", "", name), input, out);
  set(value);
  return { label, input, set };
}

/** Buttons of which one is chosen. @param {string} name @param {[string, string][]} options keys and labels
 *  @param {string} chosen @param {(key: string) => void} choose */
export function segments(name, options, chosen, choose) {
  const group = node("div", "le-segments");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", name);
  const press = (/** @type {string} */ key) => {
    for (const one of group.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one.dataset.key === key));
  };
  for (const [key, label] of options) {
    const one = button("", label, () => {
      press(key);
      choose(key);
    });
    one.dataset.key = key;
    group.append(one);
  }
  press(chosen);
  return group;
}

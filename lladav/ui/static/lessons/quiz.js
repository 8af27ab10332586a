// @ts-check
// Eight questions, to be answered before the lessons and after them. What was answered stays in the browser.

import { button, node } from "../../../viewer/static/dom.js";

const ANSWERS = "lladav-quiz";

/** @typedef {{before?: number[], after?: number[]}} Answers */

export class Quiz {
  /** @param {import("./walk.js").Page} page @param {Record<string, number>} right the numbers of the right choices
   *  @param {HTMLElement} words @param {HTMLElement} stage */
  constructor(page, right, words, stage) {
    this.page = page;
    this.right = right;
    this.words = words;
    this.stage = stage;
    /** @type {Answers} */
    this.answers = JSON.parse(localStorage.getItem(ANSWERS) ?? "{}");
    this.paint();
  }

  /** @param {string} key @param {Record<string, string | number>} [values] */
  say(key, values) {
    return this.page.texts.at(`quiz.${key}`, values);
  }

  get names() {
    return Object.keys(this.right);
  }

  /** @param {number[]} given */
  score(given) {
    return this.names.filter((name, index) => given[index] === this.right[name]).length;
  }

  paint() {
    const { before, after } = this.answers;
    const title = node("h2", "le-title", this.say("title"));
    title.tabIndex = -1;
    const intro = node("p", "le-idea", this.say(after ? "both" : before ? "again" : "intro"));
    this.words.replaceChildren(title, intro, ...(before ? [this.card()] : []));
    this.stage.replaceChildren(after ? this.solutions(after) : this.form());
  }

  form() {
    const form = /** @type {HTMLFormElement} */ (node("form", "le-quiz"));
    form.append(...this.names.map((name) => {
      const field = node("fieldset");
      field.append(node("legend", "", this.say(`questions.${name}.ask`)), ...this.options(name).map((text, index) => {
        const label = node("label"), input = /** @type {HTMLInputElement} */ (node("input"));
        Object.assign(input, { type: "radio", name, value: String(index), required: true });
        label.append(input, node("span", "", text));
        return label;
      }));
      return field;
    }));
    const send = /** @type {HTMLButtonElement} */ (node("button", "le-go", this.say("send")));
    send.type = "submit";
    form.append(send);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll("input:checked"));
      this.keep([...chosen].map(({ value }) => Number(value)));
    });
    return form;
  }

  /** @param {string} name @returns {string[]} */
  options(name) {
    return this.page.texts.all.quiz.questions[name].choices;
  }

  /** @param {number[]} given */
  keep(given) {
    this.answers[this.answers.before ? "after" : "before"] = given;
    localStorage.setItem(ANSWERS, JSON.stringify(this.answers));
    this.paint();
    /** @type {HTMLElement} */ (this.words.querySelector(".le-title")).focus();
  }

  /** @param {number[]} given */
  solutions(given) {
    const list = node("ol", "le-solutions");
    list.append(...this.names.map((name, index) => {
      const item = node("li"), options = this.options(name), right = this.right[name];
      item.append(node("p", "le-ask", this.say(`questions.${name}.ask`)),
        node("p", "le-verdict", `${given[index] === right ? "✓" : "✗"} ${options[right]}`));
      return item;
    }));
    return list;
  }

  /** What to print or to save. */
  card() {
    const { before = [], after } = this.answers, of = this.names.length;
    const card = node("div", "le-card le-result");
    const lines = [this.say("before", { right: this.score(before), of })];
    if (after) lines.push(this.say("after", { right: this.score(after), of }));
    card.append(node("h3", "le-ask", this.say("card")), ...lines.map((line) => node("p", "le-score", line)));
    const keys = node("div", "le-controls");
    keys.append(
      button("le-small", this.say("print"), () => window.print()),
      button("le-small", this.say("save"), () => this.save([this.say("card"), ...lines].join("\n"))),
      button("le-small", this.say("forget"), () => this.forget()));
    card.append(keys);
    return card;
  }

  /** @param {string} text */
  save(text) {
    const link = /** @type {HTMLAnchorElement} */ (node("a"));
    link.href = URL.createObjectURL(new Blob([`${text}\n`], { type: "text/plain" }));
    link.download = "llada-v.txt";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  forget() {
    this.answers = {};
    localStorage.removeItem(ANSWERS);
    this.paint();
  }
}

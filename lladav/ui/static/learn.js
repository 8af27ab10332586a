// @ts-check
// The Learn tab: its lessons, the quiz, and the view for a projector.
//
// value, once: {languages: {code: [name, address]}, recorded: address of the folder of recorded replies,
//               pictures: {name: address}, lessons: [Lesson, …], quiz: {question: number of the right choice},
//               places: how many runs the server has places for}
// and from then on letters, see mail.js. Triggers `ask` with {id, request} and `chat` with {lesson}.

import { button, find, node } from "../../viewer/static/dom.js";
import { BudgetLesson } from "./lessons/budget.js";
import { GuidanceLesson } from "./lessons/guidance.js";
import { InsideLesson } from "./lessons/inside.js";
import { LookingLesson } from "./lessons/looking.js";
import { Mail } from "./lessons/mail.js";
import { NoiseLesson } from "./lessons/noise.js";
import { OneStepLesson } from "./lessons/one_step.js";
import { OrderLesson } from "./lessons/order.js";
import { Quiz } from "./lessons/quiz.js";
import { RaceLesson } from "./lessons/race.js";
import { ReadingLesson } from "./lessons/reading.js";
import { TakingBackLesson } from "./lessons/taking_back.js";
import { Teach } from "./lessons/teach.js";
import { firstLanguage, rememberLanguage, Texts } from "./lessons/texts.js";

const FINISHED = "lladav-lessons";

/** @type {Record<string, typeof import("./lessons/walk.js").Walk>} */
const LESSON_SCRIPTS = {
  noise: NoiseLesson, "one-step": OneStepLesson, order: OrderLesson, budget: BudgetLesson,
  "taking-back": TakingBackLesson, guidance: GuidanceLesson, race: RaceLesson, looking: LookingLesson,
  inside: InsideLesson, reading: ReadingLesson,
};

class Learn {
  /** @param {HTMLElement} root @param {import("./gradio_adapter.js").Trigger} trigger */
  constructor(root, trigger) {
    this.root = root;
    this.trigger = trigger;
    /** @type {{lessons: any[], languages: Record<string, [string, string]>, pictures: Record<string, string>,
     *          quiz: Record<string, number>, recorded: string, places: number} | null} */
    this.value = null;
    this.finished = new Set(JSON.parse(localStorage.getItem(FINISHED) ?? "[]"));
    const query = new URLSearchParams(location.search);
    this.current = Math.max(0, Number(query.get("lesson") ?? 1) - 1 || 0);
    this.view = query.get("view") === "teach" ? "teach" : "learn";
    this.listen();
  }

  /** @param {any} value */
  update(value) {
    if (!value) return;
    if ("id" in value) this.mail?.deliver(value);
    else if (!this.value) this.begin(value);
  }

  /** Texts are asked for when the tab is opened. @param {NonNullable<Learn["value"]>} value */
  begin(value) {
    this.value = value;
    this.mail = new Mail(this.trigger, value.recorded, value.places);
    const watch = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      watch.disconnect();
      void this.speak(firstLanguage(Object.keys(value.languages)));
    });
    watch.observe(this.root);
  }

  listen() {
    const { root } = this;
    find(root, ".le-back").addEventListener("click", () => this.open(this.current - 1, true));
    find(root, ".le-next").addEventListener("click", () => this.open(this.current + 1, true));
    find(root, ".le-try").addEventListener("click", () => {
      this.trigger("chat", { lesson: this.value?.lessons[this.current].name });
      /** @type {HTMLElement | null} */ (document.querySelector("#tabs [data-tab-id=chat]"))?.click();
    });
    find(root, ".le-to-quiz").addEventListener("click", () => this.look(this.view === "quiz" ? "learn" : "quiz"));
    find(root, ".le-to-teach").addEventListener("click", () => this.look(this.view === "teach" ? "learn" : "teach"));
    find(root, ".le-language").addEventListener("change", ({ target }) => {
      const { value } = /** @type {HTMLSelectElement} */ (target);
      rememberLanguage(value);
      void this.speak(value);
    });
  }

  /** @param {string} language */
  async speak(language) {
    if (!this.value) return;
    const all = await (await fetch(this.value.languages[language][1])).json();
    this.texts = new Texts(all);
    this.root.lang = language;
    this.paintFrame(language);
    this.look(this.view);
  }

  /** @param {string} language */
  paintFrame(language) {
    const { texts, root, value } = this;
    if (!texts || !value) return;
    for (const el of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-text]")))
      el.textContent = texts.at(`page.${el.dataset.text}`);
    const choice = /** @type {HTMLSelectElement} */ (find(root, ".le-language"));
    choice.setAttribute("aria-label", texts.at("page.language"));
    choice.replaceChildren(...Object.entries(value.languages).map(([code, [name]]) => {
      const option = /** @type {HTMLOptionElement} */ (node("option", "", name));
      option.value = code;
      return option;
    }));
    choice.value = language;
    find(root, ".le-list").replaceChildren(...value.lessons.map(({ name }, index) => {
      const item = node("li"), one = button("", "", () => this.open(index, true));
      const title = texts.at(`lessons.${name}.title`), short = texts.at(`lessons.${name}.short`);
      one.append(node("span", "le-number", String(index + 1)), node("span", "le-name", short));
      one.setAttribute("aria-label", `${index + 1}. ${title}`);
      one.dataset.lesson = name;
      item.append(one);
      return item;
    }));
  }

  /** @param {string} view "learn", "teach" or "quiz" */
  look(view) {
    this.view = view;
    this.root.dataset.view = view;
    document.body.classList.toggle("le-teaching", view === "teach");
    this.teach?.end();
    this.teach = undefined;
    this.open(this.current);
  }

  /** What the parts of the tab share. */
  get page() {
    const { texts, mail, value } = this;
    if (!texts || !mail || !value) throw new Error("the tab has not been opened yet");
    return { texts, mail, pictures: value.pictures, finished: (/** @type {string} */ name) => this.finish(name) };
  }

  /** @param {number} index @param {boolean} [asked] whether the reader went there */
  open(index, asked = false) {
    const { value, root } = this;
    if (!value || !this.texts) return;
    if (asked && this.view === "quiz") this.root.dataset.view = this.view = "learn";
    this.walk?.end();
    this.walk = undefined;
    this.current = Math.max(0, Math.min(value.lessons.length - 1, index));
    const lesson = value.lessons[this.current], words = find(root, ".le-words"), stage = find(root, ".le-stage");
    root.dataset.lesson = String(this.current + 1);
    this.mark();
    if (this.view === "quiz") new Quiz(this.page, value.quiz, words, stage);
    else if (this.view === "teach") {
      this.teach?.end();
      this.teach = new Teach(this.page, lesson.run ? lesson : value.lessons.find(({ run }) => run), words, stage);
    } else {
      this.walk = new LESSON_SCRIPTS[lesson.name](this.page, lesson, words, stage);
      this.walk.start();
      if (asked) this.walk.title.focus();
    }
  }

  mark() {
    const { root, value } = this;
    root.querySelectorAll(".le-list button").forEach((one, index) => {
      const name = value?.lessons[index].name;
      one.setAttribute("aria-current", index === this.current ? "step" : "false");
      one.classList.toggle("le-finished", this.finished.has(name));
    });
    /** @type {HTMLButtonElement} */ (find(root, ".le-back")).disabled = this.current === 0;
    /** @type {HTMLButtonElement} */ (find(root, ".le-next")).disabled = this.current + 1 === value?.lessons.length;
    find(root, ".le-to-quiz").setAttribute("aria-pressed", String(this.view === "quiz"));
    find(root, ".le-to-teach").setAttribute("aria-pressed", String(this.view === "teach"));
  }

  /** @param {string} name of a lesson that was walked to its end */
  finish(name) {
    this.finished.add(name);
    localStorage.setItem(FINISHED, JSON.stringify([...this.finished]));
    this.mark();
  }
}

/** @type {import("./gradio_adapter.js").Painter} */
export function lessons(root, trigger) {
  return new Learn(root, trigger);
}

// @ts-check
// Lessons: each shows a stretch of a recorded run on one of the canvases of the tab.
//
// value: {canvases: selector of their frames, picture: of the runs,
//         lessons: [{title, text, canvas, first, last: step or null for the end}, …]}

import { button, find, node } from "../../viewer/static/dom.js";

const STEP_MS = 650;

/** @typedef {{title: string, text: string, canvas: number, first: number, last: number | null}} Lesson */

class Lessons {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    /** @type {Lesson[]} */
    this.all = [];
    this.canvases = "";
    this.current = this.step = this.timer = 0;
    find(root, ".le-moves").addEventListener("click", ({ target }) => {
      const move = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest("[data-go]"));
      if (move) this.show(this.current + Number(move.dataset.go));
    });
  }

  /** @param {{lessons: Lesson[], canvases: string, picture: string}} value */
  update({ lessons: all, canvases, picture }) {
    this.all = all;
    this.canvases = canvases;
    /** @type {HTMLImageElement} */ (find(this.root, ".le-picture")).src = picture;
    const items = all.map(({ title }, index) => {
      const item = node("li");
      item.append(button("", title, () => this.show(index)));
      return item;
    });
    find(this.root, ".le-list").replaceChildren(...items);
    requestAnimationFrame(() => this.show(0));  // once the canvases beside it are there
  }

  get frames() {
    return [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(this.canvases))];
  }

  /** The canvas of the lesson on show. */
  get canvas() {
    return this.frames[this.all[this.current].canvas]?.querySelector(".tc");
  }

  /** @param {boolean} playing */
  lead(playing) {
    this.canvas?.dispatchEvent(new CustomEvent("tokencanvas:lead", { detail: { step: this.step, playing } }));
  }

  advance() {
    const scrub = /** @type {HTMLInputElement} */ (this.canvas?.querySelector(".tc-scrub"));
    const end = this.all[this.current].last ?? Number(scrub.max);
    this.step = this.calm.matches ? end : this.step + 1;
    this.lead(this.step < end);
    this.timer = this.step < end ? setTimeout(() => this.advance(), STEP_MS) : 0;
  }

  /** @param {number} index */
  show(index) {
    const { all, root } = this;
    this.current = Math.max(0, Math.min(all.length - 1, index));
    const lesson = all[this.current], still = lesson.first === lesson.last;
    find(root, ".le-count").textContent = `${this.current + 1} of ${all.length}`;
    find(root, ".le-title").textContent = lesson.title;
    find(root, ".le-text").textContent = lesson.text;
    const disabled = { "-1": this.current === 0, 1: this.current === all.length - 1, 0: still };
    for (const [by, off] of Object.entries(disabled))
      /** @type {HTMLButtonElement} */ (find(root, `[data-go='${by}']`)).disabled = off;
    root.querySelectorAll(".le-list button").forEach((one, at) =>
      one.setAttribute("aria-current", at === this.current ? "step" : "false"));
    this.frames.forEach((frame, at) => { frame.dataset.shown = String(at === lesson.canvas); });
    clearTimeout(this.timer);
    this.step = lesson.first;
    this.lead(false);
    if (!still) this.timer = setTimeout(() => this.advance(), STEP_MS);
  }
}

/** @type {import("./gradio_adapter.js").Painter} */
export function lessons(root) {
  return new Lessons(root);
}

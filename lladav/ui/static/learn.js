// @ts-check
// Lessons: each shows a stretch of a recorded run on one of the canvases of the tab.
//
// value: {canvases: selector of their frames, picture: of the runs,
//         lessons: [{title, text, canvas, first, last: step or null for the end}, …]}

import { node } from "../../viewer/static/dom.js";

const STEP_MS = 650;

/** @typedef {{title: string, text: string, canvas: number, first: number, last: number | null}} Lesson */

/** @type {import("./gradio_adapter.js").Painter} */
export function lessons(root) {
  const $ = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (root.querySelector(selector));
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  /** @type {Lesson[]} */
  let all = [];
  let canvases = "", current = 0, step = 0, timer = 0;

  const frames = () => [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(canvases))];
  const canvasOf = (/** @type {Lesson} */ lesson) => frames()[lesson.canvas]?.querySelector(".tc");

  /** @param {boolean} playing */
  function lead(playing) {
    canvasOf(all[current])?.dispatchEvent(new CustomEvent("tokencanvas:lead", { detail: { step, playing } }));
  }

  function advance() {
    const lesson = all[current];
    const scrub = /** @type {HTMLInputElement} */ (canvasOf(lesson)?.querySelector(".tc-scrub"));
    const end = lesson.last ?? Number(scrub.max);
    step = calm.matches ? end : step + 1;
    lead(step < end);
    timer = step < end ? setTimeout(advance, STEP_MS) : 0;
  }

  /** @param {number} index */
  function show(index) {
    current = Math.max(0, Math.min(all.length - 1, index));
    const lesson = all[current], still = lesson.first === lesson.last;
    $(".le-count").textContent = `${current + 1} of ${all.length}`;
    $(".le-title").textContent = lesson.title;
    $(".le-text").textContent = lesson.text;
    const disabled = { "-1": current === 0, 1: current === all.length - 1, 0: still };
    for (const [by, off] of Object.entries(disabled))
      /** @type {HTMLButtonElement} */ ($(`[data-go='${by}']`)).disabled = off;
    root.querySelectorAll(".le-list button").forEach((button, at) =>
      button.setAttribute("aria-current", at === current ? "step" : "false"));
    frames().forEach((frame, at) => { frame.dataset.shown = String(at === lesson.canvas); });
    clearTimeout(timer);
    step = lesson.first;
    lead(false);
    if (!still) timer = setTimeout(advance, STEP_MS);
  }

  /** @param {Lesson} lesson */
  function listed({ title }, /** @type {number} */ index) {
    const item = node("li", ""), button = /** @type {HTMLButtonElement} */ (node("button", "", title));
    button.type = "button";
    button.addEventListener("click", () => show(index));
    item.append(button);
    return item;
  }

  $(".le-moves").addEventListener("click", ({ target }) => {
    const button = /** @type {HTMLElement} */ (target).closest("[data-go]");
    if (button) show(current + Number(/** @type {HTMLElement} */ (button).dataset.go));
  });

  return {
    update(value) {
      all = value.lessons;
      canvases = value.canvases;
      /** @type {HTMLImageElement} */ ($(".le-picture")).src = value.picture;
      $(".le-list").replaceChildren(...all.map(listed));
      requestAnimationFrame(() => show(0));  // once the canvases beside it are there
    },
  };
}

// @ts-check
// The choice of a decoding method, and the numbers that it has. value: {method, knobs, fitted} as JSON, see Decoding
// in lladav/ui/settings/knobs.py. Triggers `choose` when there is another method, `turn` when one of its numbers is,
// and `again` with {choice, number} of the last choice of settings when another one has been answered, see settings.js.

import { find, node } from "../../viewer/static/dom.js";
import { label, say } from "../../viewer/static/texts.js";
import { choicesOf } from "./settings.js";

/**
 * @typedef {{low: number, high: number, step: number, value: number | number[]}} Knob
 * @typedef {{group: string, title: string, paper: string, arxiv: string, equation: string,
 *            knobs: Record<string, Knob>, lacks: string[]}} Method
 * @typedef {{method: string, knobs: Record<string, number | number[]>, fitted: boolean}} Decoding
 */

/** @returns {Record<string, Method>} */
const methods = () => /** @type {any} */ (window).lladav.methods;

/** @param {HTMLSelectElement} select */
function fill(select) {
  for (const [name, { group: key, title, paper }] of Object.entries(methods())) {
    const group = say(key);
    let place = [...select.children].find((one) => one.getAttribute("label") === group);
    if (!place) {
      place = node("optgroup");
      place.setAttribute("label", group);
      select.append(place);
    }
    const option = /** @type {HTMLOptionElement} */ (node("option", "", title === paper ? title : `${title} (${paper})`));
    option.value = name;
    place.append(option);
  }
}

/** @param {string} type @param {Knob} knob @param {number} value @param {string} name @param {(to: number) => void} turned */
function input(type, { low, high, step }, value, name, turned) {
  const made = /** @type {HTMLInputElement} */ (node("input"));
  Object.assign(made, { type, min: String(low), max: String(high), step: type === "range" ? String(step) : "any" });
  made.value = String(value);
  made.setAttribute("aria-label", name);
  made.addEventListener("change", () => made.value !== "" && turned(Number(made.value)));
  return made;
}

/** A number with a slider, or several without. @param {string} prefix of ids @param {string} name @param {Knob} knob
 *  @param {number | number[]} value @param {(to: number | number[]) => void} turned */
function knobOf(prefix, name, knob, value, turned) {
  const made = node("div", "de-knob"), head = node("div", "de-head"), title = say(`knobs.${name}.label`);
  made.id = prefix + name;
  head.append(node("span", "de-label", title));
  if (Array.isArray(value)) {
    value.forEach((one, at) => head.append(input("number", knob, one, say("settings.number", { label: title, number: at + 1 }),
      (to) => turned(value.with(at, to)))));
    made.append(head);
  } else {
    const slider = input("range", knob, value, title, turned), box = input("number", knob, value, title, turned);
    slider.addEventListener("input", () => { box.value = slider.value; });
    head.append(box);
    made.append(head, slider);
  }
  made.append(node("small", "", say(`knobs.${name}.info`)));
  return made;
}

/** @type {import("./gradio_adapter.js").Painter} */
export function decoding(root, trigger, props, { prefix }) {
  const select = /** @type {HTMLSelectElement} */ (find(root, "select"));
  label(root);
  fill(select);

  /** @param {Decoding} value @param {string} event */
  const set = (value, event) => {
    props.value = JSON.stringify(value);
    paint(value);
    trigger(event);
  };
  select.addEventListener("change", () => {
    const { knobs } = methods()[select.value];
    const usual = Object.fromEntries(Object.entries(knobs).map(([name, knob]) => [name, knob.value]));
    set({ method: select.value, knobs: usual, fitted: true }, "choose");
  });

  /** @param {Decoding} value */
  const paint = (value) => {  // anew where `fitted` is another one, too: what is turned sends the value painted last
    const method = methods()[value.method], shown = JSON.stringify([value.method, value.knobs, value.fitted]);
    if (root.dataset.shown === shown) return;
    root.dataset.shown = shown;
    select.value = value.method;
    find(root, ".de-rule").textContent = say(`methods.${value.method}`);
    find(root, ".de-equation").textContent = method.equation;
    const paper = find(root, ".de-paper");
    paper.textContent = `${method.paper}, arXiv ${method.arxiv}`;
    paper.setAttribute("href", `https://arxiv.org/abs/${method.arxiv}`);
    root.dataset.lacks = method.lacks.join(" ");
    const knobs = Object.entries(method.knobs).map(([name, knob]) =>
      knobOf(prefix, name, knob, value.knobs[name] ?? knob.value, (to) =>
        set({ ...value, knobs: { ...value.knobs, [name]: to } }, "turn")));
    const focused = document.activeElement, at = [...root.querySelectorAll("input")].indexOf(/** @type {any} */ (focused));
    find(root, ".de-knobs").replaceChildren(...knobs);
    if (at >= 0) root.querySelectorAll("input")[at]?.focus();
  };
  return {
    update: (written) => paint(JSON.parse(written)),
    answered([choice, number]) {
      const missed = choicesOf(`${prefix}method`).answered(choice, number);
      if (missed) trigger("again", { choice: missed.choice, number: missed.number });
    },
  };
}

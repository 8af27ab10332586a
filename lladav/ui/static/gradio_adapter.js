// @ts-check
// Joins painters to the components of a Gradio page; see html_component and token_canvas in lladav/ui/components.py.
//
// A painter takes the component's root element and what the page lets it do, and returns `update`, which paints a value,
// and `answered` if it is to know of the prop of that name.
// This is the only module that knows what Gradio hands to the script of a component.

import { mountCanvas } from "../../viewer/static/canvas.js";
import { mountResults } from "../../viewer/static/results.js";
import { mountPlayer } from "../../viewer/static/sync_player.js";
import { badge } from "./badge.js";
import { decoding } from "./decoding.js";
import { gallery } from "./gallery.js";
import { lessons } from "./learn.js";
import { speakVisitorsLanguage } from "./language.js";
import { asked, missed } from "./settings.js";
import { link, share } from "./share.js";
import { notice } from "./notice.js";
import { mendRoles, openDroppedFiles, overlayBubble, save } from "./page.js";
import { stage } from "./stage.js";
import { suggestions } from "./suggestions.js";
import { stale, words } from "./words.js";

/**
 * @typedef {(name: string, detail?: object) => void} Trigger
 * @typedef {(root: HTMLElement, trigger: Trigger, props: Record<string, any>, told: Record<string, any>) =>
 *            {update: (value: any) => void, answered?: (value: any) => void}} Painter
 */

/** @type {Record<string, Painter>} */
const PAINTERS = {
  badge,
  decoding,
  gallery,
  learn: lessons,
  link,
  notice,
  results: (root) => mountResults(root),
  stage,
  suggestions,
  words,
  canvas: (root, trigger, _, { editable }) => mountCanvas(root, {
    done: (detail) => trigger("done", detail),
    stopped: (detail) => trigger("stopped", detail),
    ...editable && { begun: () => trigger("begun"), edit: (detail) => trigger("edit", detail),
      undo: () => trigger("undo"), look: (detail) => trigger("look", detail) },
  }),
  sync_player: (root, _, props) => mountPlayer(root, () => [...document.querySelectorAll(props.value.canvases)]),
};

/**
 * @param {string} name
 * @param {HTMLElement} element
 * @param {Record<string, any>} props
 * @param {Trigger} trigger
 * @param {(name: string, changed: () => void) => void} watch
 * @param {Record<string, any>} told what never changes
 */
function adapt(name, element, props, trigger, watch, told) {
  const place = element.querySelector(`[data-markup=${name}]`);
  if (place) place.innerHTML = /** @type {any} */ (window).lladav.markups[name];  // a constant of ours
  const root = /** @type {HTMLElement} */ (place?.firstElementChild);
  const painter = PAINTERS[name](root, trigger, props, told);
  watch("value", () => painter.update(props.value));
  painter.update(props.value);
  watch("answered", () => painter.answered?.(props.answered));
}

speakVisitorsLanguage();
overlayBubble();
mendRoles();
openDroppedFiles();
Object.assign(/** @type {any} */ (window).lladav ??= {}, { adapt, asked, missed, save, share, stale });

// @ts-check
// What a token looked at, laid over the pictures of the stage and of a lesson: a map for the mean over layers and for each of them.
//
// value: what lladav/ui/attention.py makes of a pass, or nothing.

import { find, node, percent } from "../../viewer/static/dom.js";
import { say } from "../../viewer/static/texts.js";

const COLD = [10, 12, 45, 190], HOT = [255, 170, 0, 70];  // red, green, blue and opacity of what is not looked at, and is

/**
 * @typedef {{columns: number, rows: number, data: string}} Maps
 * @typedef {{word: string, step: number, position: number, shares: number[], maps: Maps[]}} Attention
 */

/** @param {HTMLElement} root of the stage */
export function attentionView(root) {
  const panel = find(root, ".st-look"), said = find(root, ".st-looked"), share = find(root, ".st-share");
  const layer = /** @type {HTMLInputElement} */ (find(root, ".st-layer"));
  /** @type {Attention | undefined} */
  let shown;

  function paint() {
    const number = Number(layer.value), name = number ? say("chat.layer_number", { number }) : say("chat.layer_mean");
    layer.setAttribute("aria-valuetext", name);
    share.textContent = shown ? say("chat.share", { layer: name, share: percent(shown.shares[number]) }) : "";
    root.querySelectorAll(".st-frame").forEach((frame, index) => overlay(frame, shown?.maps[index], number));
  }

  /** @param {Attention | undefined} value */
  function show(value) {
    shown = value;
    panel.hidden = !shown;
    if (shown) {
      const { word, position, step } = shown;
      said.textContent = say("chat.looked_at", { word: word.trim(), position, step });
      layer.max = String(shown.shares.length - 1);
      layer.value = "0";
    }
    paint();
  }

  layer.addEventListener("input", paint);
  find(root, ".st-close").addEventListener("click", () => show(undefined));
  return { show };
}

/** Lays a map over the picture in a frame, in place of any other. @param {Element} frame @param {Maps | undefined} maps
 *  @param {number} layer */
export function overlay(frame, maps, layer) {
  frame.querySelector("canvas")?.remove();
  if (!maps) return;
  const image = /** @type {HTMLImageElement} */ (frame.querySelector("img"));
  const canvas = /** @type {HTMLCanvasElement} */ (node("canvas", "st-map"));
  canvas.setAttribute("aria-hidden", "true");
  frame.append(canvas);
  const draw = () => {
    // As large as the picture, so that the browser fits both into the frame in the same way.
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    canvas.getContext("2d")?.drawImage(heat(maps, layer), 0, 0, canvas.width, canvas.height);
    canvas.dataset.layer = String(layer);
  };
  image.decode().then(draw, () => canvas.remove());
}

/** The map of a layer, a pixel a cell. @param {Maps} maps @param {number} layer */
function heat(maps, layer) {
  const small = /** @type {HTMLCanvasElement} */ (node("canvas"));
  small.width = maps.columns;
  small.height = maps.rows;
  const pixels = colors(valuesOf(maps, layer));
  small.getContext("2d")?.putImageData(new ImageData(pixels, maps.columns, maps.rows), 0, 0);
  return small;
}

/** The values of a layer, from 0 to 1, row by row. @param {Maps} maps @param {number} layer @returns {number[]} */
export function valuesOf({ columns, rows, data }, layer) {
  const cells = columns * rows;
  return [...atob(data).slice(layer * cells, (layer + 1) * cells)].map((byte) => byte.charCodeAt(0) / 255);
}

/** Four bytes a value. @param {number[]} values */
export function colors(values) {
  return Uint8ClampedArray.from(values.flatMap((value) => COLD.map((cold, at) => cold + value * (HOT[at] - cold))));
}

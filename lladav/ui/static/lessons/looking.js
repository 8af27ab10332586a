// @ts-check
// What a word looked at: the attention of every layer in the pass that wrote it, laid over the picture.

import { button, find, node, percent } from "../../../viewer/static/dom.js";
import { overlay } from "../attention.js";
import { paintBars, TokenRow } from "./row.js";
import { Walk } from "./walk.js";

const LAYERS = [1, 2, 3, 4, 5, 6], FIRST_LAYER = 3;
const TOLD = "pizza", ASKED = "apple";  // a word whose maps are there from the start, and the one that is guessed

/** @typedef {import("../attention.js").Attention & {things: Record<string, number[]>}} Look */

/** The thing on which more than half of a layer's attention to the picture lies, if there is one.
 *  @param {Pick<Look, "shares" | "things">} look @param {number} layer */
export function thingLookedAt({ shares, things }, layer) {
  return Object.keys(things).find((name) => things[name][layer] > shares[layer] / 2) ?? "";
}

/** How much of a layer's attention went to each thing, to the rest of the picture and to the text: all of it.
 *  @param {Pick<Look, "shares" | "things">} look @param {number} layer @returns {[string, number][]} */
export function whereItWent({ shares, things }, layer) {
  const named = Object.entries(things).map(([name, layers]) => /** @type {[string, number]} */ ([name, layers[layer]]));
  const rest = shares[layer] - named.reduce((sum, [, share]) => sum + share, 0);
  return [...named, ["rest", rest], ["text", 1 - shares[layer]]];
}

export class LookingLesson extends Walk {
  async begin() {
    this.layer = FIRST_LAYER;
    /** What each token of the answer looked at. @type {Look[]} */
    this.looks = [];
    this.row = new TokenRow(this.say("row"), (position) => this.choose(position));
    this.layers = node("div", "le-layers");
    this.layers.setAttribute("role", "group");
    this.layers.setAttribute("aria-label", this.say("layers"));
    this.layers.append(...LAYERS.map((layer) => this.mapOf(layer)));
    this.facts = node("p", "le-facts");
    this.facts.setAttribute("aria-live", "polite");
    this.bars = node("ol");
    this.show(this.row.root, this.layers, this.facts, this.bars);
    const { state, looks } = await this.ask("looks", {}, (grown) => this.row?.read(grown.state));
    this.row.read(state);
    this.looks = looks;
    this.lay(this.lookOf(TOLD));
  }

  /** @param {string} word */
  lookOf(word) {
    return this.looks?.find((look) => look.word.trim() === word);
  }

  /** A button with the picture, over which the map of a layer is laid. @param {number} layer */
  mapOf(layer) {
    const one = button("le-layer", "", () => this.open(layer)), frame = node("span", "le-frame");
    const image = /** @type {HTMLImageElement} */ (node("img"));
    image.src = this.page.pictures[this.lesson.picture];
    image.alt = "";
    frame.append(image);
    one.append(frame, node("span", "", this.say("layer", { layer })));
    one.dataset.layer = String(layer);
    return one;
  }

  /** Another token, once the guess is made. @param {number} position */
  choose(position) {
    if (this.outcome.childElementCount) this.lay(this.looks?.find((look) => look.position === position));
  }

  /** Lays over the picture, layer by layer, what a token looked at. @param {Look | undefined} look */
  lay(look) {
    const { row, layers } = this;
    if (!row || !layers || !look) return;
    this.shown = look;
    row.signs.clear();
    row.signs.set(look.position, "chosen");
    row.show(row.last);
    [...layers.children].forEach((one, index) => overlay(find(one, ".le-frame"), look.maps[0], LAYERS[index]));
    this.open(this.layer ?? FIRST_LAYER);
  }

  /** Tells where the attention of a layer went. @param {number} layer */
  open(layer) {
    const { shown: look, bars, facts } = this;
    if (!look || !bars || !facts) return;
    this.layer = layer;
    const word = look.word.trim();
    for (const one of this.stage.querySelectorAll(".le-layer"))
      one.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (one).dataset.layer === String(layer)));
    const share = percent(look.shares[layer]), thing = thingLookedAt(look, layer);
    this.page.texts.say(facts, this.say("went", { word, layer, step: look.step, share }));
    paintBars(bars, whereItWent(look, layer).map(([key, probability]) => (
      { name: this.say(`parts.${key}`), probability, taken: key === thing })));
    if (word === ASKED && thing === ASKED) this.complete({ layer, share, thing: percent(look.things[ASKED][layer]) });
  }

  async act() {
    const look = this.lookOf(ASKED);
    if (!look || !this.row) return;
    const { shares, things, position } = look, { banana, apple } = things;
    this.layer = FIRST_LAYER;
    this.lay(look);
    this.reveal(thingLookedAt(look, FIRST_LAYER) || "evenly", {
      banana: percent(banana[FIRST_LAYER]), apple: percent(apple[FIRST_LAYER]), share: percent(shares[FIRST_LAYER]),
      mean: percent(shares[0]), sure: percent(this.row.record.tokenAt(position, this.row.last)?.confidence ?? 0),
    });
  }

  end() {
    this.row?.stop();
  }
}

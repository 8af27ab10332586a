// @ts-check
// The record of one decoding run, as every view of it reads it; it is made of states and knows no page.

import palette from "./palette.json" with { type: "json" };

/**
 * A token: its id, its text, and whether it is text ("t") or a special token ("s").
 * @typedef {{id: number, kind: string, text: string}} Piece
 * @typedef {{piece: Piece, probability: number}} TokenProb
 * A token has step 0 where it was there from the start; it is carried where an earlier run had committed it.
 * @typedef {{step: number, piece: Piece, confidence: number, carried?: boolean}} Token
 * @typedef {[position: number, piece: number, confidence: number]} Transfer
 *
 * A step: forward passes so far, milliseconds since the start, the active block, where a stop begins or null, what it
 * committed, what it took back, and how many masks of the answer are left after it.
 * @typedef {{step: number, nfe: number, ms: number, block: number, stop_position: number | null,
 *            transfer_index: Transfer[], revoked_index: number[], masks: number}} Step
 *
 * What lladav/viewer/state.py makes of a run (see CanvasState there): all of it so far, so that a skipped update loses
 * nothing. A line of `log` is a JSON array: step, nfe, milliseconds, block, stop_position,
 * [[position, piece, confidence], …] committed, [[position, piece, probability, piece, probability, …], …]
 * alternatives that changed, and [position, …] taken back.
 * @typedef {{run: string, gen_length: number, block_length: number, steps: number, seed: number | null,
 *            template: [number, number][], pins: number[], carried: number[][],
 *            edit: string | null, editable: boolean, note?: string,
 *            live: boolean, play: boolean, pieces: string[], log: string[], text: string | null,
 *            finish_reason: string | null}} State
 */

const MASK = "<|mdm_mask|>";  // a model may write it, which leaves the position masked

/** @param {string} entry "<id> <kind><text>" @returns {Piece} */
function readPiece(entry) {
  const space = entry.indexOf(" ");
  return { id: Number(entry.slice(0, space)), kind: entry[space + 1], text: entry.slice(space + 2) };
}

/** @param {number[]} pairs piece, probability, piece, … @param {Piece[]} pieces @returns {TokenProb[]} */
function readProbs(pairs, pieces) {
  const probs = [];
  for (let i = 0; i < pairs.length; i += 2) probs.push({ piece: pieces[pairs[i]], probability: pairs[i + 1] });
  return probs;
}

export class RunRecord {
  constructor() {
    /** @type {State | null} */
    this.state = null;
    /** @type {Piece[]} */
    this.pieces = [];
    /** @type {Step[]} */
    this.steps = [];
    /** What each position has held, in order. @type {(Token | {step: number, piece: null})[][]} */
    this.history = [];
    /** For each position, [step, alternatives] whenever they changed. @type {[number, TokenProb[]][][]} */
    this.token_probs = [];
  }

  /** Reads what is new in a state; true where it begins another run. @param {State} state */
  read(state) {
    const fresh = this.state?.run !== state.run;
    this.state = state;
    if (fresh) this.begin(state);
    this.pieces.push(...state.pieces.slice(this.pieces.length).map(readPiece));
    if (fresh) this.readTemplate(state);
    state.log.slice(this.steps.length).forEach((line) => this.readStep(line));
    return fresh;
  }

  /** @param {State} state */
  begin(state) {
    this.pieces = [];
    this.steps = [];
    this.history = Array.from({ length: state.gen_length }, () => []);
    this.token_probs = Array.from({ length: state.gen_length }, () => []);
  }

  /** What is there before the first step. @param {State} state */
  readTemplate({ template, carried }) {
    for (const [position, piece] of template)
      this.history[position].push({ step: 0, piece: this.pieces[piece], confidence: 1 });
    for (const [position, confidence, ...pairs] of carried) {
      Object.assign(this.history[position][0], { confidence, carried: true });
      this.token_probs[position].push([0, readProbs(pairs, this.pieces)]);
    }
  }

  /** @param {string} line */
  readStep(line) {
    const [step, nfe, ms, block, stop_position, transfer_index, token_probs, revoked_index = []] = JSON.parse(line);
    for (const [position, piece, confidence] of transfer_index)
      if (this.pieces[piece].text !== MASK) this.history[position].push({ step, piece: this.pieces[piece], confidence });
    for (const position of revoked_index) this.history[position].push({ step, piece: null });
    for (const [position, ...pairs] of token_probs)
      this.token_probs[position].push([step, readProbs(pairs, this.pieces)]);
    const entry = { step, nfe, ms, block, stop_position, transfer_index, revoked_index, masks: 0 };
    this.steps.push(entry);
    entry.masks = this.countMasks(step);
  }

  /** Forgets the steps after `step`. @param {number} step */
  cut(step) {
    this.steps.length = step + 1;
    this.history = this.history.map((held) => held.filter((entry) => entry.step <= step));
  }

  /** The token that stands at a position after a step. @param {number} position @param {number} step
   *  @returns {Token | undefined} */
  tokenAt(position, step) {
    const held = this.history[position]?.findLast((entry) => entry.step <= step);
    return held?.piece ? /** @type {Token} */ (held) : undefined;
  }

  /** What the model weighed for a position when it last looked there. @param {number} position @param {number} step */
  tokenProbsAt(position, step) {
    return this.token_probs[position]?.findLast(([at]) => at <= step)?.[1] ?? [];
  }

  /** Where the stop begins; from there on nothing is part of the answer. @param {number} step @returns {number} */
  endAt(step) {
    return this.steps[step]?.stop_position ?? this.state?.gen_length ?? 0;
  }

  /** @param {number} step */
  countMasks(step) {
    let masks = 0;
    for (let position = 0; position < this.endAt(step); position++) if (!this.tokenAt(position, step)) masks++;
    return masks;
  }

  /** Masks of the answer that are left after a step. @param {number} step */
  masksAt(step) {
    return this.steps[step]?.masks ?? this.state?.gen_length ?? 0;
  }

  /** The answer after a step, with a sign for every mask. @param {number} step */
  textAt(step) {
    let text = "";
    for (let position = 0; position < this.endAt(step); position++) {
      const token = this.tokenAt(position, step);
      if (!token) text += palette.glyphs.mask;
      else if (token.piece.kind === "t") text += token.piece.text;
    }
    return text.trim();
  }

  /** The step that an alternative is taken up from: the one on show, or if that leaves nothing to fill, the one in
   *  which the position was decided. @param {number} position @param {number} step */
  branchStep(position, step) {
    const token = this.tokenAt(position, step);
    return this.masksAt(step) ? step : token?.carried ? 0 : token?.step || step;
  }

  /** The step after which the canvas was as the pass saw it that wrote the token at a position, or, where it is masked,
   *  that made what is proposed there. @param {number} position @param {number} step */
  canvasBefore(position, step) {
    return Math.max(0, (this.tokenAt(position, step)?.step || step) - 1);
  }

  /** The last step, as far as is known. */
  lastStep() {
    return this.state?.finish_reason ? this.steps.length - 1 : this.state?.steps ?? 0;
  }

  /** How many tokens the model has committed up to a step. @param {number} step */
  countAt(step) {
    return this.steps.slice(0, step + 1).reduce((sum, { transfer_index }) => sum + transfer_index.length, 0);
  }

  /** Mean confidence of the tokens that a step committed, null where there is none. @param {number} step */
  confidenceAt(step) {
    const committed = this.steps[step]?.transfer_index ?? [];
    return committed.length ? committed.reduce((sum, [, , one]) => sum + one, 0) / committed.length : null;
  }

  /** What was weighed for a token when it was committed, as a number from 0 to 1 for a view to tint it by.
   *  @param {number} position @param {Token} token @param {string} view */
  measure(position, token, view) {
    if (view === "confidence" || (token.step === 0 && !token.carried)) return token.confidence;
    const probs = this.tokenProbsAt(position, token.step).map(({ probability }) => probability);
    if (view === "margin") return (probs[0] ?? 0) - (probs[1] ?? 0);
    if (view === "entropy") return 1 - entropy(probs) / Math.log(6);
    return this.lastStep() ? token.step / this.lastStep() : 0;
  }
}

/** Entropy in nats of the most probable tokens and of all others together, which is a lower bound of that of the whole
 *  distribution. @param {number[]} probs */
export function entropy(probs) {
  const rest = Math.max(0, 1 - probs.reduce((sum, p) => sum + p, 0));
  return [...probs, rest].reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}

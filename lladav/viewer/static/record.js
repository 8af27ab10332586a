// @ts-check
// The record of one decoding run, as every view of it reads it; it is made of states and knows no page.

import { History } from "./history.js";
import palette from "./palette.json" with { type: "json" };

/**
 * A token: its id, its text, and whether it is text ("t") or a special token ("s").
 * @typedef {{id: number, kind: string, text: string}} Piece
 * @typedef {{piece: Piece, probability: number}} TokenProb
 * A token's step is that which committed it, or 0 where it was there from the start; it is carried where an earlier run
 * had committed it.
 * @typedef {{step: number, piece: Piece, confidence: number, carried?: boolean}} Token
 * What stands at a position, or else was proposed there last, by its id (-1: nothing), and since which step.
 * @typedef {{id: number, since: number}} Guess
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
 * alternatives that changed, [position, …] taken back, [position, piece, …] proposals that changed otherwise, and room:
 * a position and how many masks were put behind it after all that, or nothing.
 * @typedef {{run: string, gen_length: number, block_length: number, steps: number, seed: number | null,
 *            template: [number, number][], pins: number[], carried: number[][],
 *            edit: string | null, editable: boolean, note?: string,
 *            live: boolean, play: boolean, pieces: string[], log: string[], text: string | null,
 *            finish_reason: string | null}} State
 */

const NOTHING = -1;
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
    this.begin(0);
  }

  /** Reads what is new in a state; true where it begins another run. @param {State} state */
  read(state) {
    const fresh = this.state?.run !== state.run;
    this.state = state;
    if (fresh) this.begin(state.gen_length);
    this.pieces.push(...state.pieces.slice(this.pieces.length).map(readPiece));
    if (fresh) this.readTemplate(state);
    state.log.slice(this.steps.length).forEach((line) => this.readStep(line));
    return fresh;
  }

  /** @param {number} length */
  begin(length) {
    this.pieces = [];
    this.steps = [];
    /** @type {History<Token | undefined>} */
    this.tokens = new History(length, undefined);
    /** @type {History<TokenProb[]>} */
    this.token_probs = new History(length, []);
    /** @type {History<Guess>} */
    this.guesses = new History(length, { id: NOTHING, since: 0 });
    /** How often a token was taken back at a position. @type {History<number>} */
    this.revocations = new History(length, 0);
  }

  /** What is there before the first step. @param {State} state */
  readTemplate({ template, carried }) {
    for (const [position, piece] of template) {
      this.tokens.put(position, 0, { step: 0, piece: this.pieces[piece], confidence: 1 });
      this.guess(position, 0, this.pieces[piece]);
    }
    for (const [position, confidence, ...pairs] of carried) {
      Object.assign(this.tokens.at(position, 0) ?? {}, { confidence, carried: true });
      this.token_probs.put(position, 0, readProbs(pairs, this.pieces));
    }
  }

  /** @param {string} line */
  readStep(line) {
    const [step, nfe, ms, block, stop_position, transfer_index, token_probs, revoked_index = [], proposals = [], room = []] =
      JSON.parse(line);
    /** @type {Map<number, Piece>} */
    const proposed = new Map();
    for (const [position, ...pairs] of token_probs) {
      this.token_probs.put(position, step, readProbs(pairs, this.pieces));
      proposed.set(position, this.pieces[pairs[0]]);
    }
    for (let i = 0; i < proposals.length; i += 2) proposed.set(proposals[i], this.pieces[proposals[i + 1]]);
    for (const [position, index, confidence] of transfer_index) {
      const piece = this.pieces[index];
      proposed.set(position, piece);
      if (piece.text !== MASK) this.tokens.put(position, step, { step, piece, confidence });
    }
    proposed.forEach((piece, position) => this.guess(position, step, piece));
    for (const position of revoked_index) {
      this.tokens.put(position, step, undefined);
      this.revocations.put(position, step, this.revocations.at(position, step) + 1);
    }
    if (room.length) this.open(step, room[0], room[1], transfer_index);
    const entry = { step, nfe, ms, block, stop_position, transfer_index, revoked_index, masks: 0 };
    this.steps.push(entry);
    entry.masks = this.countMasks(step);
  }

  /** @param {number} position @param {number} step @param {Piece} piece */
  guess(position, step, { id, text }) {
    const now = text === MASK ? NOTHING : id;
    if (this.guesses.at(position, step).id !== now) this.guesses.put(position, step, { id: now, since: step });
  }

  /** Puts masks behind a position, and moves what stands there. @param {number} step @param {number} position
   *  @param {number} count @param {Transfer[]} transfer_index of this step */
  open(step, position, count, transfer_index) {
    this.tokens.open(step, position, count, undefined);
    this.token_probs.open(step, position, count, []);
    this.guesses.open(step, position, count, { id: NOTHING, since: step });
    this.revocations.open(step, position, count, 0);
    for (const transfer of transfer_index) if (transfer[0] > position) transfer[0] += count;
  }

  /** Forgets the steps after `step`. @param {number} step */
  cut(step) {
    this.steps.length = step + 1;
    for (const history of [this.tokens, this.token_probs, this.guesses, this.revocations]) history.cut(step);
  }

  /** The token that stands at a position after a step. @param {number} position @param {number} step
   *  @returns {Token | undefined} */
  tokenAt(position, step) {
    return this.tokens.at(position, step);
  }

  /** The token that a step took back from a position, if it did. @param {number} position @param {number} step */
  revokedAt(position, step) {
    return this.steps[step]?.revoked_index.includes(position) ? this.tokenAt(position, step - 1) : undefined;
  }

  /** What the model weighed for a position when it last looked there. @param {number} position @param {number} step */
  tokenProbsAt(position, step) {
    return this.token_probs.at(position, step);
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
    return this.masksAt(step) ? step : token?.carried ? 0 : this.tokens.since(position, step) || step;
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

  /** How many it has taken back up to a step. @param {number} step */
  revokedUpTo(step) {
    return this.steps.slice(0, step + 1).reduce((sum, { revoked_index }) => sum + revoked_index.length, 0);
  }

  /** Mean confidence of the tokens that a step committed, null where there is none. @param {number} step */
  confidenceAt(step) {
    const committed = this.steps[step]?.transfer_index ?? [];
    return committed.length ? committed.reduce((sum, [, , one]) => sum + one, 0) / committed.length : null;
  }

  /** What was weighed for the token that stands at a position after a step, as a number from 0 to 1 for a view to tint
   *  it by; for the order of steps, how far the run had come. @param {number} position @param {number} step
   *  @param {string} view */
  measure(position, step, view) {
    const token = this.tokenAt(position, step);
    if (!token) return 0;
    if (view === "confidence" || (token.step === 0 && !token.carried)) return token.confidence;
    const probs = this.tokenProbsAt(position, step).map(({ probability }) => probability);
    if (view === "margin") return (probs[0] ?? 0) - (probs[1] ?? 0);
    if (view === "entropy") return 1 - entropy(probs) / Math.log(6);
    const when = view === "settled" ? this.guesses.at(position, step).since : token.step;
    return this.lastStep() ? when / this.lastStep() : 0;
  }
}

/** Entropy in nats of the most probable tokens and of all others together, which is a lower bound of that of the whole
 *  distribution. @param {number[]} probs */
export function entropy(probs) {
  const rest = Math.max(0, 1 - probs.reduce((sum, p) => sum + p, 0));
  return [...probs, rest].reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
}

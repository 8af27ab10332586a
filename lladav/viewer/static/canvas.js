// @ts-check
// The token canvas: paints the record of one decoding run and lets people scrub through it.
//
// In a page of its own it takes the template canvas.html in some element, the styles, and
//   mountCanvas(root, on).update(state)
// where `state` is what lladav/viewer/state.py makes of a run. Only textContent carries data.
//
// Events on the root: it sends tokencanvas:shown ({text, live, run}) whenever it has painted, and obeys tokencanvas:stop
// (keep what is on show as the whole run) and tokencanvas:lead ({step, playing}: show that step).

import { Cells, positionOf } from "./cells.js";
import { StepCurves } from "./curves.js";
import { change, find } from "./dom.js";
import { EditBar, Selection } from "./edit.js";
import { Playback, rateOf } from "./playback.js";
import { readoutsAt } from "./readouts.js";
import { RunRecord } from "./record.js";
import { StepMap } from "./step_map.js";
import { label, say } from "./texts.js";
import { tokenInspector } from "./token_inspector.js";

/** @typedef {import("./record.js").State} State */
/** @typedef {import("./record.js").Piece} Piece */
/** @typedef {import("./edit.js").Edit} Edit */
/** @typedef {import("./token_inspector.js").Look} Look */

/**
 * What a page lets its canvas do: hear that a run begins, was shown to its end or was cut short, edit, and ask what a token
 * looked at.
 * @typedef {{begun?: () => void, done?: (at: {run: string}) => void, stopped?: (at: {run: string, step: number}) => void,
 *            edit?: (edit: Edit) => void, undo?: () => void, look?: (at: Look) => void}} On
 */

const NARROW = 560;        // pixels; there what lies inside a run is folded away
const MANY = 96;           // tokens; beyond that they are drawn small
const DIGITS = "12345";
const STEPPING = { ",": -1, ".": 1 };
const EDIT_KEYS = { Delete: "mask", Backspace: "mask", k: "keep", t: "type", Escape: "clear" };
const LEGENDS = {  // keys of what stands at either end of a tint
  confidence: ["viewer.unsure", "viewer.sure"], entropy: ["viewer.spread", "viewer.decided"],
  margin: ["viewer.close", "viewer.clear_lead"], order: ["viewer.first_word", "viewer.last_word"],
  settled: ["viewer.early", "viewer.late"], text: ["", ""],
};

export class TokenCanvas {
  /** @param {HTMLElement} root @param {On} on */
  constructor(root, on) {
    label(root);
    this.root = root;
    this.on = on;
    this.record = new RunRecord();
    this.playback = new Playback();
    this.selection = new Selection(this.record);
    this.cells = new Cells(find(root, ".tc-tokens"), this.record, this.selection);
    this.edits = on.edit && new EditBar(root, this.selection, {
      step: () => this.playback.step, send: (edit) => this.send(edit), changed: () => this.paint(),
    });
    const take = on.edit && ((/** @type {number} */ at, /** @type {Piece} */ piece) => this.take(at, piece));
    this.inspector = tokenInspector(root, this.record, take, on.look);
    this.curves = new StepCurves(root, this.record);
    this.map = new StepMap(find(root, ".tc-map"), this.record);
    this.scrub = /** @type {HTMLInputElement} */ (find(root, ".tc-scrub"));
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    /** @type {Record<string, any>} */
    this.painted = {};
    /** Runs that this canvas has left: none of them comes back, however late its updates are. @type {Set<string>} */
    this.left = new Set();
    this.stopped = "";                 // the run that was cut short here
    this.led = false;                  // something else on the page moves the cursor
    /** @type {number | null} */
    this.pointed = null;               // the position under the pointer
    /** @type {number | null} */
    this.focused = null;               // the position that has the focus
    this.lastFrame = this.frame = 0;
    /** @type {HTMLDetailsElement} */ (find(root, ".tc-more")).open = root.clientWidth > NARROW || !root.clientWidth;
    this.listen();
  }

  // ---- the record ----------------------------------------------------------------------------

  /** @param {State | null} state */
  update(state) {
    const before = this.record.state?.run;
    if (!state || this.left.has(state.run) || state.run === this.stopped) return;
    if (before !== undefined && before !== state.run) this.left.add(before);
    const fresh = this.record.read(state);
    this.playback.last = Math.max(0, this.record.steps.length - 1);
    if (fresh) this.begin(state, before !== undefined);
    this.curves.draw();
    this.paint();
    this.play();
  }

  /** @param {State} state @param {boolean} another whether there was one before */
  begin(state, another) {
    this.playback.begin(state, this.calm.matches);
    this.pointed = this.focused = null;
    this.cells.begin(state.gen_length);
    this.root.classList.toggle("tc-many", state.gen_length > MANY);
    this.inspector.clear();
    this.edits?.begin();
    if (state.live) this.on.begun?.();
    if (!state.live && another) find(this.root, ".tc-live").textContent = state.text ?? "";
  }

  get finished() {
    return this.record.state?.finish_reason !== null || this.record.state?.run === this.stopped;
  }

  get editable() {
    return Boolean(this.record.state?.editable && this.edits) && this.record.steps.length > 0;
  }

  get done() {
    return this.finished && this.playback.atEnd;
  }

  // ---- playing -------------------------------------------------------------------------------

  play() {
    if (this.frame) return;
    this.lastFrame = performance.now();
    this.frame = requestAnimationFrame((now) => this.tick(now));
  }

  /** @param {number} now */
  tick(now) {
    this.frame = 0;
    const { playback } = this, before = playback.step;
    if (playback.playing && !this.led) {
      const speed = Number(/** @type {HTMLSelectElement} */ (find(this.root, ".tc-speed")).value);
      const rate = rateOf(this.record.lastStep(), this.finished) * speed;
      playback.advance(now - this.lastFrame, { rate, finished: this.finished, calm: this.calm.matches });
    }
    this.lastFrame = now;
    if (playback.step !== before || !playback.playing) this.paint();
    if (playback.playing && !this.led) this.frame = requestAnimationFrame((next) => this.tick(next));
  }

  /** @param {number} step */
  seek(step) {
    this.playback.seek(step);
    this.paint();
  }

  togglePlay() {
    this.playback.toggle(this.finished);
    this.paint();
    this.play();
  }

  /** Keeps what is on show as the whole run; false where there is nothing to cut. */
  cutShort() {
    const { record, playback } = this;
    if (!record.state || (this.finished && !playback.following)) return false;
    this.stopped = record.state.run;
    record.cut(playback.step);
    playback.last = record.steps.length - 1;
    playback.seek(playback.last);
    playback.following = false;
    this.curves.draw();
    this.paint();
    return true;
  }

  /** @param {{step: number, playing: boolean}} detail */
  follow({ step, playing }) {
    this.led = true;
    this.playback.playing = playing;
    this.playback.cursor = Math.min(step, this.playback.last);
    this.paint();
  }

  // ---- painting ------------------------------------------------------------------------------

  paint() {
    const { record, playback } = this, { state } = record;
    if (!state) return;
    const step = playback.step, done = this.done, view = this.root.dataset.view ?? "confidence";
    const shown = this.shownPosition(step), pinned = shown !== null && shown === this.selection.pinned;
    this.cells.paint(step, { view, shown });
    this.paintReadouts(step, done);
    this.curves.point(step);
    if (this.root.dataset.panel === "map") this.map.draw(step);  // drawing costs more than the cells
    this.inspector.paint(shown, step, { pinned, editable: this.editable });
    this.edits?.paint(this.editable);
    const text = state.log.length ? record.textAt(step) : "", live = playback.following && !done;
    this.root.dataset.state =
      state.finish_reason === "idle" ? "idle" : done ? "done" : playback.playing ? "playing" : "paused";
    this.root.dataset.step = String(step);
    this.root.dataset.editable = String(this.editable);
    this.root.dataset.revised = String(record.revokedUpTo(playback.last) > 0);
    const detail = { text, live, run: state.run };
    this.root.dispatchEvent(new CustomEvent("tokencanvas:shown", { bubbles: true, detail }));
    if (done && playback.following) this.finish(text);
  }

  /** @param {string} text */
  finish(text) {
    const { state } = this.record;
    this.playback.following = false;
    find(this.root, ".tc-live").textContent = state?.text ?? text;
    this.on.done?.({ run: state?.run ?? "" });
  }

  /** @param {number} step @param {boolean} done */
  paintReadouts(step, done) {
    const { playing, last } = this.playback, stopped = this.record.state?.run === this.stopped;
    const words = readoutsAt(this.record, { step, done, playing, stopped });
    const outs = /** @type {NodeListOf<HTMLElement>} */ (this.root.querySelectorAll("[data-out]"));
    for (const el of outs) {
      const word = words[el.dataset.out ?? ""];
      if (word !== undefined) change(this.painted, `out-${el.dataset.out}`, word, (value) => { el.textContent = value; });
    }
    this.scrub.max = String(last);
    this.scrub.value = String(step);
    this.scrub.setAttribute("aria-valuetext", say("viewer.step_of", { step, last }));
    const key = find(this.root, "[data-do=play]");
    key.dataset.playing = String(playing);
    key.setAttribute("aria-label", say(playing ? "viewer.pause" : "viewer.play"));
    const keys = /** @type {NodeListOf<HTMLButtonElement>} */ (this.root.querySelectorAll(".tc-key, .tc-scrub"));
    for (const el of keys) el.disabled = last < 1;
  }

  /** The position whose card is shown: the pinned one, the one that is pointed at or has the focus, or else the surest
   *  word of the latest step that committed one. @param {number} step @returns {number | null} */
  shownPosition(step) {
    const asked = this.pointed ?? this.selection.pinned ?? this.focused;
    if (asked !== null) return this.selection.pinned ?? asked;
    const { record } = this;
    const words = (/** @type {import("./record.js").Step} */ { transfer_index }) =>
      transfer_index.filter(([, piece]) => record.pieces[piece].kind === "t");
    const latest = record.steps.slice(0, step + 1).findLast((one) => words(one).length);
    if (latest) return words(latest).reduce((a, b) => (b[2] > a[2] ? b : a))[0];
    return step > 0 ? this.cells.cells.findIndex((_, position) => !record.tokenAt(position, 0)) : null;
  }

  /** @param {string} view */
  setView(view) {
    this.root.dataset.view = view;
    for (const el of this.root.querySelectorAll("[data-look]"))
      el.setAttribute("aria-pressed", String(el.getAttribute("data-look") === view));
    const [low, high] = LEGENDS[/** @type {keyof typeof LEGENDS} */ (view)];
    find(this.root, "[data-legend=low]").textContent = say(low);
    find(this.root, "[data-legend=high]").textContent = say(high);
    this.paint();
  }

  /** @param {string} panel "curves" or "map" */
  setPanel(panel) {
    this.root.dataset.panel = panel;
    for (const el of this.root.querySelectorAll("[data-panel-button]"))
      el.setAttribute("aria-pressed", String(el.getAttribute("data-panel-button") === panel));
    this.paint();
  }

  // ---- people --------------------------------------------------------------------------------

  /** @param {Edit} edit */
  send(edit) {
    this.cutShort();
    this.on.edit?.(edit);
  }

  /** @param {number} position @param {Piece} piece */
  take(position, piece) {
    if (this.editable) this.send(this.selection.takeAlternative(position, piece, this.playback.step));
  }

  /** A click keeps a token's card; with shift, or where several are chosen, it marks the token for an edit.
   *  @param {number} position @param {boolean} several */
  choose(position, several) {
    const { selection } = this;
    this.playback.seek(this.playback.step);
    if (this.editable && (several || this.edits?.several)) selection.toggle(position);
    else {
      selection.marked.clear();
      selection.pinned = selection.pinned === position ? null : position;
    }
    this.paint();
  }

  listen() {
    const { root, scrub } = this, grid = this.cells.grid;
    grid.addEventListener("pointerover", (event) => this.point(positionOf(event) ?? this.pointed));
    root.addEventListener("pointerleave", () => this.point(null));
    grid.addEventListener("focusin", (event) => {
      this.focused = positionOf(event);
      this.cells.reach(this.focused ?? 0);
      this.paint();
    });
    grid.addEventListener("click", (event) => {
      const position = positionOf(event);
      if (position === null) return;
      this.cells.cells[position].el.focus();  // not every browser does
      this.choose(position, event.shiftKey || event.ctrlKey || event.metaKey);
    });
    grid.addEventListener("keydown", (event) => this.onKey(event));
    root.addEventListener("focusout", (event) => {
      if (!root.contains(/** @type {Node | null} */ (event.relatedTarget))) this.focused = null;
    });
    root.addEventListener("keydown", (event) => {
      if (event.key === "z" && (event.ctrlKey || event.metaKey)) this.on.undo?.();
    });
    scrub.addEventListener("input", () => this.seek(Number(scrub.value)));
    root.addEventListener("tokencanvas:stop", () => {
      const run = this.record.state?.run ?? "";
      if (this.cutShort()) this.on.stopped?.({ run, step: this.playback.step });
    });
    root.addEventListener("tokencanvas:lead", (event) => this.follow(/** @type {CustomEvent} */ (event).detail));
    root.addEventListener("click", (event) => this.onClick(event));
    find(root, ".tc-guess").addEventListener("change", (event) =>
      root.classList.toggle("tc-no-guesses", !(/** @type {HTMLInputElement} */ (event.target).checked)));
  }

  /** @param {number | null} position */
  point(position) {
    if (this.pointed === position) return;
    this.pointed = position;
    this.paint();
  }

  /** @param {MouseEvent} event */
  onClick(event) {
    const target = /** @type {Element} */ (event.target), { step, last } = this.playback;
    const does = target.closest("[data-do]")?.getAttribute("data-do");
    if (does === "play") this.togglePlay();
    else if (does) this.seek({ first: 0, back: step - 1, step: step + 1, last }[does] ?? step);
    const look = target.closest("[data-look]")?.getAttribute("data-look");
    if (look) this.setView(look);
    const panel = target.closest("[data-panel-button]")?.getAttribute("data-panel-button");
    if (panel) this.setPanel(panel);
    if (target.closest(".tc-map")) this.seek(this.map.stepAt(event.clientY));
    const curve = target.closest("svg[data-curve]");
    if (curve && last > 0) {
      const box = curve.getBoundingClientRect();
      this.seek(Math.round(((event.clientX - box.left) / box.width) * this.record.lastStep()));
    }
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const from = positionOf(event);
    if (from === null || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in STEPPING)
      this.seek(this.playback.step + STEPPING[/** @type {keyof typeof STEPPING} */ (event.key)]);
    else if (event.key === " ") {
      event.preventDefault();
      this.choose(from, true);
    } else if (this.editable && this.editKey(event, from)) event.preventDefault();
    else this.moveFocus(event, from);
  }

  /** @param {KeyboardEvent} event @param {number} from @returns {boolean} whether the key was one for editing */
  editKey(event, from) {
    const { step } = this.playback, { selection } = this;
    if (DIGITS.includes(event.key)) {
      const alternative = this.record.tokenProbsAt(from, step)[DIGITS.indexOf(event.key)];
      if (alternative) this.take(from, alternative.piece);
      return true;
    }
    const name = EDIT_KEYS[/** @type {keyof typeof EDIT_KEYS} */ (event.key)];
    if (!name) return false;
    if (name !== "clear" && !selection.chosen.length) selection.pinned = from;
    this.edits?.act(name);
    return true;
  }

  /** @param {KeyboardEvent} event @param {number} from */
  moveFocus(event, from) {
    const { cells, columns } = this.cells;
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key] ?? NaN;
    const to = event.key === "Home" ? 0 : event.key === "End" ? cells.length - 1 : from + by;
    if (!(to >= 0 && to < cells.length)) return;
    event.preventDefault();
    cells[to].el.focus();
  }
}

/** @param {HTMLElement} root the element with the class tc @param {On} [on] */
export function mountCanvas(root, on = {}) {
  return new TokenCanvas(root, on);
}

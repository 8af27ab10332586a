// @ts-check
// One slider over two runs: says to both canvases which step to show.
//
// It counts steps, and a side that has taken its last one waits for the other; or it counts each side's own time.

import { find } from "./dom.js";
import { rateOf, SECONDS_A_RUN } from "./playback.js";
import { label, say } from "./texts.js";

/**
 * A side: milliseconds at which each of its steps was there, none until it begins.
 * @typedef {{ms: number[], finished: boolean}} Side
 * @typedef {{run: string, sides: Side[]}} PlayerState the whole record of a pair so far
 */

/** Where two runs stand at a moment; it knows no page. */
export class SyncPlayback {
  constructor() {
    /** @type {PlayerState} */
    this.state = { run: "", sides: [] };
    this.begun = 0;          // how many sides have begun
    this.unit = "step";      // or "time"
    this.cursor = 0;         // in steps, or in milliseconds
    this.playing = false;
    this.following = false;  // these runs have not been shown to their end yet
    this.stopped = "";       // the pair that was stopped here
  }

  /** @param {PlayerState} next */
  read(next) {
    const fresh = next.run !== this.state.run, started = next.sides.filter(({ ms }) => ms.length).length;
    this.state = next;
    if (fresh) this.following = true;
    // Where the runs come one after the other, the second's start is the player's, too.
    if (fresh || (this.following && started > this.begun)) {
      this.cursor = 0;
      this.playing = started > 0;
    }
    this.begun = started;
  }

  get finished() {
    return this.state.run === this.stopped || this.state.sides.every((side) => side.finished);
  }

  get atEnd() {
    return this.cursor >= this.limit;
  }

  /** @param {Side} side */
  extent({ ms }) {
    return this.unit === "step" ? Math.max(0, ms.length - 1) : ms.at(-1) ?? 0;
  }

  /** How far it may go: to the end of the longer run, and while a run goes on no further than that. */
  get limit() {
    const open = this.finished ? [] : this.state.sides.filter((side) => side.ms.length && !side.finished);
    const extents = (open.length ? open : this.state.sides).map((side) => this.extent(side));
    return open.length ? Math.min(...extents) : Math.max(0, ...extents);
  }

  /** The step of a side that is on show. @param {Side} side */
  stepOf({ ms }) {
    const step = this.unit === "step" ? Math.floor(this.cursor) : ms.findLastIndex((moment) => moment <= this.cursor);
    return Math.max(0, Math.min(ms.length - 1, step));
  }

  get rate() {
    if (this.unit === "time") return this.finished ? this.limit / SECONDS_A_RUN : 1000;
    return rateOf(this.limit, this.finished);
  }

  /** @param {number} milliseconds @param {boolean} calm */
  advance(milliseconds, calm) {
    const ahead = (this.rate * milliseconds) / 1000;
    // In steps, a slow browser plays slower, and skips none.
    const next = this.cursor + (this.unit === "step" ? Math.min(1, ahead) : ahead);
    this.cursor = Math.min(this.limit, calm && this.following ? this.limit : next);
    if (this.finished && this.atEnd) this.playing = this.following = false;
  }

  /** @param {number} to */
  seek(to) {
    this.playing = false;
    this.cursor = Math.max(0, Math.min(this.limit, to));
  }

  toggle() {
    if (!this.playing && this.finished && this.atEnd) this.cursor = 0;
    this.playing = !this.playing && this.limit > 0;
  }

  /** Goes on from the same share of the run that is longer in the new unit. @param {string} unit */
  count(unit) {
    const share = this.cursor / Math.max(this.limit, 1e-9);
    this.unit = unit;
    this.cursor = share * this.limit;
  }

  /** Keeps what is on show as the whole of both runs. */
  stop() {
    this.stopped = this.state.run;
    const sides = this.state.sides.map((side) => ({ ...side, ms: side.ms.slice(0, this.stepOf(side) + 1) }));
    this.state = { ...this.state, sides };
    this.cursor = this.limit;
    this.playing = this.following = false;
  }

  /** Where it stands, in words. */
  get reading() {
    if (!this.begun) return "–";
    const seconds = (/** @type {number} */ ms) => (ms / 1000).toFixed(2);
    if (this.unit === "time") return say("viewer.seconds_of", { now: seconds(this.cursor), last: seconds(this.limit) });
    return say("viewer.step_of", { step: Math.floor(this.cursor), last: this.limit });
  }
}

class SyncPlayer {
  /** @param {HTMLElement} root @param {() => Element[]} canvases first side first */
  constructor(root, canvases) {
    label(root);
    this.root = root;
    this.canvases = canvases;
    this.playback = new SyncPlayback();
    this.scrub = /** @type {HTMLInputElement} */ (find(root, ".pc-scrub"));
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.lastFrame = this.frame = 0;
    this.scrub.addEventListener("input", () => this.show(() => this.playback.seek(Number(this.scrub.value))));
    root.addEventListener("click", (event) => this.onClick(event));
    root.addEventListener("syncplayer:stop", () => this.stop());
  }

  /** @param {PlayerState | null} state */
  update(state) {
    if (!state || state.run === this.playback.stopped) return;
    this.show(() => this.playback.read(state));
    this.play();
  }

  /** @param {() => void} does */
  show(does) {
    does();
    this.paint();
  }

  play() {
    if (this.frame) return;
    this.lastFrame = performance.now();
    this.frame = requestAnimationFrame((now) => this.tick(now));
  }

  /** @param {number} now */
  tick(now) {
    this.frame = 0;
    if (this.playback.playing) this.playback.advance(now - this.lastFrame, this.calm.matches);
    this.lastFrame = now;
    this.paint();
    if (this.playback.playing) this.frame = requestAnimationFrame((next) => this.tick(next));
  }

  stop() {
    this.playback.stop();
    for (const canvas of this.canvases()) canvas.dispatchEvent(new Event("tokencanvas:stop"));
    this.paint();
  }

  paint() {
    const { playback, root, scrub } = this, { begun, playing, limit } = playback;
    scrub.max = String(limit);
    scrub.step = playback.unit === "step" ? "1" : "any";
    scrub.value = String(playback.cursor);
    scrub.setAttribute("aria-valuetext", playback.reading);
    const now = find(root, ".pc-now"), key = find(root, "[data-do=play]");
    if (now.textContent !== playback.reading) now.textContent = playback.reading;
    key.dataset.playing = String(playing);
    key.setAttribute("aria-label", say(playing ? "viewer.pause" : "viewer.play"));
    const keys = /** @type {NodeListOf<HTMLButtonElement>} */ (root.querySelectorAll(".tc-key, .pc-scrub"));
    for (const el of keys) el.disabled = !(limit > 0);
    root.dataset.state = !begun ? "idle" : playing ? "playing" : playback.finished && playback.atEnd ? "done" : "paused";
    this.canvases().forEach((canvas, index) => {
      const side = playback.state.sides[index];
      if (!side?.ms.length) return;
      const detail = { step: playback.stepOf(side), playing };
      canvas.dispatchEvent(new CustomEvent("tokencanvas:lead", { detail }));
    });
  }

  /** @param {MouseEvent} event */
  onClick(event) {
    const target = /** @type {Element} */ (event.target), { playback } = this;
    const does = target.closest("[data-do]")?.getAttribute("data-do");
    const step = playback.unit === "step" ? 1 : playback.limit / 20;
    const to = { first: 0, back: playback.cursor - step, step: playback.cursor + step, last: playback.limit };
    if (does === "play") this.show(() => playback.toggle());
    else if (does) this.show(() => playback.seek(to[/** @type {keyof typeof to} */ (does)]));
    const unit = target.closest("[data-unit]")?.getAttribute("data-unit");
    if (unit && unit !== playback.unit) this.show(() => playback.count(unit));
    for (const el of this.root.querySelectorAll("[data-unit]"))
      el.setAttribute("aria-pressed", String(el.getAttribute("data-unit") === playback.unit));
    this.play();
  }
}

/** @param {HTMLElement} root @param {() => Element[]} canvases */
export function mountPlayer(root, canvases) {
  return new SyncPlayer(root, canvases);
}

// @ts-check
// Which step of a run is on show, and how it moves with time; it knows no page.

export const SECONDS_A_RUN = 4;     // a run plays in about this long at speed 1
const RATES = [0.6, 40];            // steps a second
const LIVE_RATE = 8;                // at most, while it is not known how many steps there will be

/** How many steps a second a run is played at speed 1. @param {number} steps @param {boolean} finished */
export function rateOf(steps, finished) {
  const [low, high] = RATES;
  return Math.min(finished ? high : LIVE_RATE, Math.max(low, steps / SECONDS_A_RUN));
}

export class Playback {
  constructor() {
    this.cursor = 0;         // the step on show, with a fraction while playing
    this.last = 0;           // the last step there is
    this.playing = false;
    this.following = false;  // this run has not been shown to its end yet
  }

  /** The step on show. */
  get step() {
    return Math.max(0, Math.min(this.last, Math.floor(this.cursor)));
  }

  get atEnd() {
    return this.step >= this.last;
  }

  /** Begins a run. @param {{play: boolean, live: boolean}} state @param {boolean} calm whether nothing shall move */
  begin({ play, live }, calm) {
    const still = !play || (calm && !live);
    this.cursor = still ? this.last : 0;
    this.playing = !still;
    this.following = live;
  }

  /** Moves on. A slow browser plays slower, and skips no step.
   *  @param {number} milliseconds since the last time
   *  @param {{rate: number, finished: boolean, calm: boolean}} how */
  advance(milliseconds, { rate, finished, calm }) {
    const ahead = Math.min(1, (rate * milliseconds) / 1000);
    this.cursor = calm && this.following ? this.last : Math.min(this.last, this.cursor + ahead);
    if (this.atEnd && finished) this.playing = false;
  }

  /** @param {number} step */
  seek(step) {
    this.playing = false;
    this.cursor = Math.max(0, Math.min(this.last, step));
  }

  /** @param {boolean} finished */
  toggle(finished) {
    if (!this.playing && this.atEnd && finished) this.cursor = 0;
    this.playing = !this.playing && this.last > 0;
  }
}

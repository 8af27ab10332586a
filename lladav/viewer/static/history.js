// @ts-check
// What has stood at each position of an answer, step after step.

/** @template T */
export class History {
  /** @param {number} length positions @param {T} blank what stands where nothing was put yet */
  constructor(length, blank) {
    this.blank = blank;
    /** For each position, [step, value] whenever that changed. @type {[number, T][][]} */
    this.held = Array.from({ length }, () => []);
  }

  /** What stands at a position after a step. @param {number} position @param {number} step @returns {T} */
  at(position, step) {
    return this.held[position]?.findLast(([at]) => at <= step)?.[1] ?? this.blank;
  }

  /** The step since which it stands there. @param {number} position @param {number} step */
  since(position, step) {
    return this.held[position]?.findLast(([at]) => at <= step)?.[0] ?? 0;
  }

  /** @param {number} position @param {number} step @param {T} value */
  put(position, step, value) {
    this.held[position].push([step, value]);
  }

  /** Moves what stands behind a position further back; the room that makes is blank.
   *  @param {number} step @param {number} position @param {number} count @param {T} blank */
  open(step, position, count, blank) {
    const before = this.held.map((_, at) => this.at(at, step));
    for (let at = position + 1; at < before.length; at++) {
      const value = at > position + count ? before[at - count] : blank;
      if (value !== before[at]) this.put(at, step, value);
    }
  }

  /** Forgets what came after a step. @param {number} step */
  cut(step) {
    this.held = this.held.map((entries) => entries.filter(([at]) => at <= step));
  }
}

// @ts-check
// When an answer was decided, as lladav/decisions.py says it of a trace.

/** @typedef {import("./record.js").RunRecord} RunRecord */

/** What was found out of finished runs, by their states. @type {WeakMap<object, number>} */
const stood = new WeakMap();

/** How a position came to the token that stands there after a step: when that was committed, since when the model
 *  proposed nothing else, and how often one was taken back there. Masked, it has no such steps.
 *  @param {RunRecord} record @param {number} position @param {number} step */
export function decisionAt(record, position, step) {
  const token = record.tokenAt(position, step);
  return {
    committed_at: token ? token.step : null,
    settled_since: token ? record.guesses.at(position, step).since : null,
    revoked: record.revocations.at(position, step),
  };
}

/** The first step at which the best guess was the answer that the run ended with, up to what ends it; null where it is
 *  not finished. @param {RunRecord} record @returns {number | null} */
export function stoodAt(record) {
  const { state, steps } = record, last = steps.length - 1;
  const cut = steps.length !== state?.log.length;
  if (cut || (state.finish_reason !== "stop" && state.finish_reason !== "length")) return null;
  const known = stood.get(state);
  if (known !== undefined) return known;
  const length = Math.min(state.gen_length, (steps[last].stop_position ?? state.gen_length) + 1);
  const ids = (/** @type {number} */ step) =>
    Array.from({ length }, (_, position) => record.guesses.at(position, step).id);
  const wanted = ids(last);
  const first = steps.findIndex(({ step }) => ids(step).every((id, position) => id === wanted[position]));
  stood.set(state, first);
  return first;
}

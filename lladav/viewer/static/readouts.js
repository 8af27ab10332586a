// @ts-check
// What is said in figures about the step on show. Their words come from the record alone, so that they equal the trace.

import { percent } from "./dom.js";
import { say, translated } from "./texts.js";

/** @typedef {import("./record.js").RunRecord} RunRecord */
/** @typedef {{step: number, done: boolean, playing: boolean, stopped: boolean}} Moment */

/** @param {RunRecord} record @param {Moment} moment @returns {Record<string, string>} */
export function readoutsAt(record, moment) {
  const { step } = moment, state = record.state, now = record.steps[step];
  const count = record.countAt(step), revoked = record.revokedUpTo(step), mean = record.confidenceAt(step);
  const finished = now && moment.done && !moment.stopped && state?.finish_reason;
  return {
    state: say(`viewer.state_${stateWord(record, moment)}`),
    edit: translated(state?.edit ?? ""),
    note: translated(state?.note ?? ""),
    seed: state?.seed === null || state?.seed === undefined ? "–" : String(state.seed),
    finish: finished ? say(`viewer.finish_${finished}`) : "–",
    step: now ? say("viewer.count_of", { step, last: Math.max(step, record.lastStep()) }) : "–",
    nfe: now ? String(now.nfe) : "–",
    tpf: now?.nfe ? ((count - revoked) / now.nfe).toFixed(1) : "–",
    tps: now?.ms && count ? String(Math.round(((count - revoked) / now.ms) * 1000)) : "–",
    mean: mean === null ? "–" : percent(mean),
    committed: now ? say("viewer.committed_now", { now: now.transfer_index.length, all: count }) : "–",
    masks: now ? String(now.masks) : "–",
    revoked: now ? String(revoked) : "–",
  };
}

/** @param {RunRecord} record @param {Moment} moment */
function stateWord(record, { step, done, playing, stopped }) {
  if (record.state?.finish_reason === "idle") return "ready";
  if (done) return stopped || record.state?.finish_reason === "stopped" ? "stopped" : "finished";
  if (step === 0 && record.steps.length === 1) return "reading";
  return playing ? "refining" : "paused";
}

// @ts-check
// Lanes of runs, and what can be done besides, without a page.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers";

import { Lanes } from "../../../lladav/ui/static/lessons/lanes.js";

/** A lesson whose runs take until they are let go. */
function lesson() {
  /** @type {() => void} */
  let finish = () => {};
  const act = () => new Promise((resolve) => (finish = () => resolve(undefined)));
  const lanes = /** @type {Lanes} */ (Object.assign(Object.create(Lanes.prototype), {
    act, begun: Promise.resolve(), go: { disabled: false }, other: { disabled: true },
  }));
  return { lanes, finish: () => finish() };
}

for (const [what, begin] of Object.entries({
  "a run": (/** @type {Lanes} */ lanes) => lanes.run(),
  "what can be done besides": (/** @type {Lanes} */ lanes) => lanes.alone(() => lanes.act()),
})) test(`while ${what} goes on nothing else can be asked for, which would take its place`, async () => {
  const { lanes, finish } = lesson(), turn = () => new Promise((resolve) => setImmediate(resolve));
  for (let time = 0; time < 2; time++) {
    const ran = begin(lanes);
    await turn();
    assert.deepEqual([lanes.go.disabled, lanes.other?.disabled], [true, true]);
    finish();
    await ran;
    assert.deepEqual([lanes.go.disabled, lanes.other?.disabled], [false, false]);
  }
});

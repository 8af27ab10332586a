// @ts-check
// Requests of the lessons, where the server has no place for them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers";

import { Mail } from "../../../lladav/ui/static/lessons/mail.js";

/** A server whose answers about its health come when they are let go, in any order. */
function fullServer() {
  /** @type {(() => void)[]} */
  const held = [];
  globalThis.fetch = /** @type {any} */ (async (/** @type {string} */ address) => {
    if (address === "health") await new Promise((resolve) => held.push(() => resolve(undefined)));
    return { json: async () => (address === "health" ? { running: 2 } : { early: { text: "1" }, late: { text: "2" } }) };
  });
  return held;
}

test("what was asked before is not answered any more, whichever the server says first that it is full", async () => {
  for (const order of [[0, 1], [1, 0]]) {
    const held = fullServer(), mail = new Mail(() => {}, "lessons", 2);
    /** @type {string[]} */
    const shown = [];
    for (const name of ["early", "late"]) {
      void mail.ask("budget", name, {}, () => {}).then(({ reply, live, why }) => shown.push(`${reply.text} ${live} ${why}`));
    }
    for (const which of order) {
      held[which]();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(shown, ["2 false busy"]);
  }
});

// @ts-check
// The walk through a lesson, without a page: what goes on where a request takes another one's place.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers";

import { Walk } from "../../../lladav/ui/static/lessons/walk.js";

/** A lesson that asks as it begins and as it goes on, and the requests that wait for an answer, of which there is one. */
function lesson() {
  /** @type {{name: string, resolve: (answer: any) => void}[]} */
  const waiting = [];
  const ask = (/** @type {string} */ _, /** @type {string} */ name) => new Promise((resolve) => {
    waiting.splice(0, 1, { name, resolve });
  });
  /** @type {Record<string, string>} */
  const attributes = {};
  const walk = /** @type {Walk} */ (Object.assign(Object.create(Walk.prototype), {
    page: { mail: { ask }, texts: { at: String } }, lesson: { name: "lesson" }, go: { disabled: false },
    source: { textContent: "", dataset: {} }, replaced() {},
    stage: {
      getAttribute: (/** @type {string} */ name) => attributes[name] ?? null,
      setAttribute: (/** @type {string} */ name, /** @type {string} */ value) => void (attributes[name] = value),
    },
    async begin() { await this.ask("begin"); }, async act() { await this.ask("act"); },
  }));
  const answer = () => waiting.splice(0, 1).map(({ name, resolve }) => (resolve({ reply: {}, live: true, why: "" }), name));
  return { walk, answer };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a run ends when its answer is there", async () => {
  const { walk, answer } = lesson();
  walk.start();
  assert.deepEqual(answer(), ["begin"]);
  const ran = walk.run();
  await turn();
  assert.equal(walk.go.disabled, true);
  assert.deepEqual(answer(), ["act"]);
  await ran;
  assert.equal(walk.go.disabled, false);
});

test("what is asked meanwhile takes the place of what the lesson begins with, and a run still follows", async () => {
  const { walk, answer } = lesson();
  walk.start();
  void walk.ask("other");
  assert.deepEqual(answer(), ["other"]);
  await turn();
  const ran = walk.run();
  await turn();
  assert.deepEqual(answer(), ["act"]);
  await ran;
  assert.equal(walk.go.disabled, false);
});

test("what is asked meanwhile takes the place of a run, which can be begun again", async () => {
  const { walk, answer } = lesson();
  walk.start();
  answer();
  await turn();
  const ran = walk.run();
  await turn();
  void walk.ask("other");
  await ran;
  assert.equal(walk.go.disabled, false);
  assert.deepEqual(answer(), ["other"]);
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Selection } from "../../lladav/viewer/static/edit.js";
import { RunRecord } from "../../lladav/viewer/static/record.js";

const { state } = JSON.parse(readFileSync(new URL("../fixtures/viewer/run.json", import.meta.url)));

function selection() {
  const record = new RunRecord();
  record.read(state);
  const made = new Selection(record);
  made.begin();
  return made;
}

const last = () => state.log.length - 1;

test("masking again is about the chosen positions alone, and no neighbouring mask", () => {
  const made = selection();
  made.toggle(1);
  made.toggle(3);
  assert.deepEqual(made.maskAgain(last()), { step: last(), changes: { 1: null, 3: null }, label: "re-masked 2 tokens" });
});

test("words go over the first of the chosen positions, and the others become masks", () => {
  const made = selection();
  for (const position of [4, 2, 3]) made.toggle(position);
  const { changes, label } = made.typeOver("blue dog", last());
  assert.deepEqual(changes, { 2: "blue dog", 3: null, 4: null });
  assert.equal(label, "typed “blue dog”");
});

test("what is kept goes with every edit, unless the edit is about it", () => {
  const made = selection(), kept = made.record.tokenAt(1, last()).piece.id;
  made.pinned = 1;
  made.toggleKept(last());
  made.toggle(0);
  assert.deepEqual(made.maskAgain(last()).changes, { 0: null, 1: kept });
  made.clear();
  made.toggle(1);
  assert.deepEqual(made.maskAgain(last()).changes, { 1: null });
});

test("rewriting the others leaves what is kept", () => {
  const made = selection();
  made.pinned = 2;
  made.toggleKept(last());
  const { changes, label } = made.rewriteOthers(last());
  assert.equal(Object.values(changes).filter((change) => change === null).length, state.gen_length - 1);
  assert.equal(typeof changes[2], "number");
  assert.equal(label, "rewrote all but 1 token");
});

test("the token whose card is pinned is chosen until others are marked", () => {
  const made = selection();
  made.pinned = 5;
  assert.deepEqual(made.chosen, [5]);
  made.toggle(6);
  assert.deepEqual(made.chosen, [5, 6]);
  made.toggle(5);
  assert.deepEqual(made.chosen, [6]);
});

test("an alternative is taken up from the step on show, or where nothing is left to fill from its own", () => {
  const made = selection(), token = made.record.tokenAt(0, last());
  assert.equal(made.takeAlternative(0, { id: 9, text: " cat" }, 2).step, 2);
  assert.equal(made.record.masksAt(last()), 0);
  assert.deepEqual(made.takeAlternative(0, { id: 9, text: " cat" }, last()), {
    step: token.step, changes: { 0: 9 }, label: `took “cat” at step ${token.step}`,
  });
});

test("masks before the end count as going on", () => {
  const made = selection();
  made.toggle(0);
  assert.equal(made.record.tokenAt(0, 0), undefined);
  assert.equal(made.maskAgain(0).label, "went on");
});

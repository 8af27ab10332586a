import assert from "node:assert/strict";
import { test } from "node:test";

import { Choices } from "../../../lladav/ui/static/settings.js";

/** Send the last choice once more, as the page does. */
function again(choices, missed) {
  assert.equal(choices.missed, missed);
  return missed;
}

test("a choice that is answered before another one is made is sent once", () => {
  const choices = new Choices();
  for (const choice of ["length", "preset", "preset"]) {
    assert.deepEqual(choices.asked(choice, [choice]), [choice]);
    assert.equal(choices.answered(choice, null), null);
  }
});

test("behind an answer to another choice the last one is sent once more, as it was", () => {
  const choices = new Choices();
  choices.asked("length", [48]);
  choices.asked("preset", ["Quality"]);
  assert.equal(choices.answered("preset", null), null);
  const missed = again(choices, choices.answered("length", null));
  assert.deepEqual(missed, { choice: "preset", number: 2, values: ["Quality"] });
  assert.equal(choices.answered("again", missed.number), null);
});

test("a choice that is made while one is sent once more is the last one, of whatever kind it is", () => {
  for (const [choice, value] of [["preset", "Fast"], ["sizes", 5]]) {
    const choices = new Choices();
    choices.asked("length", [48]);
    choices.asked("preset", ["Quality"]);
    choices.answered("preset", null);
    const missed = again(choices, choices.answered("length", null));
    choices.asked(choice, [value]);
    assert.equal(choices.answered(choice, null), null);
    const last = again(choices, choices.answered("again", missed.number));
    assert.deepEqual(last, { choice, number: 3, values: [value] });
    assert.equal(choices.answered("again", last.number), null);
  }
});

test("a box that is only clicked into, or left, is no choice, and what its answer undoes is sent once more", () => {
  const choices = new Choices(), quality = ["Quality", 16];
  choices.asked("preset", quality);
  assert.deepEqual(choices.asked("sizes", ["Quality", 16]), quality);
  assert.equal(choices.answered("preset", null), null);
  assert.equal(again(choices, choices.answered("sizes", null)).choice, "preset");
  choices.asked("length", ["Quality", 48]);
  choices.asked("length", ["Quality", 48]);
  assert.equal(choices.answered("length", null), null);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { colors, valuesOf } from "../../lladav/ui/static/attention.js";
import { thingLookedAt, whereItWent } from "../../lladav/ui/static/lessons/looking.js";

test("a layer's values are its part of all bytes", () => {
  const maps = { columns: 2, rows: 1, data: "AP8zZg==" };  // 0, 255, 51, 102
  assert.deepEqual(valuesOf(maps, 0), [0, 1]);
  assert.deepEqual(valuesOf(maps, 1), [0.2, 0.4]);
});

test("what is looked at is seen through, and what is not is dark", () => {
  const [, , , hidden, , , , clear] = colors([0, 1]);
  assert.equal(colors([0, 0.5, 1]).length, 12);
  assert.ok(hidden > clear);
});

test("a layer looked at what has more than half of its attention to the picture, however little that is", () => {
  const look = { shares: [0.5, 0.2, 0.5], things: { apple: [0.25, 0.11, 0], banana: [0.1, 0.09, 0.3] } };
  assert.deepEqual([0, 1, 2].map((layer) => thingLookedAt(look, layer)), ["", "apple", "banana"]);
});

test("what went to things, to the rest of the picture and to the text is all of it", () => {
  const went = whereItWent({ shares: [0.5], things: { apple: [0.25], banana: [0.125] } }, 0);
  assert.deepEqual(went, [["apple", 0.25], ["banana", 0.125], ["rest", 0.125], ["text", 0.5]]);
});

import assert from "node:assert/strict";
import { test } from "node:test";

import { colors, valuesOf } from "../../lladav/ui/static/attention.js";

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

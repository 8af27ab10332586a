import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { readoutsAt } from "../../lladav/viewer/static/readouts.js";
import { RunRecord, entropy } from "../../lladav/viewer/static/record.js";
import { mapOf } from "../../lladav/viewer/static/step_map.js";

const { state, trace, readouts } = JSON.parse(readFileSync(new URL("../fixtures/viewer/run.json", import.meta.url)));

function recordOf(lines = state.log.length) {
  const record = new RunRecord();
  record.read({ ...state, log: state.log.slice(0, lines) });
  return record;
}

test("every readout of every step says what the trace says", () => {
  const record = recordOf();
  readouts.forEach((expected, step) => {
    const done = step === readouts.length - 1;
    const said = readoutsAt(record, { step, done, playing: false, stopped: false });
    assert.deepEqual(Object.fromEntries(Object.keys(expected).map((name) => [name, said[name]])), expected);
  });
});

test("the readouts of a run that was cut short are those of the run up to there", () => {
  const record = recordOf(), step = 4;
  record.cut(step);
  assert.equal(record.steps.length, step + 1);
  const said = readoutsAt(record, { step, done: true, playing: false, stopped: true });
  for (const name of ["nfe", "tpf", "masks", "committed", "mean"]) assert.equal(said[name], readouts[step][name]);
  assert.equal(said.state, "stopped");
  assert.equal(said.finish, "–");
});

test("a state that carries more of a run adds to what is known, and an update of another run begins anew", () => {
  const record = recordOf(3), whole = recordOf();
  assert.equal(record.read({ ...state, log: state.log.slice(0, 5) }), false);
  assert.equal(record.read(state), false);
  assert.deepEqual(record, whole);
  assert.equal(record.read({ ...state, run: "another", log: state.log.slice(0, 1) }), true);
  assert.equal(record.steps.length, 1);
  assert.ok(record.history.every((held) => held.length === 0));
});

test("a token stands where and when it was committed", () => {
  const record = recordOf();
  trace.steps.forEach(({ transfer_index }, index) => {
    for (const position of transfer_index) {
      assert.equal(record.tokenAt(position, index), undefined);
      assert.equal(record.tokenAt(position, index + 1)?.step, index + 1);
    }
  });
});

test("a token that an earlier run had committed keeps what was known of it", () => {
  const record = new RunRecord(), position = 2, other = 3;
  record.read({
    ...state, run: "edited", template: [[position, 0], [other, 1]], carried: [[position, 0.8, 0, 0.8, 1, 0.1]], log: [],
  });
  const token = record.tokenAt(position, 0);
  assert.ok(token?.carried);
  assert.equal(record.measure(position, token, "confidence"), 0.8);
  assert.ok(Math.abs(record.measure(position, token, "margin") - 0.7) < 1e-9);
  assert.deepEqual(record.tokenProbsAt(position, 5).map(({ probability }) => probability), [0.8, 0.1]);
  assert.equal(record.tokenAt(other, 0)?.carried, undefined);
});

test("a mask that the model writes leaves its position masked", () => {
  const record = new RunRecord(), line = JSON.stringify([1, 1, 5, 0, null, [[2, 0, 0.9]], []]);
  const start = JSON.stringify([0, 0, 0, 0, null, [], []]);
  record.read({ ...state, run: "written", template: [], pieces: ["7 s<|mdm_mask|>"], log: [start, line] });
  assert.equal(record.tokenAt(2, 1), undefined);
  assert.equal(record.masksAt(1), record.masksAt(0));
});

test("a token that was taken back is a mask again", () => {
  const record = recordOf(3), [position] = record.steps[1].transfer_index[0];
  const line = [3, 3, 30, 0, record.steps[2].stop_position, [], [], [position]];
  record.read({ ...state, log: [...state.log.slice(0, 3), JSON.stringify(line)] });
  assert.ok(record.tokenAt(position, 2));
  assert.equal(record.tokenAt(position, 3), undefined);
  assert.equal(record.masksAt(3), record.masksAt(2) + 1);
});

test("entropy is that of the listed probabilities and the rest", () => {
  assert.equal(entropy([1]), 0);
  assert.ok(Math.abs(entropy([0.5, 0.5]) - Math.log(2)) < 1e-12);
  assert.ok(Math.abs(entropy([0.5]) - Math.log(2)) < 1e-12);
});

test("the map has a row a step and a column a position, and marks the commits", () => {
  const rows = mapOf(recordOf());
  assert.equal(rows.length, trace.steps.length);
  rows.forEach((row, index) => {
    assert.equal(row.length, trace.config.gen_length);
    const committed = row.flatMap((cell, position) => (cell.committed ? [position] : []));
    assert.deepEqual(committed, [...trace.steps[index].transfer_index].sort((a, b) => a - b));
  });
});

test("a token was written by the pass that saw the canvas before it, and a mask is looked at by the last one", () => {
  const record = recordOf();
  const [[position]] = record.steps[3].transfer_index;
  assert.equal(record.canvasBefore(position, record.lastStep()), 2);
  assert.equal(record.canvasBefore(position, 2), 1);
  assert.equal(record.canvasBefore(position, 0), 0);
});

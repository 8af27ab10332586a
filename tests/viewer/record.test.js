import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { decisionAt, stoodAt } from "../../lladav/viewer/static/decisions.js";
import { readoutsAt } from "../../lladav/viewer/static/readouts.js";
import { RunRecord, entropy } from "../../lladav/viewer/static/record.js";
import { mapOf } from "../../lladav/viewer/static/step_map.js";

/** @param {string} name */
const shared = (name) => JSON.parse(readFileSync(new URL(`../fixtures/viewer/${name}.json`, import.meta.url)));
const { state, trace, readouts } = shared("run");

function recordOf(lines = state.log.length, of = state) {
  const record = new RunRecord();
  record.read({ ...of, log: of.log.slice(0, lines) });
  return record;
}

for (const name of ["run", "repaired", "restless", "grown"]) {
  const run = shared(name);

  test(`every readout of every step says what the trace says: ${name}`, () => {
    const record = recordOf(run.state.log.length, run.state);
    run.readouts.forEach((expected, step) => {
      const done = step === run.readouts.length - 1;
      const said = readoutsAt(record, { step, done, playing: false, stopped: false });
      assert.deepEqual(Object.fromEntries(Object.keys(expected).map((out) => [out, said[out]])), expected);
    });
  });

  test(`it was decided when the trace says, at every step, live and afterwards: ${name}`, () => {
    const whole = recordOf(run.state.log.length, run.state);
    run.decisions.forEach((expected, step) => {
      for (const record of [whole, recordOf(step + 1, run.state)]) {
        const found = expected.map((_, position) => Object.values(decisionAt(record, position, step)));
        assert.deepEqual(found, expected);
      }
    });
    assert.equal(stoodAt(whole), run.stood_at);
  });
}

test("a run that was cut short never stood as it ended", () => {
  const record = recordOf();
  record.cut(record.steps.length - 2);
  assert.equal(stoodAt(record), null);
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
  assert.ok(record.tokens.held.every((held) => held.length === 0));
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
  assert.equal(record.measure(position, 0, "confidence"), 0.8);
  assert.ok(Math.abs(record.measure(position, 0, "margin") - 0.7) < 1e-9);
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
  assert.equal(record.revokedAt(position, 3), record.tokenAt(position, 2));
  assert.equal(record.revokedAt(position, 2), undefined);
});

test("entropy is that of the listed probabilities and the rest", () => {
  assert.equal(entropy([1]), 0);
  assert.ok(Math.abs(entropy([0.5, 0.5]) - Math.log(2)) < 1e-12);
  assert.ok(Math.abs(entropy([0.5]) - Math.log(2)) < 1e-12);
});

test("the map marks what is taken back, and where each position is settled", () => {
  const { state: repaired, decisions } = shared("repaired"), rows = mapOf(recordOf(repaired.log.length, repaired));
  const marked = (/** @type {string} */ name) => rows.map((row) => row.flatMap((cell, at) => (cell[name] ? [at] : [])));
  assert.deepEqual(marked("revoked"), [[], [0], []]);
  assert.deepEqual(marked("settled"), rows.map((_, index) =>
    decisions.at(-1).flatMap(([, settled], at) => (settled === index + 1 ? [at] : []))));
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

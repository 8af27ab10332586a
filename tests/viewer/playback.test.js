import assert from "node:assert/strict";
import { test } from "node:test";

import { Playback, rateOf } from "../../lladav/viewer/static/playback.js";
import { SyncPlayback } from "../../lladav/viewer/static/sync_player.js";

/** Seconds until a run of so many steps has been shown to its end. */
function secondsToPlay(steps) {
  const playback = new Playback();
  playback.last = steps;
  playback.begin({ play: true, live: false }, false);
  let milliseconds = 0;
  for (; playback.playing; milliseconds += 16)
    playback.advance(16, { rate: rateOf(steps, true), finished: true, calm: false });
  return milliseconds / 1000;
}

test("a short answer takes about four seconds to play, and a long one not many more", () => {
  for (const steps of [3, 8, 17, 32, 64, 128]) {
    const seconds = secondsToPlay(steps);
    assert.ok(seconds > 3.8 && seconds < 5.2, `${steps} steps took ${seconds} s`);
  }
  assert.ok(secondsToPlay(512) < 15);
});

test("a slow browser shows every step", () => {
  const playback = new Playback();
  playback.last = 5;
  playback.begin({ play: true, live: true }, false);
  const seen = [];
  while (!playback.atEnd) {
    playback.advance(5000, { rate: 40, finished: true, calm: false });
    seen.push(playback.step);
  }
  assert.deepEqual(seen, [1, 2, 3, 4, 5]);
});

test("where nothing shall move, a run that goes on is shown as it comes", () => {
  const playback = new Playback();
  playback.begin({ play: true, live: true }, true);
  playback.last = 7;
  playback.advance(1, { rate: 1, finished: false, calm: true });
  assert.equal(playback.step, 7);
});

test("play at the end begins again, and seeking pauses", () => {
  const playback = new Playback();
  playback.last = 4;
  playback.seek(9);
  assert.equal(playback.step, 4);
  playback.toggle(true);
  assert.deepEqual([playback.step, playback.playing], [0, true]);
  playback.seek(-3);
  assert.deepEqual([playback.step, playback.playing], [0, false]);
});

const sides = (first, second, finished = true) => [first, second].map((ms) => ({ ms, finished }));

test("two runs share a slider, and the shorter one waits", () => {
  const player = new SyncPlayback();
  player.read({ run: "a", sides: sides([0, 10, 20, 30], [0, 50]) });
  player.seek(2);
  assert.deepEqual(player.state.sides.map((side) => player.stepOf(side)), [2, 1]);
  assert.equal(player.reading, "step 2 of 3");
});

test("in seconds each run has its own time", () => {
  const player = new SyncPlayback();
  player.read({ run: "a", sides: sides([0, 10, 20, 30], [0, 50]) });
  player.seek(0);
  player.count("time");
  assert.equal(player.limit, 50);
  player.seek(25);
  assert.deepEqual(player.state.sides.map((side) => player.stepOf(side)), [2, 0]);
});

test("while a run goes on, the slider goes no further than it", () => {
  const player = new SyncPlayback();
  player.read({ run: "a", sides: [{ ms: [0, 1, 2, 3, 4], finished: true }, { ms: [0, 9], finished: false }] });
  assert.equal(player.limit, 1);
});

test("stopping keeps what is on show as the whole of both", () => {
  const player = new SyncPlayback();
  player.read({ run: "a", sides: sides([0, 1, 2, 3, 4], [0, 1, 2, 3, 4], false) });
  player.seek(2);
  player.stop();
  assert.deepEqual(player.state.sides.map(({ ms }) => ms.length), [3, 3]);
  assert.ok(player.finished && player.atEnd);
});

"""The record that feeds the canvas: complete, compact, and no part of any template."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from gradio.utils import diff
from helpers import long_run
from scripted import Neighbors, traced

from lladav import LladaVPipeline, SamplingConfig, SamplingStep
from lladav.recording import Recording
from lladav.viewer.state import MOST_TOKEN_PROBS, StateWriter, canvas_state

MESSAGES = [{"role": "user", "content": "What is this?"}]


def record_of(pipe: LladaVPipeline, config: SamplingConfig) -> tuple[list[SamplingStep], list[dict[str, Any]]]:
    """The steps of a run and the state of the canvas after each."""
    recording = Recording(pipe.prepare(MESSAGES), config)
    writer = StateWriter.of(pipe, recording)
    values = []
    for frame in pipe.frames(recording.prompt, config):
        recording.add(replace(frame, seconds=0.0125 * frame.nfe))
        values.append(writer.value())
    return [*pipe.stream(MESSAGES, config)], values


@pytest.fixture(scope="module")
def run(tiny_pipeline: LladaVPipeline):
    return record_of(tiny_pipeline, SamplingConfig(gen_length=24, block_length=12, steps=12, temperature=0.5, seed=1))


def test_the_last_value_tells_every_step(run):
    steps, values = run
    tokens: dict[int, int] = {}
    for step, line in zip(steps, map(json.loads, values[-1]["log"]), strict=True):
        number, nfe, milliseconds, block, stop, transferred, _, *moves = line
        assert (moves[0], moves[2]) == ([], [])
        assert (number, nfe, block, stop) == (step.step, step.nfe, step.block, step.stop_position)
        assert milliseconds == pytest.approx(12.5 * step.step)
        for position, piece, confidence in transferred:
            tokens[position] = int(values[-1]["pieces"][piece].split(" ")[0])
            assert confidence == pytest.approx(step.confidence[position].item(), abs=6e-4)
        shown = [tokens.get(position) for position in range(24)]
        masked = step.mask_index.tolist()
        assert shown == [None if hidden else token for token, hidden in zip(step.tokens.tolist(), masked, strict=True)]


def test_values_only_grow(run):
    _, values = run
    for before, after in pairwise(values):
        assert after["log"][:-1] == before["log"]
        assert after["pieces"][: len(before["pieces"])] == before["pieces"]
    assert [value["finish_reason"] for value in values[:-1]] == [None] * 12
    assert values[-1]["finish_reason"] in ("stop", "length")


def test_alternatives_are_those_of_the_step(run):
    steps, values = run
    pieces = [int(entry.split(" ")[0]) for entry in values[-1]["pieces"]]
    for step, line in zip(steps, map(json.loads, values[-1]["log"]), strict=True):
        for position, *pairs in line[6]:
            assert [pieces[index] for index in pairs[::2]] == step.top_ids[position].tolist()
            for sent, probability in zip(pairs[1::2], step.top_probs[position].tolist(), strict=True):
                assert sent == pytest.approx(probability, abs=6e-4)


def test_an_update_is_small():
    values = long_run()
    sizes = sorted(len(json.dumps(diff(before, after))) for before, after in pairwise(values))
    assert sizes[len(sizes) // 2] < 6000  # where every proposal changes in every step
    assert max(len(json.loads(line)[6]) for line in values[-1]["log"]) == MOST_TOKEN_PROBS


def test_special_tokens_are_marked(tiny_pipeline: LladaVPipeline):
    _, values = record_of(tiny_pipeline, SamplingConfig(gen_length=8, block_length=8, steps=2, temperature=2.0, seed=0))
    special = set(tiny_pipeline.tokenizer.all_special_ids)
    for entry in values[-1]["pieces"]:
        token, text = entry.split(" ", 1)
        assert text[0] == ("s" if int(token) in special else "t")
        assert text[1:] == tiny_pipeline.pieces([int(token)])[0]


def test_a_trace_is_shown_as_its_run_was(tiny_pipeline: LladaVPipeline):
    config = SamplingConfig(gen_length=24, block_length=12, steps=12, temperature=0.5, seed=1)
    *_, live = record_of(tiny_pipeline, config)[1]
    trace = tiny_pipeline(MESSAGES, config).trace
    shown = canvas_state(trace)
    lines, live_lines = (list(map(json.loads, state["log"])) for state in (shown, live))
    assert [line[3:] for line in lines] == [line[3:] for line in live_lines]
    assert [line[2] for line in lines] == pytest.approx([1000 * at for at in trace.seconds], abs=0.06)
    same = shown.keys() - {"run", "log", "live", "play"}
    assert {name: shown[name] for name in same} == {name: live[name] for name in same}


def test_what_a_template_fixes_is_there_from_the_start(tiny_pipeline: LladaVPipeline):
    config = SamplingConfig(gen_length=4, block_length=4, steps=4, template=(7, None, 9, None))
    state = canvas_state(tiny_pipeline(MESSAGES, config).trace)
    given = [(position, int(state["pieces"][piece].split(" ")[0])) for position, piece in state["template"]]
    assert given == [(0, 7), (2, 9)]
    assert state["steps"] == 2


def test_every_showing_has_a_name_of_its_own(tiny_pipeline: LladaVPipeline):
    trace = tiny_pipeline(MESSAGES, SamplingConfig(gen_length=4, block_length=4, steps=4)).trace
    assert canvas_state(trace)["run"] != canvas_state(trace)["run"]
    assert canvas_state(trace, run="mine")["run"] == "mine"


def test_alternatives_of_committed_tokens_are_sent_first(tiny_pipeline: LladaVPipeline):
    length = 4 * MOST_TOKEN_PROBS
    _, values = record_of(tiny_pipeline, SamplingConfig(gen_length=length, block_length=length, steps=4, stop=()))
    for line in map(json.loads, values[-1]["log"][1:]):
        committed, sent = {at for at, *_ in line[5]}, [at for at, *_ in line[6]]
        assert set(sent[: len(committed)]) <= committed


def shown(lines: list[str], length: int) -> list[list[int | None]]:
    """What stands on a canvas after each line of a log, as indices of pieces."""
    tokens: list[int | None] = [None] * length
    canvases = []
    for line in map(json.loads, lines):
        for position, piece, _ in line[5]:
            tokens[position] = piece
        for position in line[7]:
            tokens[position] = None
        if line[9]:
            position, count = line[9]
            tokens = [*tokens[: position + 1], *[None] * count, *tokens[position + 1 : length - count]]
        canvases.append([*tokens])
    return canvases


def at_a_loss() -> Neighbors:
    """A model that knows all words but the third."""
    bias = torch.zeros(40, 20)
    bias[:2, 2], bias[3:, 1] = 9.0, 5.9
    return Neighbors(bias, torch.zeros(20, 20))


@pytest.mark.parametrize(
    ("model", "name", "changes"),
    [
        (Neighbors.at_random(40, seed=3), "wino", {"gen_length": 12, "threshold": 0.4, "stop": ()}),
        (Neighbors.at_random(40, seed=3), "remdm", {"gen_length": 12, "stop": ()}),
        (at_a_loss(), "daedal", {"gen_length": 16, "start_length": 8, "stop": ("1",)}),
    ],
    ids=["wino", "remdm", "daedal"],
)
def test_a_canvas_shows_what_is_taken_back_and_what_moves(model: Neighbors, name: str, changes: dict[str, Any]):
    config = SamplingConfig.method(name, **changes)
    steps, trace = traced(model, config)
    assert any(step.revoked_index.any() or step.room for step in steps)
    state = canvas_state(trace)
    ids = [int(entry.split(" ")[0]) for entry in state["pieces"]]
    for canvas, step in zip(shown(state["log"], config.gen_length), steps, strict=True):
        assert [0 if piece is None else ids[piece] for piece in canvas] == step.tokens.tolist()

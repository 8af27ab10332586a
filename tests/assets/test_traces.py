"""The recorded runs in assets/traces."""

import importlib.util
from dataclasses import asdict
from pathlib import Path

import pytest

from lladav import Trace
from lladav.assets import asset
from lladav.render import draw_frames
from lladav.trace import PROBABILITY_UNIT, TraceStep

FOLDER = asset("traces")
TRACES = sorted(path for path in FOLDER.glob("*.json") if path.stem != "runs")
LARGEST = 150_000  # bytes
CLOSE = 2e-3  # between machines, whose sums round differently


@pytest.fixture(scope="module")
def build():
    """assets/traces/build.py as a module."""
    spec = importlib.util.spec_from_file_location("build_traces", FOLDER / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RIGHT = {
    "description": "A whale and an octopus.",
    "where": "At the top right.",
    "details": "I see a pizza, a banana and an apple. The pizza is at the top left. The apple is at the top right.",
    "how-many": "Three.",
    "everyday": "Yes.",
    "color": "Red.",
    "fast": "Two lemons, a strawberry and a pineapple.",
    "sign": "L L A D A V.",
    "blocks": "A tree.",
}  # by eye, from the pictures


def test_what_is_shown_is_right():
    assert {path.stem: Trace.load(path).text for path in TRACES} == RIGHT


def test_every_run_is_recorded_and_no_other(build):
    assert {path.stem for path in TRACES} == set(build.GALLERY)


def test_nine_different_runs_are_shown_and_one_writes_a_word_before_those_to_its_left(build):
    assert len({(picture, question) for picture, question, _ in build.GALLERY.values()}) == 9
    assert len({picture for picture, *_ in build.GALLERY.values()}) == 9
    traces = [Trace.load(FOLDER / f"{name}.json") for name in build.GALLERY]
    assert len({trace.text for trace in traces}) == 9
    assert any(_words_out_of_order(trace) for trace in traces)


def _words_out_of_order(trace: Trace) -> int:
    """How many words were committed before a word to their left."""
    when = {at: number for number, step in enumerate(trace.steps) for at in step.transfer_index}
    *_, last = trace.replay()
    order = [when[at] for at, token in enumerate(last.answer_ids) if any(map(str.isalpha, trace.pieces[token]))]
    return sum(any(later < earlier for later in order[at + 1 :]) for at, earlier in enumerate(order))


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_a_recorded_run_is_small_complete_and_can_be_drawn(path: Path, build):
    trace = Trace.load(path)
    assert path.stat().st_size < LARGEST
    assert trace.model == "lladav-tiny"
    assert trace.finish_reason and trace.text
    assert trace.question == build.GALLERY[path.stem][1]
    assert len(trace.thumbnails) == len(trace.images) == 1
    assert len(list(trace.replay())) == len(trace.steps) + 1
    next(draw_frames(trace))


def test_a_run_recorded_again_is_the_one_that_is_shown(build, tmp_path):
    several = [name for name in build.GALLERY if len(Trace.load(FOLDER / f"{name}.json").steps) > 1]
    name = min(several, key=lambda name: (FOLDER / f"{name}.json").stat().st_size)
    build.record(name, tmp_path / "again.json")
    shown, again = Trace.load(FOLDER / f"{name}.json"), Trace.load(tmp_path / "again.json")
    hint = "the weights have changed: run python assets/traces/build.py"
    assert again.text == shown.text, hint
    for one, other in zip(shown.steps, again.steps, strict=True):
        for field in ("block", "positions", "x0", "transfer_index"):
            assert getattr(one, field) == getattr(other, field), hint
        assert one.confidence == pytest.approx(other.confidence, abs=CLOSE), hint
        for here, there in zip(_alternatives(one), _alternatives(other), strict=True):
            for token in here.keys() | there.keys():  # the last ones may change places
                lowest = min(*here.values(), *there.values())
                assert here.get(token, lowest) == pytest.approx(there.get(token, lowest), abs=CLOSE), hint
    same = asdict(shown) | {"seconds": None, "steps": None, "pieces": None}
    assert same == asdict(again) | {"seconds": None, "steps": None, "pieces": None}, hint


def _alternatives(step: TraceStep) -> list[dict[int, float]]:
    """The probabilities of the alternatives at each position, by token."""
    probabilities = [units * PROBABILITY_UNIT for units in step.top_probs]
    rows = [slice(start, start + 5) for start in range(0, len(step.top_ids), 5)]
    return [dict(zip(step.top_ids[row], probabilities[row], strict=True)) for row in rows]

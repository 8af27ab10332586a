"""The Compare tab without a browser: pairs, differences, figures, and two runs decoded in step."""

import gradio as gr
import pytest

from lladav import LladaVPipeline, SamplingConfig
from lladav.ui.compare import DIFFUSION, Run, Score, create_pair_decoder, summary, word_difference
from lladav.ui.pairs import PAIRS
from lladav.ui.panel import KnobPanel

MESSAGES = [{"role": "user", "content": "What is this?"}]
RUNS = [
    Run(DIFFUSION, SamplingConfig(gen_length=8, block_length=8, steps=8, stop=(), seed=0), None),
    Run(DIFFUSION, SamplingConfig(gen_length=8, block_length=8, steps=2, stop=(), seed=0), None),
]


def test_a_difference_puts_both_texts_together_again():
    first, second = "the red cat sits on a big mat", "the cat sits on a mat today"
    words = word_difference(first, second)
    assert " ".join(part for part, _, _ in words if part) == first
    assert " ".join(part for _, part, _ in words if part) == second
    assert [(one, other) for one, other, same in words if not same] == [("red", ""), ("big", ""), ("", "today")]


@pytest.mark.parametrize(
    ("first", "second", "sentence"),
    [
        ("a frog", "a frog", "Word for word the same answer."),
        ("a frog", "a green frog", "2 of 3 words are the same; what only one of them says is marked."),
        ("yes", "no", "0 of 1 words are the same; what only one of them says is marked."),
        ("", "no", "0 of 1 words are the same; what only one of them says is marked."),
        ("", "", "Neither said anything."),
    ],
)
def test_the_summary_counts_words(first: str, second: str, sentence: str):
    assert summary(word_difference(first, second)) == sentence


@pytest.mark.parametrize("in_turn", [False, True])
def test_both_runs_are_those_of_the_pipeline(tiny_pipeline: LladaVPipeline, in_turn: bool):
    decode = create_pair_decoder(lambda _: tiny_pipeline)
    sides, frames = zip(*decode(MESSAGES, RUNS, in_turn), strict=True)
    assert sides == ((0,) * 9 + (1,) * 3 if in_turn else (0, 1) * 3 + (0,) * 6)
    for side, run in enumerate(RUNS):
        *_, last = (one for at, one in zip(sides, frames, strict=True) if at == side)
        assert last.text == tiny_pipeline(MESSAGES, run.config).text
        assert last.finish_reason == "length"


def test_a_refusal_says_which_side_it_is_about(tiny_pipeline: LladaVPipeline):
    decode = create_pair_decoder(lambda _: tiny_pipeline)
    too_long = Run(DIFFUSION, SamplingConfig(gen_length=512, block_length=512, steps=1), None)
    refusals = [(side, one) for side, one in decode(MESSAGES, [RUNS[0], too_long], False) if isinstance(one, str)]
    assert [side for side, _ in refusals] == [1]
    assert "must fit into 512 tokens" in refusals[0][1]


def test_the_figures_are_those_of_the_runs(tiny_pipeline: LladaVPipeline):
    score = Score()
    for side, one in create_pair_decoder(lambda _: tiny_pipeline)(MESSAGES, RUNS, False):
        assert score.verdict()["summary"] == ""
        score.add(side, one)
    figures = {name: (first, second) for name, _, _, first, second in score.verdict()["figures"]}
    assert figures["forward passes"] == (8, 2)
    assert figures["tokens per pass"] == (1, 4)
    trace = tiny_pipeline(MESSAGES, RUNS[0].config).trace
    sure = [
        c
        for step in trace.steps
        for p, c in zip(step.positions, step.confidence, strict=True)
        if p in step.transfer_index
    ]
    assert figures["mean confidence"][0] == pytest.approx(100 * sum(sure) / 8)
    clock = score.clock()["sides"]
    assert [len(side["ms"]) for side in clock] == [9, 3]
    assert all(side["finished"] for side in clock)
    assert score.verdict()["summary"]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
@pytest.mark.parametrize("length", [24, 32])
def test_pairs_need_no_moving(tiny_pipeline: LladaVPipeline, pair, length: int):
    with gr.Blocks():
        panel = KnobPanel(tiny_pipeline)
    for changes in (pair.first, pair.second):
        knobs = pair.knobs(changes, length)
        planned = {name: value for name, value in knobs.items() if name not in ("temperature", "cfg_scale", "seed")}
        assert panel.settle(**planned)[panel.note]["value"] == ""

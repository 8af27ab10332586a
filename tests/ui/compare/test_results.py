"""Two runs in figures and words."""

import gradio as gr
import pytest
from viewer.shared_run import repaired

from lladav import LladaVPipeline, SamplingConfig
from lladav.recording import Frame, Recording
from lladav.ui.capabilities import Capabilities
from lladav.ui.compare.comparisons import COMPARISONS, about_methods
from lladav.ui.compare.results import Comparison, difference_in_words, word_difference
from lladav.ui.settings.panel import SettingsPanel
from lladav.ui.streaming import create_turns_decoder

MESSAGES = [{"role": "user", "content": "What is this?"}]
CONFIGS = [
    SamplingConfig(gen_length=8, block_length=8, steps=8, stop=(), seed=0),
    SamplingConfig(gen_length=8, block_length=8, steps=2, stop=(), seed=0),
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
    assert difference_in_words(word_difference(first, second)) == sentence


def jobs(pipe: LladaVPipeline) -> list[tuple]:
    prompt = pipe.prepare(MESSAGES)
    return [("Diffusion", prompt, config) for config in CONFIGS]


@pytest.mark.parametrize("in_turn", [False, True])
def test_both_runs_are_those_of_the_pipeline(tiny_pipeline: LladaVPipeline, in_turn: bool):
    decode = create_turns_decoder(lambda _: tiny_pipeline)
    sides, frames = zip(*decode(jobs(tiny_pipeline), in_turn), strict=True)
    assert sides == ((0,) * 9 + (1,) * 3 if in_turn else (0, 1) * 3 + (0,) * 6)
    for side, config in enumerate(CONFIGS):
        *_, last = (one for at, one in zip(sides, frames, strict=True) if at == side)
        assert last.text == tiny_pipeline(MESSAGES, config).text
        assert last.finish_reason == "length"


def test_the_figures_are_those_of_the_runs(tiny_pipeline: LladaVPipeline):
    work = jobs(tiny_pipeline)
    comparison = Comparison([Recording(prompt, config) for _, prompt, config in work])
    assert {row[3:] == [None, None] for row in comparison.results()["figures"]} == {True}
    for side, frame in create_turns_decoder(lambda _: tiny_pipeline)(work, False):
        assert comparison.results()["summary"] == ""
        comparison.recordings[side].add(frame)
    figures = {name: (first, second) for name, _, _, first, second in comparison.results()["figures"]}
    assert figures["forward passes"] == (8, 2)
    assert figures["tokens per pass"] == (1, 4)
    trace = tiny_pipeline(MESSAGES, CONFIGS[0]).trace
    sure = [
        confidence
        for step in trace.steps
        for position, confidence in zip(step.positions, step.confidence, strict=True)
        if position in step.transfer_index
    ]
    assert figures["mean confidence"][0] == pytest.approx(100 * sum(sure) / 8)
    player = comparison.player()["sides"]
    assert [len(side["ms"]) for side in player] == [9, 3]
    assert all(side["finished"] for side in player)
    assert comparison.results()["summary"]


def test_a_token_that_is_taken_back_is_none_of_a_pass():
    run = repaired()
    recording = Recording(prompt=None, config=run.config)
    for index, (step, state) in enumerate(zip((None, *run.steps), run.replay(), strict=True)):
        recording.add(Frame(step, state.steps, state.nfe, None, float(index), "", state.finish_reason))
    figures = {name: first for name, _, _, first, _ in Comparison([recording, recording]).results()["figures"]}
    assert figures["forward passes"] == 3
    assert figures["tokens per pass"] == 6 / 3  # of seven that were committed


def test_a_comparison_with_a_method_names_its_paper():
    lessons = {comparison.name: about_methods("en").get(f"{comparison.key}_lesson") for comparison in COMPARISONS}
    assert "WINO (Wide-In, Narrow-Out, arXiv 2507.18578)" in lessons["Balanced or WINO"]


@pytest.mark.parametrize("comparison", COMPARISONS, ids=lambda comparison: comparison.name)
@pytest.mark.parametrize("length", [24, 32])
def test_comparisons_need_no_moving(tiny_pipeline: LladaVPipeline, comparison, length: int):
    with gr.Blocks():
        panel = SettingsPanel(Capabilities.of(tiny_pipeline), None)
    for changes in (comparison.first, comparison.second):
        assert panel.apply(comparison.settings(changes, length))[panel.note]["value"] == ""

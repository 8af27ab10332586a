"""What the page says a run will take, against what it takes, on a clock that only the model moves."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache

import gradio as gr
import pytest
from conftest import picture_message

from lladav import LladaVPipeline, SamplingConfig, Trace
from lladav.sampling import sample
from lladav.ui import decoding
from lladav.ui.knobs import PRESETS, Plan, preset
from lladav.ui.pace import Pace, first_pace, in_words, learn, pass_sizes
from lladav.ui.panel import KnobPanel

LINE = Pace(fixed=0.004, per_position=0.0001)
READING = 0.03  # seconds for the prompt, besides its passes
PROMPT = 80


def config_of(plan: Plan, **others) -> SamplingConfig:
    return SamplingConfig(
        gen_length=plan.gen_length,
        block_length=plan.block_length,
        steps=plan.steps,
        refresh_interval=plan.refresh_interval,
        threshold=plan.threshold if plan.threshold < 1 else None,
        **others,
    )


@pytest.fixture(scope="module")
def run(tiny_pipeline: LladaVPipeline) -> Callable[..., Trace]:
    """Runs of the model whose passes take what `LINE` says, and whose prompts are `PROMPT` positions long."""

    @cache
    def traced(config: SamplingConfig) -> Trace:
        return tiny_pipeline([picture_message("What is this?")], config).trace

    def made(config: SamplingConfig, line: Pace = LINE) -> Trace:
        trace = traced(config)
        sizes = pass_sizes(config, len(trace.steps), PROMPT, guided=config.cfg_scale > 0)
        seconds = [READING / 2] + [READING + line.seconds(sizes[: index + 1]) for index in range(len(sizes))]
        return replace(trace, prompt_length=PROMPT, seconds=seconds)

    return made


def test_a_pass_runs_the_prompt_only_where_it_is_read():
    config = SamplingConfig(gen_length=8, block_length=8, steps=8, refresh_interval=3)
    assert pass_sizes(config, 5, prompt_length=100, guided=False) == [108, 8, 8, 108, 8]
    assert pass_sizes(config, 2, prompt_length=100, guided=True) == [216, 16]
    assert pass_sizes(replace(config, refresh_interval=None), 2, 100, guided=False) == [108, 108]


def test_the_line_is_found_where_passes_differ(run: Callable[..., Trace]):
    pace = learn(run(SamplingConfig(gen_length=16, block_length=16, steps=16, refresh_interval=4, stop=())), None)
    assert pace.fixed == pytest.approx(LINE.fixed)
    assert pace.per_position == pytest.approx(LINE.per_position)
    assert pace.startup == pytest.approx(READING)
    assert (pace.prompt_length, pace.written) == (PROMPT, math.inf)


@pytest.mark.parametrize("guidance", [0.0, 1.0])
@pytest.mark.parametrize("seen", [None, "Faithful", "Balanced", "Fast"])
@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("length", [8, 32])
def test_an_estimate_is_within_30_percent(
    run: Callable[..., Trace], name: str, seen: str | None, length: int, guidance: float
):
    """After a run to measure by, and perhaps one more with other settings."""
    pace = learn(run(SamplingConfig(gen_length=16, block_length=16, steps=16, refresh_interval=4, stop=())), None)
    slower = Pace(2 * LINE.fixed, 2 * LINE.per_position)  # the machine has become busy since
    if seen:
        pace = learn(run(config_of(preset(seen, 16), stop=()), slower), pace)
    plan = replace(preset(name, length), threshold=1)  # how much a model is sure of is known from runs with one only
    taken = run(config_of(plan, cfg_scale=guidance, stop=()), slower if seen else LINE).seconds[-1]
    assert pace.forecast(plan, guidance) == pytest.approx(taken, rel=0.3)


@pytest.mark.parametrize("name", PRESETS)
def test_the_same_question_again_is_foretold(run: Callable[..., Trace], name: str):
    plan = preset(name, 32)
    trace = run(replace(config_of(plan), seed=1, temperature=0.7))
    pace = learn(trace, learn(run(SamplingConfig(gen_length=16, block_length=16, steps=16, refresh_interval=4)), None))
    assert abs(pace.passes(plan) - len(trace.steps)) <= 1
    assert pace.forecast(plan, 0) == pytest.approx(trace.seconds[-1], rel=0.3)


def test_a_short_answer_makes_the_next_estimate_short(run: Callable[..., Trace]):
    plan = preset("Faithful", 16)
    trace = run(config_of(plan, stop=()))
    short = replace(trace, steps=trace.steps[:4], seconds=trace.seconds[:5])  # as if it had found a stop
    pace = learn(short, LINE)
    assert pace.passes(plan) == 4
    assert pace.passes(preset("Balanced", 16)) == 2
    assert pace.passes(preset("Faithful", 64)) == 4
    assert learn(trace, LINE).passes(preset("Faithful", 64)) == 64


def test_an_edit_says_nothing_of_the_next_answer(run: Callable[..., Trace]):
    template = (5,) * 12 + (None,) * 4
    config = SamplingConfig(gen_length=16, block_length=16, steps=16, template=template, stop=())
    assert learn(run(config), LINE).passes(preset("Faithful", 16)) == 16


def test_a_run_that_commits_all_it_is_sure_of_foretells_the_next(run: Callable[..., Trace]):
    fast = preset("Fast", 32)
    assert replace(LINE, written=12).passes(fast) == 4
    trace = run(config_of(replace(fast, threshold=0.5), stop=()))
    pace = learn(trace, replace(LINE, written=12))
    assert pace.passes(fast) == len(trace.steps)
    assert pace.passes(preset("Faithful", 32)) == 12


def test_runs_without_an_end_or_a_step_teach_nothing(run: Callable[..., Trace], tiny_pipeline: LladaVPipeline):
    trace = run(SamplingConfig(gen_length=8, block_length=8, steps=8, stop=()))
    with gr.Blocks():
        panel = KnobPanel(tiny_pipeline)
    for useless in (None, replace(trace, finish_reason=None), replace(trace, steps=[], seconds=[0.1])):
        assert panel.learn(useless, LINE) is LINE
    assert panel.learn(trace, LINE) == learn(trace, LINE)


def test_a_run_of_one_pass_leaves_the_line_alone(run: Callable[..., Trace]):
    trace = run(SamplingConfig(gen_length=8, block_length=8, steps=1, stop=()))
    pace = learn(trace, LINE)
    assert (pace.fixed, pace.per_position) == (LINE.fixed, LINE.per_position)
    assert learn(trace, None).per_position > 0


def test_the_page_opens_with_a_pace(tiny_pipeline: LladaVPipeline):
    pace = first_pace(tiny_pipeline)
    assert pace is not None
    assert pace.seconds([100]) > 0
    assert pace.prompt_length > 0


def test_a_frame_counts_the_models_seconds_only(tiny_pipeline: LladaVPipeline, monkeypatch: pytest.MonkeyPatch):
    clock = Clock()
    monkeypatch.setattr(decoding.time, "perf_counter", clock)
    monkeypatch.setattr("lladav.pipeline.sample", clock.slowing(sample))
    config = SamplingConfig(gen_length=8, block_length=8, steps=8, stop=())
    seconds = []
    for frame in decoding.frames(tiny_pipeline, [{"role": "user", "content": "Hi"}], config, None):
        seconds.append(frame.seconds)
        clock.now += 5  # a page that takes its time
    assert seconds == pytest.approx([index / 4 for index in range(1, 10)])


class Clock:
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def slowing(self, sample: Callable) -> Callable:
        """`sample`, with a quarter of a second for each state."""

        def slow(*args) -> Iterator:
            for step in sample(*args):
                self.now += 0.25
                yield step

        return slow


def test_words():
    plan = preset("Balanced", 32)
    assert in_words(plan, 0, None).startswith("Up to **16 forward passes** of 2 tokens each; how long")
    pace = Pace(fixed=0.01, per_position=0)
    assert in_words(plan, 0, pace) == "**16 forward passes** of 2 tokens each: about **160 ms**."
    assert "twice as wide for guidance" in in_words(plan, 1.5, pace)
    assert in_words(plan, 0, Pace(0.5, 0)).endswith("about **8.0 s**.")
    short = in_words(plan, 0, replace(pace, written=6))
    assert short == (
        "Up to **16 forward passes** of 2 tokens each. Answers like the last one stop after about **3**: **30 ms**."
    )
    assert "tokens each" not in in_words(preset("Fast", 32), 0, pace)


def test_a_gpu_is_asked_for_as_long_as_a_run_may_take():
    picture = [{"role": "user", "content": [{"type": "image", "image": "x.png"}, {"type": "text", "text": "What?"}]}]
    exact = SamplingConfig(gen_length=128, block_length=128, steps=128)
    asked = [
        decoding.gpu_seconds(picture, config, None)
        for config in (exact, replace(exact, refresh_interval=32), replace(exact, refresh_interval=32, steps=64))
    ]
    assert asked == sorted(asked, reverse=True)
    assert asked[0] > 2 * asked[1] > 2 * asked[2]
    assert decoding.gpu_seconds(picture, replace(exact, cfg_scale=1.0)) > asked[0]
    assert decoding.gpu_seconds([{"role": "user", "content": "Hi"}], exact) < asked[0]

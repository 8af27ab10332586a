"""What the page says a run will take, against what it takes, on a clock that only the model moves."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import pytest
from helpers import picture_message
from spaces.config import Config

from lladav import LladaVPipeline, SamplingConfig, Trace, pipeline
from lladav.pipeline import Prompt
from lladav.sampling import sample
from lladav.ui.settings import latency as latency_module
from lladav.ui.settings.latency import WARM_UPS, Latency, in_words, learn, measure_answer, observe, pass_sizes
from lladav.ui.settings.snapping import PRESETS, preset
from lladav.ui.streaming import LONGEST_GRANT, gpu_seconds

LINE = Latency(fixed=0.004, per_position=0.0001)
READING = 0.03  # seconds for the prompt, besides its passes
PROMPT = 80


@pytest.fixture(scope="module")
def run(tiny_pipeline: LladaVPipeline) -> Callable[..., Trace]:
    """Runs of the model whose passes take what `LINE` says, and whose prompts are `PROMPT` positions long."""

    @cache
    def traced(config: SamplingConfig) -> Trace:
        return tiny_pipeline([picture_message("What is this?")], config).trace

    def made(config: SamplingConfig, line: Latency = LINE) -> Trace:
        trace = traced(config)
        sizes = pass_sizes(config, len(trace.steps), PROMPT)
        seconds = [READING / 2] + [READING + line.seconds(sizes[: index + 1]) for index in range(len(sizes))]
        return replace(trace, prompt_length=PROMPT, seconds=seconds)

    return made


def test_a_pass_runs_the_prompt_only_where_it_is_read():
    config = SamplingConfig(gen_length=8, block_length=8, steps=8, refresh_interval=3)
    assert pass_sizes(config, 5, prompt_length=100) == [108, 8, 8, 108, 8]
    assert pass_sizes(replace(config, cfg_scale=1.0), 2, prompt_length=100) == [216, 16]
    assert pass_sizes(replace(config, refresh_interval=None), 2, 100) == [108, 108]


def test_the_line_is_found_where_passes_differ(run: Callable[..., Trace]):
    latency = learn(run(SamplingConfig(gen_length=16, block_length=16, steps=16, refresh_interval=4, stop=())), None)
    assert latency.fixed == pytest.approx(LINE.fixed)
    assert latency.per_position == pytest.approx(LINE.per_position)
    assert latency.startup == pytest.approx(READING)
    assert (latency.prompt_length, latency.written) == (PROMPT, math.inf)


@pytest.mark.parametrize("guidance", [0.0, 1.0])
@pytest.mark.parametrize("seen", [None, "Quality", "Balanced", "Fast"])
@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("length", [8, 32])
def test_an_estimate_is_within_30_percent(
    run: Callable[..., Trace], name: str, seen: str | None, length: int, guidance: float
):
    """After a run to measure by, and perhaps one more with other settings."""
    latency = learn(run(SamplingConfig(gen_length=16, block_length=16, steps=16, refresh_interval=4, stop=())), None)
    slower = Latency(2 * LINE.fixed, 2 * LINE.per_position)  # the machine has become busy since
    if seen:
        latency = learn(run(preset(seen, 16).config(stop=()), slower), latency)
    plan = replace(preset(name, length), method="exact")  # how much a model is sure of is known from runs with one only
    config = plan.config(cfg_scale=guidance, stop=())
    assert latency.forecast(config) == pytest.approx(run(config, slower if seen else LINE).seconds[-1], rel=0.3)


@pytest.mark.parametrize("name", PRESETS)
def test_the_same_question_again_is_foretold(run: Callable[..., Trace], name: str):
    config = replace(preset(name, 32).config(), seed=1, temperature=0.7)
    first = learn(run(SamplingConfig(gen_length=16, block_length=16, steps=16, refresh_interval=4)), None)
    trace = run(config)
    latency = learn(trace, first)
    assert abs(latency.passes(config) - len(trace.steps)) <= 1
    assert latency.forecast(config) == pytest.approx(trace.seconds[-1], rel=0.3)


def test_passes_of_any_size_leave_the_line_as_it_is(run: Callable[..., Trace]):
    known = learn(run(SamplingConfig(gen_length=16, block_length=16, steps=16, refresh_interval=4, stop=())), None)
    config = SamplingConfig.method("elastic", gen_length=16, stop=())
    latency = learn(run(config, Latency(LINE.fixed / 2, LINE.per_position / 2)), known)
    assert (latency.fixed, latency.per_position) == (known.fixed, known.per_position)
    assert learn(run(config), None).per_position > 0


def test_a_short_answer_makes_the_next_estimate_short(run: Callable[..., Trace]):
    config = preset("Quality", 16).config()
    trace = run(replace(config, stop=()))
    short = replace(trace, steps=trace.steps[:4], seconds=trace.seconds[:5])  # as if it had found a stop
    latency = learn(short, LINE)
    assert latency.passes(config) == 4
    assert latency.passes(preset("Balanced", 16).config()) == 2
    assert latency.passes(preset("Quality", 64).config()) == 4
    assert learn(trace, LINE).passes(preset("Quality", 64).config()) == 64


def test_an_edit_says_nothing_of_the_next_answer(run: Callable[..., Trace]):
    template = (5,) * 12 + (None,) * 4
    config = SamplingConfig(gen_length=16, block_length=16, steps=16, template=template, stop=())
    assert learn(run(config), LINE).passes(preset("Quality", 16).config()) == 16


def test_a_run_that_commits_all_it_is_sure_of_foretells_the_next(run: Callable[..., Trace]):
    fast = preset("Fast", 32).config()
    assert replace(LINE, written=12).passes(fast) == 4
    trace = run(replace(fast, threshold=0.5, stop=()))
    latency = learn(trace, replace(LINE, written=12))
    assert latency.passes(fast) == len(trace.steps)
    assert latency.passes(preset("Quality", 32).config()) == 12
    assert latency.passes(SamplingConfig.method("wino", gen_length=32)) == 4  # which that run says nothing of


def test_runs_without_an_end_or_a_step_teach_nothing(run: Callable[..., Trace]):
    trace = run(SamplingConfig(gen_length=8, block_length=8, steps=8, stop=()))
    for useless in (None, replace(trace, finish_reason=None), replace(trace, steps=[], seconds=[0.1])):
        assert observe(useless, LINE) is LINE
    assert observe(trace, LINE) == learn(trace, LINE)


def test_a_run_of_one_pass_leaves_the_line_alone(run: Callable[..., Trace]):
    trace = run(SamplingConfig(gen_length=8, block_length=8, steps=1, stop=()))
    latency = learn(trace, LINE)
    assert (latency.fixed, latency.per_position) == (LINE.fixed, LINE.per_position)
    assert learn(trace, None).per_position > 0


def test_the_page_opens_with_what_was_measured(tiny_pipeline: LladaVPipeline):
    latency = measure_answer(tiny_pipeline, [picture_message("What is this?")])
    assert latency is not None
    assert latency.seconds([100]) > 0
    assert latency.prompt_length > 0


def test_a_frame_counts_the_models_seconds_only(tiny_pipeline: LladaVPipeline, monkeypatch: pytest.MonkeyPatch):
    clock = Clock()
    monkeypatch.setattr(pipeline.time, "perf_counter", clock)
    monkeypatch.setattr("lladav.pipeline.sample", clock.slowing(sample))
    config = SamplingConfig(gen_length=8, block_length=8, steps=8, stop=())
    seconds = []
    prompt = tiny_pipeline.prepare([{"role": "user", "content": "Hi"}])
    for frame in tiny_pipeline.frames(prompt, config):
        seconds.append(frame.seconds)
        clock.now += 5  # a page that takes its time
    assert seconds == pytest.approx([index / 4 for index in range(9)])


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
    config = preset("Balanced", 32).config()
    assert in_words(config, None).startswith("Up to **16 forward passes** of 2 tokens each; how long")
    latency = Latency(fixed=0.01, per_position=0)
    assert in_words(config, latency) == "**16 forward passes** of 2 tokens each: about **160 ms**."
    assert "twice as wide for guidance" in in_words(replace(config, cfg_scale=1.5), latency)
    assert in_words(config, Latency(0.5, 0)).endswith("about **8.0 s**.")
    short = in_words(config, replace(latency, written=6))
    assert short == (
        "Up to **16 forward passes** of 2 tokens each. An answer usually stops after about **3**: **30 ms**."
    )
    assert "tokens each" not in in_words(preset("Fast", 32).config(), latency)
    wino = SamplingConfig.method("wino", gen_length=32)
    assert in_words(wino, latency).startswith(f"Up to **{wino.most_steps} forward passes**. An answer")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.001, "10 ms"), (0.5, "500 ms"), (0.996, "1.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (61.2, "61 s")],
)
def test_words_for_a_time(seconds: float, words: str):
    once = SamplingConfig(gen_length=8, block_length=8, steps=1)
    assert in_words(once, Latency(seconds, 0)) == f"**1 forward pass** of 8 tokens each: about **{words}**."


def test_words_for_few_passes_and_wide_ones():
    twice = SamplingConfig(gen_length=8, block_length=8, steps=2, cfg_scale=0.5)
    words = "**2 forward passes** of 4 tokens each, twice as wide for guidance: about **20 ms**."
    assert in_words(twice, Latency(0.01, 0)) == words


def test_a_schedule_holds_in_any_order_and_a_run_has_a_pass():
    drawn = SamplingConfig(gen_length=16, block_length=16, steps=16, remasking="random")
    assert Latency(0, 0, written=4).passes(drawn) == 4
    assert Latency(0, 0, written=1).passes(replace(drawn, steps=8)) == 1


def made_by_hand(run: Callable[..., Trace], durations: list[float], **changes: int | None) -> Trace:
    """A run of so many passes, each as long as it is said to be."""
    steps = len(durations)
    trace = run(SamplingConfig(gen_length=8, block_length=8, steps=steps, stop=(), **changes))
    return replace(trace, seconds=[0.0, *(sum(durations[: n + 1]) for n in range(steps))])


def test_the_first_pass_counts_for_nothing_but_alone(run: Callable[..., Trace]):
    latency = learn(made_by_hand(run, [5.0, 0.1, 0.3, 0.3]), None)
    size = PROMPT + 8
    assert (latency.fixed, latency.per_position) == (0.0, pytest.approx(0.3 / size))
    latency = learn(made_by_hand(run, [5.0, 0.1]), None)
    assert latency.per_position == pytest.approx(0.1 / size)
    busier = learn(made_by_hand(run, [5.0, 2 * LINE.seconds([size])]), LINE)
    assert (busier.fixed, busier.per_position) == pytest.approx((2 * LINE.fixed, 2 * LINE.per_position))


class Recorder:
    """A model whose runs take what `LINE` says, and which notes what it is asked."""

    def __init__(self, pipe: LladaVPipeline, run: Callable[..., Trace]):
        self.model, self.prepare, self.run = pipe.model, pipe.prepare, run
        self.asked: list[SamplingConfig] = []

    def __call__(self, prompt: Prompt, config: SamplingConfig) -> SimpleNamespace:
        self.asked.append(config)
        return SimpleNamespace(trace=self.run(config))


def test_a_run_to_measure_by_and_a_usual_one(
    tiny_pipeline: LladaVPipeline, run: Callable[..., Trace], monkeypatch: pytest.MonkeyPatch
):
    recorder, messages = Recorder(tiny_pipeline, run), [picture_message("What is this?")]
    size = sum(parameter.numel() for parameter in tiny_pipeline.model.parameters())
    monkeypatch.setattr(latency_module, "LARGEST_WARM_UP", size)
    measured = measure_answer(recorder, messages)
    assert measured is not None and measured.fixed == pytest.approx(LINE.fixed)
    assert recorder.asked == [*WARM_UPS]
    monkeypatch.setattr(Config, "zero_gpu", True)
    assert measure_answer(recorder, messages) is None, "a GPU is lent to visitors only"
    monkeypatch.setattr(Config, "zero_gpu", False)
    monkeypatch.setattr(latency_module, "LARGEST_WARM_UP", size - 1)
    assert measure_answer(recorder, messages) is None, "it would keep the page from opening"
    assert len(recorder.asked) == len(WARM_UPS)


def test_a_gpu_is_asked_for_as_long_as_a_run_may_take_and_no_longer(tiny_pipeline: LladaVPipeline):
    prompt = replace(tiny_pipeline.prepare([picture_message("What?")]), length=3000)
    exact = SamplingConfig(gen_length=128, block_length=128, steps=128)
    asked = [
        gpu_seconds(prompt, config)
        for config in (exact, replace(exact, refresh_interval=32), replace(exact, refresh_interval=32, steps=64))
    ]
    assert asked == sorted(asked, reverse=True)
    assert asked[0] > 2 * asked[1] > 2 * asked[2]
    assert gpu_seconds(prompt, replace(exact, cfg_scale=1.0)) > asked[0]
    assert gpu_seconds(replace(prompt, length=30), exact) < asked[0]
    assert gpu_seconds(prompt, SamplingConfig.method("remdm")) > gpu_seconds(prompt, SamplingConfig.method("exact"))
    assert gpu_seconds(replace(prompt, length=10**6), exact) == LONGEST_GRANT

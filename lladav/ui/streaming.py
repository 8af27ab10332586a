"""The part of a reply that runs on the GPU: plain records of every step, cheap to hand from one process to another."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import spaces

from lladav.cache import FeatureCache
from lladav.pipeline import LladaVPipeline, Prompt
from lladav.recording import Frame
from lladav.sampling import SamplingConfig
from lladav.sampling.infilling import TRIED_LENGTHS, Template
from lladav.trace import Trace
from lladav.ui.attention import AttentionView, attention_view
from lladav.ui.journal import JOURNAL
from lladav.ui.settings.latency import Latency, pass_sizes

STARTUP_SECONDS = 5  # moving to the GPU
LONGEST_GRANT = 120  # seconds that a visitor may be billed for at once
ON_A_GPU = Latency(fixed=0.03, per_position=5e-5)  # the published model's 16 GFLOP a position at 320 TFLOP/s

Decoder = Callable[..., Iterator[Frame]]


def gpu_seconds(prompt: Prompt, config: SamplingConfig, *_: object) -> int:
    """How long a run may hold a GPU; visitors are billed for it, so it is tight, and bounded."""
    sizes = pass_sizes(config, config.most_steps, prompt.length)
    return min(LONGEST_GRANT, math.ceil(STARTUP_SECONDS + ON_A_GPU.seconds(sizes)))


def create_decoder(pipe: LladaVPipeline) -> Decoder:
    """`pipe.frames`, on the GPU where one is lent for as long as a reply takes."""

    @spaces.GPU(duration=gpu_seconds)
    def decode(prompt: Prompt, config: SamplingConfig, features: FeatureCache | None = None) -> Iterator[Frame]:
        yield from pipe.frames(prompt, config, features)

    def noted(prompt: Prompt, config: SamplingConfig, features: FeatureCache | None = None) -> Iterator[Frame]:
        with JOURNAL.run("chat", prompt, config) as entry:
            for frame in decode(prompt, config, features):
                entry.see(frame.nfe, frame.finish_reason)
                yield frame

    return noted


def create_settler(pipe: LladaVPipeline) -> Callable[[Prompt, Template, SamplingConfig], Template]:
    """`pipe.settle_blanks`, on the GPU where one is lent."""

    def duration(prompt: Prompt, template: Template, config: SamplingConfig) -> int:
        tries = len(template.open_blanks) * len(TRIED_LENGTHS)
        return min(LONGEST_GRANT, STARTUP_SECONDS + tries * (gpu_seconds(prompt, config) - STARTUP_SECONDS))

    @spaces.GPU(duration=duration)
    def settle(prompt: Prompt, template: Template, config: SamplingConfig) -> Template:
        return pipe.settle_blanks(prompt, template, config)

    return settle


def seconds_to_look(prompt: Prompt, trace: Trace, *_: object) -> int:
    """How long a GPU is asked for to make one more pass over a run."""
    length = trace.config.gen_length
    return gpu_seconds(prompt, replace(trace.config, block_length=length, steps=1, drift_threshold=None))


def create_observer(pipe: LladaVPipeline) -> Callable[..., AttentionView]:
    """What the token at a position looks at in the pass after a step of a run, on the GPU where one is lent."""

    @spaces.GPU(duration=seconds_to_look)
    def observe(
        prompt: Prompt, trace: Trace, step: int, position: int, features: FeatureCache | None = None
    ) -> AttentionView:
        *_, after = trace.until(step + 1)
        attention = pipe.attention(prompt, trace, step, [position], features)
        (word,) = pipe.pieces([int(after.x0[position])])
        return attention_view(attention, position, word, step + 1)

    return observe


def create_turns_decoder(pipeline_of: Callable[[str], LladaVPipeline]) -> Callable[..., Iterator[tuple[int, Frame]]]:
    """A generator of the frames of several runs, each with the number of its side.

    A job is the name of a model, its prompt and its settings. The runs take turns, step by step, or with `in_turn`
    one follows the other.
    """
    Job = tuple[str, Prompt, SamplingConfig]

    def duration(jobs: Sequence[Job], in_turn: bool) -> int:
        return min(LONGEST_GRANT, sum(gpu_seconds(prompt, config) for _, prompt, config in jobs))

    @spaces.GPU(duration=duration)
    def decode(jobs: Sequence[Job], in_turn: bool) -> Iterator[tuple[int, Frame]]:
        runs = [
            map(partial(_numbered, side), pipeline_of(model).frames(prompt, config))
            for side, (model, prompt, config) in enumerate(jobs)
        ]
        yield from _one_by_one(runs) if in_turn else _side_by_side(runs)

    def noted(jobs: Sequence[Job], in_turn: bool) -> Iterator[tuple[int, Frame]]:
        with ExitStack() as stack:
            entries = [stack.enter_context(JOURNAL.run("compare", prompt, config)) for _, prompt, config in jobs]
            for side, frame in decode(jobs, in_turn):
                entries[side].see(frame.nfe, frame.finish_reason)
                yield side, frame

    return noted


def _numbered(side: int, frame: Frame) -> tuple[int, Frame]:
    return side, frame


def _one_by_one(runs: Sequence[Iterator[tuple[int, Frame]]]) -> Iterator[tuple[int, Frame]]:
    for run in runs:
        yield from run


def _side_by_side(runs: Sequence[Iterator[tuple[int, Frame]]]) -> Iterator[tuple[int, Frame]]:
    going = [*runs]
    while going:
        for run in [*going]:
            step = next(run, None)
            if step is None:
                going.remove(run)
            else:
                yield step

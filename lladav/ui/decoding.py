"""The part of a reply that runs on the GPU: plain records of every step, cheap to hand from one process to another."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import spaces

from lladav.canvas_state import Frame
from lladav.pipeline import LladaVPipeline
from lladav.sampling import SamplingConfig

STARTUP_SECONDS = 5  # moving to the GPU and reading the prompt
SECONDS_PER_PASS = 0.06  # of the published model, with room to spare


def gpu_seconds(messages: list[dict], config: SamplingConfig, *_: Any) -> int:
    """How long a run may hold a GPU; visitors are billed for it, so it is tight."""
    width = 2 if config.cfg_scale > 0 else 1
    return math.ceil(STARTUP_SECONDS + config.steps * width * SECONDS_PER_PASS)


def frames(
    pipe: LladaVPipeline, messages: list[dict], config: SamplingConfig, thinking: bool | None
) -> Iterator[Frame | str]:
    """The frames of one reply, or a single sentence that says why there is none."""
    start = time.perf_counter()
    try:
        steps = pipe.stream(messages, config, thinking)
    except ValueError as error:
        yield str(error)
        return
    before = None
    for step in steps:
        yield Frame.of(before, step, time.perf_counter() - start, pipe.text(step))
        before = step


def create_decoder(pipe: LladaVPipeline) -> Callable[..., Iterator[Frame | str]]:
    """`frames` of a pipeline, on the GPU where one is lent for as long as a reply takes."""

    @spaces.GPU(duration=gpu_seconds)
    def decode(messages: list[dict], config: SamplingConfig, thinking: bool | None) -> Iterator[Frame | str]:
        yield from frames(pipe, messages, config, thinking)

    return decode

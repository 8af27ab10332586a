"""The part of a reply that runs on the GPU: plain records of every step, cheap to hand from one process to another."""

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import spaces

from lladav.cache import FeatureCache
from lladav.pipeline import LladaVPipeline
from lladav.recording import Frame
from lladav.sampling import SamplingConfig
from lladav.ui.pace import Pace, pass_sizes

STARTUP_SECONDS = 5  # moving to the GPU
PICTURE_POSITIONS = 3000  # of a picture, about; the published model takes up to 4400
ON_A_GPU = Pace(fixed=0.03, per_position=5e-5)  # the published model's 16 GFLOP a position at 320 TFLOP/s


def gpu_seconds(messages: list[dict], config: SamplingConfig, *_: Any) -> int:
    """How long a run may hold a GPU; visitors are billed for it, so it is tight."""
    pictures = sum(part["type"] != "text" for message in messages for part in _parts(message))
    sizes = pass_sizes(config, config.steps, pictures * PICTURE_POSITIONS, guided=config.cfg_scale > 0)
    return math.ceil(STARTUP_SECONDS + ON_A_GPU.seconds(sizes))


def _parts(message: dict) -> list[dict]:
    return [] if isinstance(message["content"], str) else message["content"]


def frames(
    pipe: LladaVPipeline,
    messages: list[dict],
    config: SamplingConfig,
    thinking: bool | None,
    features: FeatureCache | None = None,
) -> Iterator[Frame | str]:
    """The frames of one reply, or a single sentence that says why there is none.

    Their seconds are those of the model, and not of whoever takes the frames and lets it wait.
    """
    start = time.perf_counter()
    try:
        steps = pipe.stream(messages, config, thinking, features)
    except ValueError as error:
        yield str(error)
        return
    before, seconds = None, 0.0
    for step in steps:
        seconds += time.perf_counter() - start
        yield Frame.of(before, step, seconds, pipe.text(step))
        before, start = step, time.perf_counter()


def create_decoder(pipe: LladaVPipeline) -> Callable[..., Iterator[Frame | str]]:
    """`frames` of a pipeline, on the GPU where one is lent for as long as a reply takes."""

    @spaces.GPU(duration=gpu_seconds)
    def decode(
        messages: list[dict], config: SamplingConfig, thinking: bool | None, features: FeatureCache | None = None
    ) -> Iterator[Frame | str]:
        yield from frames(pipe, messages, config, thinking, features)

    return decode

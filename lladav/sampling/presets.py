"""Settings with a name: those that the published figures were measured with, and speeds for an answer of any length."""

from dataclasses import dataclass
from typing import Any

from lladav.checks import require
from lladav.sampling.config import SamplingConfig


@dataclass(frozen=True)
class PublishedSetting:
    """How the published model was asked in a benchmark.

    Attributes:
        config: how it was sampled.
        thinking: whether the question ended with "/think" (True), "/no_think" (False), or neither (None).
    """

    config: SamplingConfig
    thinking: bool | None = False


_MULTIPLE_CHOICE = PublishedSetting(SamplingConfig(gen_length=2, block_length=2, steps=2))
_DOCUMENT = PublishedSetting(SamplingConfig(gen_length=32, block_length=32, steps=16))
_CHOICE_BENCHMARKS = "mmmu mmmu_pro mmstar ai2d seed mmbench muirbench videomme mlvu mme realworldqa"

PUBLISHED: dict[str, PublishedSetting] = {
    **dict.fromkeys(_CHOICE_BENCHMARKS.split(), _MULTIPLE_CHOICE),
    "chartqa": PublishedSetting(SamplingConfig(gen_length=16, block_length=16, steps=16, stop=("\n",))),
    "docvqa": _DOCUMENT,
    "infovqa": _DOCUMENT,
    "mathvista": PublishedSetting(SamplingConfig(gen_length=96, block_length=96, steps=48), thinking=True),
    "mathverse": PublishedSetting(SamplingConfig(gen_length=64, block_length=64, steps=32), thinking=True),
    "demo": PublishedSetting(SamplingConfig(gen_length=128, block_length=128, steps=128), thinking=None),
}


def published(name: str) -> PublishedSetting:
    """The settings of a benchmark, or of the published "demo" script. Raises ValueError for any other name."""
    require(isinstance(name, str) and name in PUBLISHED, "preset", f"one of {', '.join(PUBLISHED)}", name)
    return PUBLISHED[name]


@dataclass(frozen=True)
class Speed:
    """How quickly an answer is sampled, however long it is.

    Attributes:
        tokens: that a step commits by its schedule.
        refresh_interval: as in SamplingConfig.
        threshold: as in SamplingConfig.
    """

    tokens: int
    refresh_interval: int | None = None
    threshold: float | None = None

    def settings(self, gen_length: int, block_length: int) -> dict[str, Any]:
        """What to replace in a SamplingConfig of these lengths."""
        steps = gen_length // block_length * -(-block_length // self.tokens)
        return {"steps": steps, "refresh_interval": self.refresh_interval, "threshold": self.threshold}


SPEEDS = {  # from the exact answer to the quickest
    "faithful": Speed(tokens=1),
    "balanced": Speed(tokens=2, refresh_interval=4),
    "fast": Speed(tokens=1, refresh_interval=32, threshold=0.9),
}

"""Comparisons: pairs of settings worth seeing side by side, each with what there is to see."""

from dataclasses import dataclass, field
from typing import Any

from lladav.sampling import REMASKING, SamplingConfig
from lladav.ui.settings.snapping import EXACT, NEVER_SURE


@dataclass(frozen=True)
class Comparable:
    """Two settings of one question.

    Attributes:
        name: what is compared.
        lesson: what to look for.
        first: settings of the first side that differ from START, where a function is given the answer's length;
            "model" may name the model.
        second: those of the second side.
    """

    name: str
    lesson: str
    first: dict[str, Any] = field(default_factory=dict)
    second: dict[str, Any] = field(default_factory=dict)

    @property
    def needs_twin(self) -> bool:
        return "model" in self.first | self.second

    def settings(self, changes: dict[str, Any], length: int) -> dict[str, Any]:
        """All settings of a side with these changes, for an answer of `length` tokens."""
        settings = START | changes
        settings.pop("model", None)
        return {name: value(length) if callable(value) else value for name, value in settings.items()}


def whole(length: int) -> int:
    return length


def half(length: int) -> int:
    return length // 2


def quarter(length: int) -> int:
    return length // 4


START: dict[str, Any] = {
    "gen_length": whole,
    "block_length": whole,
    "steps": half,
    "refresh_interval": EXACT,
    "threshold": NEVER_SURE,
    "remasking": REMASKING[0],
    "temperature": 0,
    "cfg_scale": 0,
    "seed": 0,
}
COMPARISONS = [
    Comparable(
        "1 or 4 tokens a step",
        "A asks the model four times as often. Does it say something better for it?",
        {"steps": whole},
        {"steps": quarter},
    ),
    Comparable(
        "One block or blocks of 8",
        "A may begin anywhere; B has to finish eight tokens before it looks at the next eight.",
        {"steps": whole},
        {"steps": whole, "block_length": 8},
    ),
    Comparable(
        "Exact or cached",
        "B looks at picture and question only every eighth step, and at what it kept of them in between.",
        {"steps": whole},
        {"steps": whole, "refresh_interval": 8},
    ),
    Comparable(
        "One a step or all it is sure of",
        "A commits one token a step; B commits every token above 90 % confidence at once.",
        {"steps": whole},
        {"steps": whole, "threshold": 0.9},
    ),
    Comparable(
        "Surest first or any order",
        "A commits what it is surest of; B commits positions drawn by lot, sure or not.",
        {},
        {"remasking": "random"},
    ),
    Comparable(
        "Diffusion or left to right",
        "A fills masks wherever it is sure; B writes one word after the other and never looks ahead.",
        {},
        {"model": "Left to right"},
    ),
]


def layout_in_words(config: SamplingConfig) -> str:
    """The settings that matter most to how an answer comes about, for a headline."""
    blocks = config.gen_length // config.block_length
    layout = "in one block" if blocks == 1 else f"in {blocks} blocks of {config.block_length}"
    return f"{config.gen_length} tokens {layout}, {config.gen_length / config.steps:.3g} a step"

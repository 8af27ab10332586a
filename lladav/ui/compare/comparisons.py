"""Comparisons: pairs of settings worth seeing side by side, each with what there is to see."""

from dataclasses import dataclass, field
from typing import Any

from lladav.sampling import METHODS, SamplingConfig, method_of
from lladav.ui.settings import snapping
from lladav.ui.settings.latency import keeps_its_schedule
from lladav.ui.settings.snapping import EXACT


@dataclass(frozen=True)
class Comparable:
    """Two settings of one question.

    Attributes:
        name: what is compared.
        lesson: what to look for.
        first: settings of the first side, where a function is given the answer's length; "model" may name the model,
            "preset" a preset. Besides those, settings are those of the method, or where none is named of START.
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
        usual = START if "method" not in changes else {"gen_length": whole, "temperature": 0, "cfg_scale": 0, "seed": 0}
        if "preset" in changes:
            plan = snapping.preset(changes["preset"], length)
            usual = START | {name: getattr(plan, name) for name in ("steps", "refresh_interval", "method")} | plan.knobs
        settings = {name: value for name, value in (usual | changes).items() if name not in ("model", "preset")}
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
    "method": "exact",
    "temperature": 0,
    "cfg_scale": 0,
    "seed": 0,
}


def against(preset: str, name: str) -> Comparable:
    """A preset beside a published method as its paper has it."""
    method = METHODS[name]
    paper = f"{method.paper}, arXiv {method.arxiv}"
    lesson = f"A is {preset}. B is {method.title} ({paper}). {method.rule}"
    return Comparable(f"{preset} or {method.title}", lesson, {"preset": preset}, {"method": name})


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
        "Surest first or any order",
        "A commits what it is surest of; B commits positions drawn by lot, sure or not.",
        {},
        {"method": "random", "steps": half},
    ),
    Comparable(
        "Diffusion or left to right",
        "A fills masks wherever it is sure; B writes one word after the other and never looks ahead.",
        {},
        {"model": "Autoregressive"},
    ),
    against("Quality", "threshold"),
    *(against("Balanced", name) for name in ("wino", "klass", "credit", "daedal")),
]


def layout_in_words(config: SamplingConfig) -> str:
    """The settings that matter most to how an answer comes about, for a headline."""
    blocks = config.gen_length // config.block_length
    layout = "in one block" if blocks == 1 else f"in {blocks} blocks of {config.block_length}"
    words = f"{config.gen_length} tokens {layout}, {config.gen_length / config.steps:.3g} a step"
    words += "" if keeps_its_schedule(config) else " at least"
    name = method_of(config)
    return words if name in (None, "exact") else f"{METHODS[name].title}: {words}"

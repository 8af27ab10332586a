"""Comparisons: pairs of settings worth seeing side by side, each with what there is to see."""

from dataclasses import dataclass, field
from typing import Any

from lladav.sampling import METHODS, SamplingConfig, method_of
from lladav.ui.settings import snapping
from lladav.ui.settings.latency import keeps_its_schedule
from lladav.ui.settings.snapping import EXACT
from lladav.ui.texts import said, texts


@dataclass(frozen=True)
class Comparable:
    """Two settings of one question.

    Attributes:
        name: what is compared.
        key: of the text that says so; with "_lesson" behind it, of what to look for.
        first: settings of the first side, where a function is given the answer's length; "model" may name the model,
            "preset" a preset. Besides those, settings are those of the method, or where none is named of START.
        second: those of the second side.
    """

    name: str
    key: str
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
# By method: the preset that it is compared with.
AGAINST = {"threshold": "Quality"} | dict.fromkeys(("wino", "klass", "credit", "daedal"), "Balanced")


def comparable(key: str, first: dict[str, Any], second: dict[str, Any]) -> Comparable:
    """A pair of settings that is spoken of in the texts of the page."""
    return Comparable(said(f"comparisons.{key}"), f"comparisons.{key}", first, second)


def against(preset: str, name: str) -> Comparable:
    """A preset beside a published method as its paper has it."""
    key = f"comparisons.{name}"
    return Comparable(about_methods("en")[key], key, {"preset": preset}, {"method": name})


def about_methods(language: str) -> dict[str, str]:
    """What is said of each pair that `against` makes, by key."""
    own, written = texts(language), {}
    for name, preset in AGAINST.items():
        method = METHODS[name]
        named = {"preset": own[f"settings.{preset.lower()}"], "method": method.title}
        cited = {"paper": f"{method.paper}, arXiv {method.arxiv}", "rule": own[f"methods.{name}"]}
        written[f"comparisons.{name}"] = own["comparisons.against"].format(**named)
        written[f"comparisons.{name}_lesson"] = own["comparisons.against_lesson"].format(**named, **cited)
    return written


COMPARISONS = [
    comparable("rate", {"steps": whole}, {"steps": quarter}),
    comparable("blocks", {"steps": whole}, {"steps": whole, "block_length": 8}),
    comparable("cache", {"steps": whole}, {"steps": whole, "refresh_interval": 8}),
    comparable("order", {}, {"method": "random", "steps": half}),
    comparable("twin", {}, {"model": "Autoregressive"}),
    *(against(preset, name) for name, preset in AGAINST.items()),
]


def layout_in_words(config: SamplingConfig) -> str:
    """The settings that matter most to how an answer comes about, for a headline."""
    blocks = config.gen_length // config.block_length
    sizes = {"tokens": config.gen_length, "blocks": blocks, "length": config.block_length}
    key = "said.whole" if blocks == 1 else "said.blocks"
    words = said(key, **sizes, rate=f"{config.gen_length / config.steps:.3g}")
    words = words if keeps_its_schedule(config) else said("said.at_least", layout=words)
    name = method_of(config)
    if name in (None, "exact"):
        return words
    return said("said.of_method", method=METHODS[name].title, layout=words)

"""The numbers of a decoding method, as the page lets them be turned; what a method is stands in `sampling.methods`."""

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from lladav.checks import require
from lladav.sampling import METHODS, SamplingConfig

Value = float | list[float]  # of a knob, as JSON has it


class Knob(NamedTuple):
    """Where the slider of a method's number goes. The library's own rules hold for what is typed."""

    low: float
    high: float
    step: float


KNOBS = {
    "threshold": Knob(0.3, 1, 0.01),
    "factor": Knob(0, 4, 0.05),
    "entropy_bound": Knob(0, 4, 0.05),
    "kl_threshold": Knob(0, 0.2, 0.001),
    "kl_steps": Knob(1, 8, 1),
    "relaxed_threshold": Knob(0.3, 1, 0.01),
    "anchor_radius": Knob(1, 16, 1),
    "redundancy_power": Knob(0, 4, 0.1),
    "position_decay": Knob(0, 2, 0.05),
    "revision_threshold": Knob(0, 1, 0.01),
    "max_revocations": Knob(1, 16, 1),
    "revision_from": Knob(0, 1, 0.025),
    "revision_rounds": Knob(1, 128, 1),
    "delimiter_threshold": Knob(0, 1, 0.01),
    "start_length": Knob(1, 256, 1),
    "gap_thresholds": Knob(0, 20, 0.5),
    "drift_threshold": Knob(0, 1.01, 0.01),
    "window_length": Knob(1, 64, 1),
}
SIZES = ("block_length", "refresh_interval")  # settings that not every method goes with


@dataclass(frozen=True)
class Decoding:
    """What the choice of a method holds, as a dictionary of these names in JSON: gradio changes a dictionary that
    it has handed out in place while a run streams.

    Attributes:
        method: its name.
        knobs: its numbers, by the names of SamplingConfig.
        fitted: whether blocks, steps and cache are those of the method, and shall follow another length of the answer.
    """

    method: str
    knobs: dict[str, Value] = field(default_factory=dict)
    fitted: bool = True

    @classmethod
    def read(cls, text: str) -> "Decoding":
        """What `written` gave. Raises ValueError where it names no method."""
        decoding = cls(**json.loads(text))
        require(decoding.method in METHODS, "method", f"one of {', '.join(METHODS)}", decoding.method)
        return decoding

    def written(self) -> str:
        """The dictionary as JSON."""
        return json.dumps(vars(self))

    def settings(self) -> dict[str, Any]:
        """The numbers that the method has, as SamplingConfig takes them."""
        known = {name: self.knobs[name] for name in knobs_of(self.method) if name in self.knobs}
        return {name: tuple(value) if isinstance(value, list) else value for name, value in known.items()}


def knobs_of(method: str) -> list[str]:
    """The names of the numbers that a method has. Raises KeyError where there is no such method."""
    return [name for name in KNOBS if name in METHODS[method].settings]


def usual_knobs(method: str, config: SamplingConfig) -> dict[str, Value]:
    """The numbers of a method as `config` has them."""
    values = {name: getattr(config, name) for name in knobs_of(method)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


@cache
def goes_with(method: str, name: str) -> bool:
    """Whether a method may have blocks, as a "block_length", or a cache, as a "refresh_interval"."""
    try:
        SamplingConfig.method(method, gen_length=8, **{name: 4})
    except ValueError:
        return False
    return True


def offered_methods() -> dict[str, dict[str, Any]]:
    """All methods as static/decoding.js shows them."""
    return {name: _entry(name) for name in METHODS}


def _entry(name: str) -> dict[str, Any]:
    method = METHODS[name]
    usual = usual_knobs(name, SamplingConfig.method(name))
    return {
        "group": _group(name),
        "title": method.title, "paper": method.paper, "arxiv": method.arxiv,
        "equation": method.equation,
        "knobs": {knob: KNOBS[knob]._asdict() | {"value": usual[knob]} for knob in knobs_of(name)},
        "lacks": [size for size in SIZES if not goes_with(name, size)],
    }  # fmt: skip


def _group(name: str) -> str:
    """Which choice of a method is its own, as the key of a text."""
    settings = METHODS[name].settings
    groups = {
        "settings.group_run": {"drift_threshold"},
        "settings.group_back": {"revision"},
        "settings.group_size": {"delimiter_threshold", "start_length", "gap_thresholds"},
        "settings.group_sure": {"threshold", "factor", "entropy_bound"},
    }
    return next((title for title, marks in groups.items() if marks & settings.keys()), "settings.group_order")

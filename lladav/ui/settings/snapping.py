"""Presets, and moving settings to the nearest ones that fit together.

The library refuses settings that conflict; the page moves them to the nearest ones that fit and says what it did.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lladav.sampling import METHODS, SPEEDS, SamplingConfig
from lladav.ui.settings.knobs import Decoding, Value, goes_with, usual_knobs
from lladav.ui.texts import said

EXACT = 1  # the refresh interval at which there is no cache
SLOWEST_REFRESH = 64


PRESETS = {"Quality": SPEEDS["faithful"], "Balanced": SPEEDS["balanced"], "Fast": SPEEDS["fast"]}
NOTHING_RUNS = said("said.nothing_runs")


@dataclass(frozen=True)
class Plan:
    """Settings that fit together, and a sentence for each that had to move.

    Attributes:
        gen_length: tokens of the answer.
        block_length: tokens of a block; divides `gen_length`.
        steps: over the whole answer; a multiple of the number of blocks, at most one a token.
        refresh_interval: the prompt is run every that many steps; at 1 in each.
        method: of decoding.
        knobs: the method's numbers.
        note: what was moved and why; empty when nothing was.
    """

    gen_length: int
    block_length: int
    steps: int
    refresh_interval: int = EXACT
    method: str = "exact"
    knobs: dict[str, Value] = field(default_factory=dict)
    note: str = ""

    def config(self, **others: Any) -> SamplingConfig:
        """The settings, with `others`. Raises ValueError where a number of the method makes no sense."""
        interval = None if self.refresh_interval == EXACT else self.refresh_interval
        sizes = {"gen_length": self.gen_length, "block_length": self.block_length, "steps": self.steps}
        numbers = Decoding(self.method, self.knobs).settings()
        return SamplingConfig.method(self.method, **sizes, refresh_interval=interval, **numbers, **others)

    @property
    def refusal(self) -> str:
        """Why nothing can be run so, or nothing."""
        try:
            self.config()
        except ValueError as error:
            return str(error)
        return ""

    @property
    def decoding(self) -> Decoding:
        """The method and its numbers."""
        usual = own(self.method, self.gen_length)
        sizes = ("block_length", "steps", "refresh_interval")
        return Decoding(self.method, self.knobs, all(getattr(self, name) == getattr(usual, name) for name in sizes))


def preset(name: str, gen_length: int) -> Plan:
    """What a preset means for an answer of `gen_length` tokens: always one block, so that all of it is refined."""
    speed = PRESETS[name]
    steps = speed.settings(gen_length, gen_length)["steps"]
    sizes = gen_length, gen_length, steps, speed.refresh_interval or EXACT
    return Plan(*sizes) if speed.threshold is None else Plan(*sizes, "threshold", {"threshold": speed.threshold})


def own(method: str, gen_length: int) -> Plan:
    """What the paper of a method means for an answer of `gen_length` tokens."""
    config = SamplingConfig.method(method, gen_length=gen_length)
    return Plan(gen_length, config.block_length, config.steps, EXACT, method, usual_knobs(method, config))


def preset_of(plan: Plan) -> str | None:
    """The preset that a plan follows, or None."""
    wanted = vars(plan) | {"note": ""}
    return next((name for name in PRESETS if vars(preset(name, plan.gen_length)) == wanted), None)


def snap(
    gen_length: float, block_length: float, steps: float, longest: int,
    refresh_interval: float = EXACT, method: str = "exact", knobs: Mapping[str, Value] | None = None,
) -> Plan:  # fmt: skip
    """The nearest settings that fit together, for answers of at most `longest` tokens. What is wrong with the numbers
    of a method alone is left to `Plan.refusal`."""
    length, title = round(_within(gen_length, 1, longest)), METHODS[method].title
    block = _nearest(_divisors(length), block_length) if goes_with(method, "block_length") else length
    blocks = length // block
    fitting = _nearest(range(blocks, length + 1, blocks), steps)
    slowest = SLOWEST_REFRESH if goes_with(method, "refresh_interval") else EXACT
    refresh = round(_within(refresh_interval, EXACT, slowest))
    why_refresh = (
        said("said.why_refresh", low=EXACT, most=slowest)
        if slowest > EXACT
        else said("said.why_cacheless", method=title)
    )
    turned = dict(knobs or {})
    asked = start = turned.get("start_length")
    if isinstance(asked, (int, float)):
        start = turned["start_length"] = min(asked, length)
    reasons = {
        "settings.gen_length": (gen_length, length, said("said.why_allowed", low=1, most=longest)),
        "settings.block_length": (block_length, block, _why_block(method, length)),
        "settings.steps": (steps, fitting, _why_steps(steps, length)),
        "settings.refresh_interval": (refresh_interval, refresh, why_refresh),
        "knobs.start_length.label": (asked, start, said("said.why_start", tokens=length)),
    }
    notes = [
        said("said.moved", name=said(name), to=f"{to:g}", why=why)
        for name, (asked, to, why) in reasons.items()
        if to != asked
    ]
    return Plan(length, block, fitting, refresh, method, turned, " ".join(notes))


def _why_block(method: str, length: int) -> str:
    if not goes_with(method, "block_length"):
        return said("said.why_one_block", method=METHODS[method].title)
    return said("said.why_divide", tokens=length)


def _why_steps(steps: float, length: int) -> str:
    return said("said.why_one_token") if steps > length else said("said.why_same_steps")


def _within(value: float, low: float, high: float) -> float:
    return min(max(low, value), high)


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def _nearest(choices: Iterable[int], wanted: float) -> int:
    """The closest of the choices, the larger one in a tie."""
    return min(choices, key=lambda choice: (abs(choice - wanted), -choice))

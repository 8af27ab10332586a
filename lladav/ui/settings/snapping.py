"""Presets, and moving settings to the nearest ones that fit together.

The library refuses settings that conflict; the page moves them to the nearest ones that fit and says what it did.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from lladav.sampling import SPEEDS, Speed

EXACT, NEVER_SURE = 1, 1.0  # the refresh interval and the threshold at which neither changes anything
SLOWEST_REFRESH = 64
LOWEST_THRESHOLD = 0.5


class Preset(NamedTuple):
    """A speed of the library, in words for a visitor."""

    speed: Speed
    words: str


PRESETS = {
    "Quality": Preset(SPEEDS["faithful"], "One token a step; every step looks at everything anew."),
    "Balanced": Preset(SPEEDS["balanced"], "Two tokens a step; picture and question are looked at in every fourth."),
    "Fast": Preset(SPEEDS["fast"], "All tokens above 90 % confidence in one step; picture and question are read once."),
}
OWN_WORDS = "Your own settings."


@dataclass(frozen=True)
class Plan:
    """Settings that fit together, and a sentence for each that had to move.

    Attributes:
        gen_length: tokens of the answer.
        block_length: tokens of a block; divides `gen_length`.
        steps: over the whole answer; a multiple of the number of blocks, at most one a token.
        refresh_interval: the prompt is run every that many steps; at 1 in each.
        threshold: proposals more confident than this are all committed; at 1 none is.
        note: what was moved and why; empty when nothing was.
    """

    gen_length: int
    block_length: int
    steps: int
    refresh_interval: int = EXACT
    threshold: float = NEVER_SURE
    note: str = ""


def preset(name: str, gen_length: int) -> Plan:
    """What a preset means for an answer of `gen_length` tokens: always one block, so that all of it is refined."""
    speed = PRESETS[name].speed
    steps = speed.settings(gen_length, gen_length)["steps"]
    return Plan(gen_length, gen_length, steps, speed.refresh_interval or EXACT, speed.threshold or NEVER_SURE)


def preset_of(plan: Plan) -> str | None:
    """The preset that a plan follows, or None."""
    wanted = vars(plan) | {"note": ""}
    return next((name for name in PRESETS if vars(preset(name, plan.gen_length)) == wanted), None)


def snap(
    gen_length: float, block_length: float, steps: float, longest: int,
    refresh_interval: float = EXACT, threshold: float = NEVER_SURE, remasking: str = "low_confidence",
) -> Plan:  # fmt: skip
    """The nearest settings that fit together, for answers of at most `longest` tokens."""
    length = round(_within(gen_length, 1, longest))
    block = _nearest(_divisors(length), block_length)
    blocks = length // block
    fitting = _nearest(range(blocks, length + 1, blocks), steps)
    refresh = round(_within(refresh_interval, EXACT, SLOWEST_REFRESH))
    sure = NEVER_SURE if remasking == "random" else _within(threshold, LOWEST_THRESHOLD, NEVER_SURE)
    reasons = {
        "Max new tokens": (gen_length, length, f"this page allows 1 to {longest}"),
        "Block length": (block_length, block, f"blocks have to divide the {length} tokens evenly"),
        "Denoising steps": (steps, fitting, _why_steps(steps, length)),
        "Cache refresh interval": (refresh_interval, refresh, f"this page allows {EXACT} to {SLOWEST_REFRESH} steps"),
        "Confidence threshold": (threshold, sure, _why_threshold(remasking)),
    }
    notes = [f"{name} moved to {to:g}: {why}." for name, (asked, to, why) in reasons.items() if to != asked]
    return Plan(length, block, fitting, refresh, sure, " ".join(notes))


def _why_steps(steps: float, length: int) -> str:
    return "a step commits at least one token" if steps > length else "every block gets the same number of steps"


def _why_threshold(remasking: str) -> str:
    if remasking == "random":
        return "random remasking does not ask how sure the model is"
    return f"this page allows {LOWEST_THRESHOLD:g} to 1"


def _within(value: float, low: float, high: float) -> float:
    return min(max(low, value), high)


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def _nearest(choices: Iterable[int], wanted: float) -> int:
    """The closest of the choices, the larger one in a tie."""
    return min(choices, key=lambda choice: (abs(choice - wanted), -choice))

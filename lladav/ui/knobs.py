"""The knobs of the page: presets, and moving settings to the nearest ones that fit together.

The library refuses settings that conflict; the page moves them to the nearest ones that fit and says what it did.
"""

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
    "Faithful": Preset(SPEEDS["faithful"], "One token a step, and every step looks at everything anew."),
    "Balanced": Preset(
        SPEEDS["balanced"],
        "Two tokens a step; the picture and the question are looked at anew in every fourth.",
    ),
    "Fast": Preset(
        SPEEDS["fast"],
        "All tokens it is surer of than 90% in one step; picture and question are looked at once.",
    ),
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


def preset(name: str, gen_length: int, block_length: int | None = None) -> Plan:
    """What a preset means for an answer of `gen_length` tokens.

    Args:
        block_length: that the model likes best; the nearest that fits is taken. None: one block.
    """
    speed = PRESETS[name].speed
    block = _nearest(_divisors(gen_length), block_length or gen_length)
    steps = speed.settings(gen_length, block)["steps"]
    return Plan(gen_length, block, steps, speed.refresh_interval or EXACT, speed.threshold or NEVER_SURE)


def preset_of(plan: Plan, block_length: int | None = None) -> str | None:
    """The preset that a plan follows, or None."""
    wanted = vars(plan) | {"note": ""}
    return next((name for name in PRESETS if vars(preset(name, plan.gen_length, block_length)) == wanted), None)


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
    notes = []
    if length != gen_length:
        notes.append(f"Answer length moved to {length}: this page allows 1 to {longest} tokens.")
    if block != block_length:
        notes.append(f"Block length moved to {block}: blocks have to divide the {length} tokens evenly.")
    if fitting != steps:
        reason = "a step commits at least one token" if steps > length else "every block gets the same number of steps"
        notes.append(f"Steps moved to {fitting}: {reason}.")
    if refresh != refresh_interval:
        notes.append(f"Look again every moved to {refresh}: this page allows {EXACT} to {SLOWEST_REFRESH} steps.")
    if sure != threshold:
        reason = f"this page allows {LOWEST_THRESHOLD:g} to 1"
        if remasking == "random":
            reason = "random remasking does not ask how sure the model is"
        notes.append(f"Sure above moved to {sure:g}: {reason}.")
    return Plan(length, block, fitting, refresh, sure, " ".join(notes))


def _within(value: float, low: float, high: float) -> float:
    return min(max(low, value), high)


def _divisors(number: int) -> list[int]:
    return [divisor for divisor in range(1, number + 1) if number % divisor == 0]


def _nearest(choices, wanted: float) -> int:
    """The closest of the ascending `choices`, the larger one in a tie."""
    return min(reversed(choices), key=lambda choice: abs(choice - wanted))

"""The knobs of the page: presets, snapping to settings that fit together, and what a run will cost.

The library refuses settings that conflict; the page moves them to the nearest ones that fit and says what it did.
"""

from dataclasses import dataclass

PRESETS = {"Fast": 4, "Balanced": 2, "Faithful": 1}  # tokens committed a step, all in one block


@dataclass(frozen=True)
class Plan:
    """Settings that fit together, and a sentence for each that had to move.

    Attributes:
        gen_length: tokens of the answer.
        block_length: tokens of a block; divides `gen_length`.
        steps: over the whole answer; a multiple of the number of blocks, at most one a token.
        note: what was moved and why; empty when nothing was.
    """

    gen_length: int
    block_length: int
    steps: int
    note: str


def preset(name: str, gen_length: int) -> tuple[int, int]:
    """Block length and steps of a preset for an answer of `gen_length` tokens."""
    return gen_length, max(1, gen_length // PRESETS[name])


def preset_of(plan: Plan) -> str | None:
    """The preset that a plan follows, or None."""
    settings = plan.block_length, plan.steps
    return next((name for name in PRESETS if preset(name, plan.gen_length) == settings), None)


def snap(gen_length: float, block_length: float, steps: float, longest: int) -> Plan:
    """The nearest settings that fit together, for answers of at most `longest` tokens."""
    length = min(max(1, round(gen_length)), longest)
    block = _nearest([d for d in range(1, length + 1) if length % d == 0], block_length)
    blocks = length // block
    fitting = _nearest(range(blocks, length + 1, blocks), steps)
    notes = []
    if length != gen_length:
        notes.append(f"Answer length moved to {length}: this page allows 1 to {longest} tokens.")
    if block != block_length:
        notes.append(f"Block length moved to {block}: blocks have to divide the {length} tokens evenly.")
    if fitting != steps:
        reason = "a step commits at least one token" if steps > length else "every block gets the same number of steps"
        notes.append(f"Steps moved to {fitting}: {reason}.")
    return Plan(length, block, fitting, " ".join(notes))


def cost(plan: Plan, cfg_scale: float, seconds_per_pass: float | None) -> str:
    """What a run will take, in words. `seconds_per_pass` was measured on this visitor's earlier runs, if any."""
    rate = plan.gen_length / plan.steps
    passes = f"Up to **{plan.steps} forward passes** of {rate:.3g} token{'' if rate == 1 else 's'} each"
    if cfg_scale > 0:
        passes += ", each twice as wide for guidance"
    if seconds_per_pass is None:
        return f"{passes}; how long that takes is known after the first answer."
    seconds = plan.steps * seconds_per_pass * (2 if cfg_scale > 0 else 1)
    return f"{passes}, about **{_duration(seconds)}**."


def _nearest(choices, wanted: float) -> int:
    """The closest of the ascending `choices`, the larger one in a tie."""
    return min(reversed(choices), key=lambda choice: abs(choice - wanted))


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{max(10, round(seconds * 100) * 10)} ms"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"

"""How values are refused: with the argument, the rule and the value, however large that is."""

from typing import Any

LONGEST_SHOWN = 60  # letters of a value in an error
LARGEST_SHOWN = 128  # bits of a number


def require(rule: bool, name: str, wanted: str, value: Any) -> None:
    """Raise ValueError for the argument `name`, which must be what `wanted` says, unless `rule` holds."""
    if not rule:
        raise ValueError(f"{name} must be {wanted}, got {shown(value)}")


def shown(value: Any) -> str:
    """A value in an error, cut short."""
    if isinstance(value, int) and value.bit_length() > LARGEST_SHOWN:
        return f"a number of {value.bit_length()} bits"
    if isinstance(value, (list, tuple, set, dict)) and len(value) > LONGEST_SHOWN:
        return f"{type(value).__name__} of {len(value)}"
    text = repr(value[: 2 * LONGEST_SHOWN] if isinstance(value, (str, bytes)) else value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"

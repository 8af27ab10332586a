"""The files in static/, which a browser is given."""

import json
from functools import cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"


def markup(name: str = "canvas") -> str:
    """The markup of the "canvas", the "sync_player" or the "results", which never changes and holds no data."""
    return (STATIC / f"{name}.html").read_text(encoding="utf-8")


@cache
def english() -> dict[str, str]:
    """What is written on a canvas and around it where no page hands over another language, by key."""
    return json.loads((STATIC / "english.json").read_text(encoding="utf-8"))

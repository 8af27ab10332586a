"""The files in static/, which a browser is given."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"


def template(name: str = "canvas") -> str:
    """The markup of the "canvas", the "sync_player" or the "results", which never changes and holds no data."""
    return (STATIC / f"{name}.html").read_text(encoding="utf-8")

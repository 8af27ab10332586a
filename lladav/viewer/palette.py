"""The colors and glyphs of the canvas: static/palette.json, as CSS, JavaScript and drawings read it."""

import json
from functools import cache
from typing import Any

from lladav.viewer.files import STATIC

Color = tuple[int, int, int]


@cache
def palette() -> dict[str, Any]:
    """The file, as it is."""
    return json.loads((STATIC / "palette.json").read_text(encoding="utf-8"))


def styles() -> str:
    """The styles of canvas, player and results, with the colors as custom properties, light and dark."""
    schemes = {":root": palette()["light"], ".dark": palette()["dark"]}
    colors = "\n".join(
        f"{selector} {{ " + " ".join(f"--tc-{name}: {code};" for name, code in scheme.items()) + " }"
        for selector, scheme in schemes.items()
    )
    return "\n".join([colors, *((STATIC / name).read_text(encoding="utf-8") for name in ("canvas.css", "player.css"))])


def glyph(name: str) -> str:
    """What stands for the "end" of an answer, a "special" token, a "newline", a "space", a "mask"."""
    return palette()["glyphs"][name]


@cache
def paint(name: str) -> Color:
    """A color of the light scheme as red, green and blue."""
    return hexadecimal(palette()["light"][name])


def hexadecimal(code: str) -> Color:
    """ "#0aa594" -> (10, 165, 148)."""
    red, green, blue = bytes.fromhex(code.removeprefix("#"))
    return red, green, blue


def mix(color: Color, other: Color, share: float) -> Color:
    """`share` of `color`, the rest of `other`."""
    red, green, blue = (round(one * share + two * (1 - share)) for one, two in zip(color, other, strict=True))
    return red, green, blue


def tint(confidence: float) -> Color:
    """From orange for a guess to teal for certainty, in even steps of OKLCH."""
    ramp = [hexadecimal(code) for code in palette()["ramp"]]
    place = confidence * (len(ramp) - 1)
    left = min(int(place), len(ramp) - 2)
    return mix(ramp[left + 1], ramp[left], place - left)

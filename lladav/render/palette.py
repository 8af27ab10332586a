"""The colours of the canvas, as on the page in light mode (viewer/static/canvas.css)."""

Color = tuple[int, int, int]


def hexadecimal(code: str) -> Color:
    """ "#0aa594" -> (10, 165, 148)."""
    red, green, blue = bytes.fromhex(code.removeprefix("#"))
    return red, green, blue


WHITE = hexadecimal("#ffffff")
PAPER = hexadecimal("#f5f4fb")
INK = hexadecimal("#1d2433")
QUIET = hexadecimal("#667085")
LINE = hexadecimal("#e2e5ec")
MASK = hexadecimal("#8b7cf6")
RAMP = [hexadecimal(code) for code in ("#f08a24", "#c69b00", "#90a738", "#52ab6c", "#0aa594")]  # even steps in OKLCH


def mix(color: Color, other: Color, share: float) -> Color:
    """`share` of `color`, the rest of `other`."""
    red, green, blue = (round(one * share + two * (1 - share)) for one, two in zip(color, other, strict=True))
    return red, green, blue


def tint(confidence: float) -> Color:
    """From orange for a guess to teal for certainty."""
    place = confidence * (len(RAMP) - 1)
    left = min(int(place), len(RAMP) - 2)
    return mix(RAMP[left + 1], RAMP[left], place - left)

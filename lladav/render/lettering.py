"""Text for drawings, in the fonts that OpenCV brings along: the same on every machine, for most scripts."""

from bisect import bisect_right
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image

REGULAR, MEDIUM, BOLD = 400, 500, 650
FACE = {False: "sans", True: "italic"}


@lru_cache(maxsize=4096)
def lettering(text: str, size: int, weight: int = REGULAR, italic: bool = False) -> Image.Image:
    """The ink of one line of text as a mask; its baseline is at 1.1 x `size`, its height 1.5 x `size`, in pixels."""
    ink = np.zeros((round(1.5 * size), max(1, text_width(text, size, weight, italic)) + size // 4), dtype=np.uint8)
    # A face takes microseconds to make, and threads must not share one.
    cv2.putText(ink, text, (0, round(1.1 * size)), 255, cv2.FontFace(FACE[italic]), size, weight)
    return Image.fromarray(ink)


@lru_cache(maxsize=4096)
def text_width(text: str, size: int, weight: int = REGULAR, italic: bool = False) -> int:
    """Pixels from the start of a line of text to where the next letter would stand."""
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), cv2.FontFace(FACE[italic]), size, weight)
    return width


def shortened(text: str, width: int, size: int, weight: int = REGULAR) -> str:
    """`text`, or as much of its start as fits into `width` pixels together with an ellipsis."""
    if text_width(text, size, weight) <= width:
        return text
    fits = bisect_right(range(1, len(text)), width, key=lambda n: text_width(text[:n] + "…", size, weight))
    return text[:fits].rstrip() + "…"


def wrapped(text: str, width: int, size: int, weight: int = REGULAR, most: int = 3) -> list[str]:
    """`text` in one to `most` lines of at most `width` pixels; the last may end early in "…"."""
    lines: list[str] = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, size, weight) > width and len(lines) < most:
            lines.append(word)
        else:
            lines[-1] = longer
    return [shortened(line, width, size, weight) for line in lines]

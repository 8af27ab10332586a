"""Films and pictures of a trace."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import GifImagePlugin, Image

from lladav.render.frames import draw_frames, last_frame
from lladav.trace import Trace

FILM_MS = 6000  # a film takes about this long
FRAME_MS = (40, 500)  # but shows a step no shorter and no longer than this
HOLD_MS = 3000  # the last frame of a GIF, before it begins again
PALETTE_FRAMES = 4  # of these a GIF has its colours
UNCHANGED = 255  # the colour of a GIF that lets the frame before shine through
CODECS = ("vp09", "mp4v")  # VP9 plays in browsers; builds of OpenCV without it have the older one


def render_gif(trace: Trace, path: str | Path) -> Iterator[int]:
    """Write a GIF with a frame for every step; the last one is held before it begins again.

    Yields:
        How many frames are done, again and again: who takes no more of them stops the work.
    """
    some: list[np.ndarray] = []
    for frame in _palette_frames(trace):
        if frame is not None:
            some.append(np.asarray(frame))
        yield 0
    palette = Image.fromarray(np.concatenate(some)).quantize(UNCHANGED)
    count = frame_count(trace)
    durations = [_frame_ms(trace)] * (count - 1) + [HOLD_MS]
    with Path(path).open("wb") as file:
        reduced = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in draw_frames(trace))
        yield from write_gif(file, zip(reduced, durations, strict=True))


def render_mp4(trace: Trace, path: str | Path) -> Iterator[int]:
    """Write a video with a frame for every step. Raises OSError where there can be no such file.

    Yields:
        How many frames are done: who takes no more of them stops the work.
    """
    first = next(draw_frames(trace))
    writer = _video_writer(path, 1000 / _frame_ms(trace), first.size)
    try:
        for done, frame in enumerate(draw_frames(trace), start=1):
            writer.write(cv2.cvtColor(np.asarray(frame), cv2.COLOR_RGB2BGR))
            yield done
    finally:
        writer.release()


def render_png(trace: Trace, path: str | Path) -> None:
    """Write a picture of the answer as it ended."""
    last_frame(trace).save(path, "PNG", optimize=True)


def _palette_frames(trace: Trace) -> Iterator[Image.Image | None]:
    """The frames that a GIF has its colours of, from the first to the last, and None for each of the others."""
    chosen = np.linspace(0, frame_count(trace) - 1, PALETTE_FRAMES).astype(int).tolist()
    for number, frame in enumerate(draw_frames(trace)):
        yield frame if number in chosen else None


def frame_count(trace: Trace) -> int:
    """How many frames a film of a trace has."""
    return max(1, len(trace.steps))


def _frame_ms(trace: Trace) -> int:
    shortest, longest = FRAME_MS
    return min(longest, max(shortest, FILM_MS // frame_count(trace)))


def write_gif(file: BinaryIO, images: Iterable[tuple[Image.Image, int]]) -> Iterator[int]:
    """Write images that share a palette, and milliseconds, one at a time, each as its difference to the one before.

    Pillow's own writer keeps all of them in memory until the last.

    Yields:
        How many images are written.
    """
    before = None
    for done, (image, ms) in enumerate(images, start=1):
        now = np.asarray(image)
        if before is None:
            header, _ = GifImagePlugin.getheader(image, info={"loop": 0, "duration": ms})
            file.writelines(header)
            change = image
        else:
            change = Image.fromarray(np.where(now == before, np.uint8(UNCHANGED), now))
        file.writelines(GifImagePlugin.getdata(change, duration=ms, transparency=UNCHANGED, disposal=1))
        before = now
        yield done
    file.write(b";")


def _video_writer(path: str | Path, rate: float, size: tuple[int, int]) -> cv2.VideoWriter:
    Path(path).touch()  # says what is wrong where it cannot be written; OpenCV would not
    for codec in CODECS:
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), rate, size)
        if writer.isOpened():
            return writer
    raise OSError(f"{path} could not be written: this build of OpenCV has none of the codecs {', '.join(CODECS)}")

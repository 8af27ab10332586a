"""Films and pictures of a trace."""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import GifImagePlugin, Image

from lladav.render.frames import Drawing, draw_frames, last_frame
from lladav.trace import Trace

FILM_MS = 6000  # a film takes about this long
FRAME_MS = (40, 500)  # but shows a step no shorter and no longer than this
HOLD_MS = 3000  # the last frame of a GIF, before it begins again
PALETTE_FRAMES = 4  # of these a GIF has its colours
UNCHANGED = 255  # the colour of a GIF that lets the frame before shine through
CODECS = ("vp09", "mp4v")  # VP9 plays in browsers; builds of OpenCV without it have the older one


def film_frames(trace: Trace, megapixels: float = math.inf) -> Sequence[int]:
    """The numbers of the steps, from 0, that a film shows: all of them, or as many as have so many pixels together,
    evenly spread and the last among them."""
    count = max(1, len(trace.steps))
    width, height = Drawing(trace).image.size
    fits = megapixels * 1e6 / (width * height)
    return range(count) if count <= fits else np.linspace(0, count - 1, max(2, int(fits))).astype(int).tolist()


def render_gif(trace: Trace, path: str | Path, shown: Sequence[int]) -> Iterator[int]:
    """Write a GIF with a frame for every step that is shown; the last one is held before it begins again.

    Yields:
        How many frames are done, again and again: who takes no more of them stops the work.
    """
    some: list[np.ndarray] = []
    for frame in draw_frames(trace, [shown[n] for n in np.linspace(0, len(shown) - 1, PALETTE_FRAMES).astype(int)]):
        if frame is not None:
            some.append(np.asarray(frame))
        yield 0
    palette = Image.fromarray(np.concatenate(some)).quantize(UNCHANGED)
    durations = [_frame_ms(len(shown))] * (len(shown) - 1) + [HOLD_MS]
    with Path(path).open("wb") as file:
        frames = filter(None, draw_frames(trace, shown))
        reduced = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
        yield from write_gif(file, zip(reduced, durations, strict=True))


def render_mp4(trace: Trace, path: str | Path, shown: Sequence[int]) -> Iterator[int]:
    """Write a video with a frame for every step that is shown. Raises OSError where there can be no such file.

    Yields:
        How many frames are done: who takes no more of them stops the work.
    """
    writer = _video_writer(path, 1000 / _frame_ms(len(shown)), Drawing(trace).image.size)
    try:
        for done, frame in enumerate(filter(None, draw_frames(trace, shown)), start=1):
            writer.write(cv2.cvtColor(np.asarray(frame), cv2.COLOR_RGB2BGR))
            yield done
    finally:
        writer.release()


def render_png(trace: Trace, path: str | Path) -> None:
    """Write a picture of the answer as it ended."""
    last_frame(trace).save(path, "PNG", optimize=True)


def _frame_ms(count: int) -> int:
    shortest, longest = FRAME_MS
    return min(longest, max(shortest, FILM_MS // count))


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

"""Files to pictures, pictures to tiles: everything about pixels that happens before the tower."""

import base64
import io
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from lladav.anyres import fitted_size, select_best_resolution

MAX_PIXELS = 50_000_000
MAX_FRAME_PIXELS = 9_000_000
MAX_SIDE = 16_384  # padding a picture to a square takes its longer side squared
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "ICO")
THUMBNAIL_SIDE = 192
GREY = (127, 127, 127)
# SigLIP's rescaling to [0, 1] and normalisation with mean and deviation 0.5, in its precision, for each of 256 levels.
LEVELS = ((np.arange(256) * (1 / 255)).astype(np.float32) - np.float32(0.5)) / np.float32(0.5)

ImageSource = str | PathLike | bytes | Image.Image
VideoSource = str | PathLike | Sequence[ImageSource]


def load_image(source: ImageSource) -> Image.Image:
    """Read a picture as people see it: RGB, upright, the first frame of an animation.

    Transparency is dropped, not blended, as in LLaVA.

    Args:
        source: a path, the bytes of a file, or a PIL image.

    Raises:
        ValueError: it is no picture, is damaged, or is larger than MAX_PIXELS or MAX_SIDE. The size is checked before
            anything is decoded.
    """
    if isinstance(source, Image.Image):
        return _decoded(source)
    with _open(source) as image:
        return _decoded(image)


def _decoded(image: Image.Image) -> Image.Image:
    check_size(*image.size)
    try:
        return _to_rgb(ImageOps.exif_transpose(image))
    except Exception as error:  # Pillow's decoders raise whatever comes to them
        raise ValueError("The picture is damaged or incomplete: it could not be read to its end.") from error


def check_size(width: int, height: int) -> None:
    """Refuse pictures that would take the memory of a server down."""
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise ValueError(
            f"A picture may have {MAX_PIXELS // 10**6} megapixels and {MAX_SIDE} pixels a side at most, "
            f"this one is {width} x {height}: make it smaller."
        )


def _open(source: str | PathLike | bytes) -> Image.Image:
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return Image.open(file, formats=FORMATS)
    except FileNotFoundError:
        raise
    except Image.DecompressionBombError as error:
        raise ValueError(f"A picture may have {MAX_PIXELS // 10**6} megapixels at most: make it smaller.") from error
    except Exception as error:  # as above
        raise ValueError(
            "This is not a picture that can be read, or it is damaged: use PNG, JPEG, WebP, GIF, BMP or TIFF."
        ) from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray(np.rint(np.asarray(image) / 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
    return image.convert("RGB")


def thumbnail(image: Image.Image) -> str:
    """A small JPEG of an RGB picture, about 8 KB, as a data URL."""
    small, file = image.copy(), io.BytesIO()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    small.save(file, "JPEG", quality=80, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def load_video(source: VideoSource, frames: int) -> list[Image.Image]:
    """Read `frames` frames of a video, evenly spaced from the first to the last; some twice if it has fewer.

    Args:
        source: a path; or frames, of which all are taken if they are not more than `frames`.

    Raises:
        ValueError: it is no video that can be read.
    """
    if isinstance(source, (str, PathLike)):
        return _read_frames(source, frames)
    chosen = range(len(source)) if len(source) <= frames else _evenly(len(source), frames)
    return [load_image(source[index]) for index in chosen]


def _evenly(total: int, count: int) -> list[int]:
    return np.linspace(0, total - 1, count, dtype=int).tolist()


def _read_frames(path: str | PathLike, count: int) -> list[Image.Image]:
    if not Path(path).is_file():  # opencv would take a pattern or an address, too
        raise FileNotFoundError(path)
    capture = cv2.VideoCapture(str(path))
    width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    if width * height > MAX_FRAME_PIXELS:
        raise ValueError(
            f"A video may have {MAX_FRAME_PIXELS // 10**6} megapixels a frame at most, this one is {width} x {height}."
        )
    indices = _evenly(_frame_count(capture), count)
    frames = [frame for index in indices if (frame := _frame(capture, index)) is not None]
    if len(frames) < count:
        raise ValueError("The video is damaged or incomplete: not all of its frames could be read.")
    return frames


def _frame_count(capture: cv2.VideoCapture) -> int:
    """As many frames as the header declares; counted where that is not true, as with a browser's recordings."""
    total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    if total > 0 and _frame(capture, total - 1) is not None:
        return total
    capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
    total = 0
    while capture.grab():
        total += 1
    if total == 0:
        raise ValueError("This is not a video that can be read: use MP4, WebM, MOV, AVI or MKV.")
    return total


def _frame(capture: cv2.VideoCapture, index: int) -> Image.Image | None:
    capture.set(cv2.CAP_PROP_POS_FRAMES, index)
    read, frame = capture.read()
    return Image.fromarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)) if read else None


def anyres_tiles(image: Image.Image, pinpoints: Sequence[Sequence[int]], side: int) -> list[Image.Image]:
    """The whole picture squashed to one tile, then the tiles of the canvas it fits best, row by row."""
    canvas_size = select_best_resolution(image.size, pinpoints)
    width, height = fitted_size(image.size, canvas_size)
    canvas = Image.new("RGB", canvas_size)
    canvas.paste(image.resize((width, height)), ((canvas_size[0] - width) // 2, (canvas_size[1] - height) // 2))
    return [square_tile(image, side)] + [
        canvas.crop((left, top, left + side, top + side))
        for top in range(0, canvas_size[1], side)
        for left in range(0, canvas_size[0], side)
    ]


def padded_tile(image: Image.Image, side: int) -> Image.Image:
    """The picture in the middle of a grey square."""
    longest = max(image.size)
    square = Image.new("RGB", (longest, longest), GREY)
    square.paste(image, ((longest - image.width) // 2, (longest - image.height) // 2))
    return square.resize((side, side))


def square_tile(image: Image.Image, side: int) -> Image.Image:
    """The picture squashed to a square."""
    return image.resize((side, side))


def to_pixel_values(tiles: Sequence[Image.Image]) -> np.ndarray:
    """Tiles to the float32 array of shape (T, 3, S, S) that the tower takes, in [-1, 1]."""
    return LEVELS[np.stack([np.asarray(tile) for tile in tiles])].transpose(0, 3, 1, 2)

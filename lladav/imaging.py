"""Files to pictures, pictures to tiles: everything about pixels that happens before the tower."""

import base64
import io
import urllib.request
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from tempfile import NamedTemporaryFile

import cv2
import numpy as np
import torch
from PIL import Image, ImageOps

from lladav.anyres import fitted_size, select_best_resolution
from lladav.checks import shown
from lladav.messages import decoded_base64

MAX_PIXELS = 50_000_000
MAX_FRAME_PIXELS = 9_000_000
MAX_SIDE = 16_384  # padding a picture to a square takes its longer side squared
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "ICO")
LONGEST_SHOWN = 200  # letters of a path in an error
MAX_DOWNLOAD = 50 << 20  # bytes
DOWNLOAD_SECONDS = 30
LONGEST_PATH = 4096
SHORTEST_BASE64 = 64  # letters; fewer hold no picture
CHANNELS = (1, 3, 4)
THUMBNAIL_SIDE = 192
GREY = (127, 127, 127)
# SigLIP's rescaling to [0, 1] and normalisation with mean and deviation 0.5, in its precision, for each of 256 levels.
LEVELS = ((np.arange(256) * (1 / 255)).astype(np.float32) - np.float32(0.5)) / np.float32(0.5)

Array = np.ndarray | torch.Tensor
ImageSource = str | PathLike | bytes | Image.Image | Array
VideoSource = str | PathLike | bytes | Sequence[ImageSource] | Array


def load_image(source: ImageSource, download: bool = False) -> Image.Image:
    """Read a picture as people see it: RGB, upright, the first frame of an animation.

    Transparency is dropped, not blended, as in LLaVA.

    Args:
        source: a path, an address, base64 text, the bytes of a file, a PIL image, or an array or tensor of shape
            (H, W), (H, W, C) or (C, H, W), of levels from 0 to 255, or from 0 to 1 if they are no whole numbers.
        download: whether an address on a network may be asked for.

    Raises:
        ValueError: it is no picture, is damaged, or is larger than MAX_PIXELS or MAX_SIDE. The size is checked before
            anything is decoded.
    """
    if isinstance(source, str):
        source = _located(source, "image", download)
    if isinstance(source, (np.ndarray, torch.Tensor)):
        source = _from_array(source)
    if isinstance(source, Image.Image):
        return _decoded(source)
    if not isinstance(source, (bytes, PathLike)):
        raise ValueError(
            "image must be a path, an address, base64 text, bytes, a PIL image, an array or a tensor, "
            f"got {shown(source)}"
        )
    with _open(source) as image:
        return _decoded(image)


def _located(source: str, kind: str, download: bool) -> bytes | Path:
    """What a string stands for: an address, a data URL, a path, or base64 text."""
    if source.startswith(("http://", "https://")):
        if not download:
            raise ValueError(
                f"{kind} must not lie on a network, got {shown(source)}: fetch it first, or pass download=True"
            )
        return _downloaded(source)
    if source.startswith("data:"):
        return decoded_base64(source)
    if len(source) < LONGEST_PATH and "\0" not in source and Path(source).is_file():
        return Path(source)
    try:
        return decoded_base64(source if len(source) >= SHORTEST_BASE64 else "?")
    except ValueError as error:
        raise ValueError(f"{kind} must be a file that is there, no such file: {str(source)[:LONGEST_SHOWN]}") from error


def _downloaded(address: str) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=DOWNLOAD_SECONDS) as response:
            content = response.read(MAX_DOWNLOAD + 1)
    except OSError as error:
        raise ValueError(f"{shown(address)} could not be fetched: {error}") from error
    if len(content) > MAX_DOWNLOAD:
        raise ValueError(f"A file may have {MAX_DOWNLOAD >> 20} MB at most, {shown(address)} has more.")
    return content


def _from_array(array: Array) -> Image.Image:
    values = array.detach().cpu().numpy() if isinstance(array, torch.Tensor) else array
    values = values[..., None] if values.ndim == 2 else values
    if values.ndim == 3 and values.shape[2] not in CHANNELS:
        values = values.transpose(1, 2, 0)
    if values.ndim != 3 or values.shape[2] not in CHANNELS:
        raise ValueError(f"image must be an array of shape (H, W), (H, W, C) or (C, H, W), got {tuple(array.shape)}")
    check_size(values.shape[1], values.shape[0])
    return Image.fromarray(_levels(values).squeeze(2) if values.shape[2] == 1 else _levels(values))


def _levels(values: np.ndarray) -> np.ndarray:
    """Levels from 0 to 255 as bytes; those of arrays of other numbers lie from 0 to 1."""
    whole = values.dtype.kind in "bui"
    if values.dtype.kind not in "buif":
        raise ValueError(f"image must be an array of numbers, got one of {values.dtype}")
    most = 255 if whole and values.dtype.kind != "b" else 1
    if not (values.min() >= 0 and values.max() <= most):
        got = f"{values.min()} to {values.max()}"
        raise ValueError(f"image must be an array of levels from 0 to 255, or of others from 0 to 1, got {got}")
    return np.rint(values * (255 // most)).astype(np.uint8) if most == 1 else values.astype(np.uint8)


def _decoded(image: Image.Image) -> Image.Image:
    check_size(*image.size)
    try:
        return _to_rgb(ImageOps.exif_transpose(image))
    except Exception as error:  # Pillow's decoders raise whatever comes to them
        raise ValueError("The picture is damaged or incomplete: it could not be read to its end.") from error


def check_size(width: int, height: int) -> None:
    """Refuse pictures that would take the memory of a server down."""
    if width < 1 or height < 1:
        raise ValueError(f"A picture must have at least one pixel, this one is {width} x {height}.")
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise ValueError(
            f"A picture may have {MAX_PIXELS // 10**6} megapixels and {MAX_SIDE} pixels a side at most, "
            f"this one is {width} x {height}: make it smaller."
        )


def _open(source: str | PathLike | bytes) -> Image.Image:
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        return Image.open(file, formats=FORMATS)
    except FileNotFoundError as error:
        raise ValueError(f"image must be a file that is there, no such file: {str(source)[:LONGEST_SHOWN]}") from error
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


def load_video(source: VideoSource, frames: int, download: bool = False) -> list[Image.Image]:
    """Read `frames` frames of a video, evenly spaced from the first to the last; some twice if it has fewer.

    Args:
        source: a path, an address, base64 text or the bytes of a file; or frames, of which all are taken if they are
            not more than `frames`: a list of whatever `load_image` takes, or an array or tensor of shape (T, H, W, C)
            or (T, C, H, W).
        frames: how many.
        download: whether an address on a network may be asked for.

    Raises:
        ValueError: it is no video that can be read.
    """
    if isinstance(source, str):
        source = _located(source, "video", download)
    if isinstance(source, bytes):
        with NamedTemporaryFile(suffix=".video") as file:
            file.write(source)
            file.flush()
            return _read_frames(file.name, frames)
    if isinstance(source, PathLike):
        return _read_frames(source, frames)
    many = isinstance(source, (list, tuple)) or (isinstance(source, (np.ndarray, torch.Tensor)) and source.ndim == 4)
    if not many or len(source) == 0:
        raise ValueError(f"video must be a path, an address, bytes or at least one frame, got {shown(source)}")
    chosen = range(len(source)) if len(source) <= frames else _evenly(len(source), frames)
    return [load_image(source[index], download) for index in chosen]


def _evenly(total: int, count: int) -> list[int]:
    return np.linspace(0, total - 1, count, dtype=int).tolist()


def _read_frames(path: str | PathLike, count: int) -> list[Image.Image]:
    if not Path(path).is_file():  # opencv would take a pattern or an address, too
        raise ValueError(f"video must be a file that is there, no such file: {str(path)[:LONGEST_SHOWN]}")
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

"""Files to pictures, pictures to tiles: everything about pixels that happens before the tower."""

import base64
import io
import struct
import urllib.request
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import thread_time

import cv2
import numpy as np
import torch
from PIL import ExifTags, IcoImagePlugin, Image, ImageCms, JpegImagePlugin

from lladav.anyres import fitted_size, select_best_resolution
from lladav.checks import shown
from lladav.messages import decoded_base64

# What one file may cost: below these bounds less than 500 MB of memory and 10 seconds of one core, whatever is in it.
MAX_BYTES = 100 << 20  # of a picture's file
MAX_PIXELS = 50_000_000
MAX_SIDE = 16_384
KEPT_PIXELS = 25_000_000  # larger pictures are halved; the largest canvas of the published model has 5 million
COPYING = {"WEBP": 20_000_000, "AVIF": 25_000_000}  # formats whose decoders keep copies of what they decode
MAX_VIDEO_PIXELS = 1_500_000_000  # of all frames together: a minute of 1280 x 720, 25 frames a second
LEAST_FRAME = 320 * 240  # pixels; smaller frames count as many, since each costs something
KEPT_FRAME_PIXELS = 1920 * 1088  # larger frames are halved
DECODE_SECONDS = 8  # of the thread's time
TOO_LONG = f"It takes more than {DECODE_SECONDS} seconds to decode: save it again, smaller or in another format."
MAX_DOWNLOAD = 50 << 20  # bytes
DOWNLOAD_SECONDS = 30
LONGEST_PATH = 4096
LONGEST_SHOWN = 200  # letters of a path in an error
SHORTEST_BASE64 = 64  # letters; fewer hold no picture

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM", "ICO")
READABLE = "use PNG, JPEG, WebP, GIF, BMP or TIFF"
READABLE_VIDEOS = "use MP4, WebM, MOV, AVI or MKV"
JPEG, PNG, ICO = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"\0\0\1\0"
JPEG_BLOCK = 1024  # bytes that are decoded at a time: a few hold many passes over a large picture
LARGEST_ICON = 512  # rows of a bitmap in an icon, of which half are its mask
# How the files of videos begin, at which byte. FFmpeg would read much else, playlists that name other files among it.
CONTAINERS = {
    0: (b"\x1aE\xdf\xa3", b"RIFF", b"OggS", b"0&\xb2u", b"\0\0\1\xba", b"\0\0\1\xb3", b"FLV", b"GIF8", b"G@"),
    4: (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"),
}
TURNS = {  # EXIF's orientation: what makes a picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
GREY_RANGES = {"I": (255, 65_535), "F": (1, 255, 65_535)}  # the largest levels that greys of many bits may have
LAB_TO_RGB = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
SIXTEEN_BITS = np.rint(np.arange(65_536) / 257).astype(np.uint8)  # to 8 bits

CHANNELS = (1, 3, 4)
THUMBNAIL_SIDE = 192
GREY = (127, 127, 127)
BAND = 256  # rows that are resized at a time
# SigLIP's rescaling to [0, 1] and normalisation with mean and deviation 0.5, in its precision, for each of 256 levels.
LEVELS = ((np.arange(256) * (1 / 255)).astype(np.float32) - np.float32(0.5)) / np.float32(0.5)

Array = np.ndarray | torch.Tensor
ImageSource = str | PathLike | bytes | Image.Image | Array
VideoSource = str | PathLike | bytes | Sequence[ImageSource] | Array


def load_image(source: ImageSource, download: bool = False) -> Image.Image:
    """Read a picture as people see it: RGB, upright, the first frame of an animation, its pixels and nothing else.

    Transparency is dropped, not blended, as in LLaVA. Of metadata only the orientation is read, and none that is wrong
    keeps a picture from being read. Greys of 16 bits are scaled to 8; those of 32 and fractions from the smallest of
    0 to 1, to 255 and to 65535 that holds them, else from their least to their greatest. A picture of more than
    KEPT_PIXELS is halved, which LLaVA does not do.

    Args:
        source: a path, an address, base64 text, the bytes of a file, a PIL image, or an array or tensor of shape
            (H, W), (H, W, C) or (C, H, W), of levels from 0 to 255, or from 0 to 1 if they are no whole numbers.
        download: whether an address on a network may be asked for.

    Returns:
        A PIL image; `source` itself if there is nothing to be done to it.

    Raises:
        ValueError: it is no picture, is damaged, or is larger than MAX_BYTES, MAX_PIXELS, MAX_SIDE or what COPYING has
            for its format, which is checked before anything is decoded; or takes longer than DECODE_SECONDS.
    """
    if isinstance(source, str):
        source = _located(source, "image", download)
    if isinstance(source, (np.ndarray, torch.Tensor)):
        source = _from_array(source)
    if isinstance(source, Image.Image):
        return _decoded(source)
    if isinstance(source, bytes):
        return _decoded(_open(source))
    if isinstance(source, PathLike):
        with _named(source) as path:
            return _decoded(_open(_content(path)))
    raise ValueError(
        f"image must be a path, an address, base64 text, bytes, a PIL image, an array or a tensor, got {shown(source)}"
    )


@contextmanager
def _named(source: str | PathLike) -> Iterator[Path]:
    """Have errors begin with the name of the file that they are about."""
    path = Path(source)
    try:
        yield path
    except ValueError as error:
        name = path.name[:LONGEST_SHOWN].encode("utf-8", "replace").decode()  # a name may hold half a character
        raise ValueError(f"{name}: {error}") from error


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
    check_size((values.shape[1], values.shape[0]))
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


def check_size(size: tuple[int, int], most: int = MAX_PIXELS) -> None:
    """Refuse a picture of `size` (width, height) in pixels that would take the memory of a server down."""
    width, height = size
    if width < 1 or height < 1:
        raise ValueError(f"A picture must have at least one pixel, this one is {width} x {height}.")
    if width * height > most or max(size) > MAX_SIDE:
        raise ValueError(
            f"A picture of this kind may have {most // 10**6} megapixels and {MAX_SIDE} pixels a side at most, "
            f"this one is {width} x {height}: make it smaller."
        )


def _check_there(path: Path, kind: str) -> None:
    if not path.is_file():
        raise ValueError(f"{kind} must be a file that is there, no such file: {str(path)[:LONGEST_SHOWN]}")


def _content(path: Path) -> bytes:
    _check_there(path, "image")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"The file of a picture may have {MAX_BYTES >> 20} MB at most, this one has more.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"The file could not be read: {error.strerror}.") from error


class _Timed(io.BytesIO):
    """A file in memory for DECODE_SECONDS: most decoders ask for a part of it at a time."""

    def __init__(self, content: bytes):
        super().__init__(content)
        self.end = thread_time() + DECODE_SECONDS

    def read(self, size: int | None = -1) -> bytes:
        if thread_time() > self.end:
            raise TimeoutError
        return super().read(size)


def _open(content: bytes) -> Image.Image:
    try:
        content = _without_icon(content)
        if content.startswith(JPEG):  # Image.open would read metadata about further pictures in the file
            image = JpegImagePlugin.JpegImageFile(_Timed(content))
            image.decodermaxblock = JPEG_BLOCK
            return image
        return Image.open(_Timed(_without_metadata(content)), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise ValueError(f"A picture may have {MAX_PIXELS // 10**6} megapixels at most: make it smaller.") from error
    except TimeoutError as error:
        raise ValueError(TOO_LONG) from error
    except Exception as error:  # Pillow's decoders raise whatever comes to them
        raise ValueError(f"This is not a picture that can be read, or it is damaged: {READABLE}.") from error


def _without_icon(content: bytes) -> bytes:
    """The picture in an icon, if it is a PNG, since Pillow would decode that before one can ask for its size."""
    if not content.startswith(ICO):
        return content
    icon = IcoImagePlugin.IcoFile(io.BytesIO(content)).entry[0]
    inside = content[icon.offset : icon.offset + icon.size]
    if inside.startswith(PNG):
        return inside
    if max(map(abs, struct.unpack("<ii", inside[4:12]))) > LARGEST_ICON:
        raise SyntaxError("a bitmap larger than an icon")
    return content


def _without_metadata(content: bytes) -> bytes:
    """Of a PNG what its pixels need, and its orientation; Pillow refuses pictures for what stands in other chunks."""
    if not content.startswith(PNG):
        return content
    kept, start = [PNG], len(PNG)
    while len(content) - start >= 12:  # length, kind and checksum of a chunk
        kind = content[start + 4 : start + 8]
        end = start + 12 + int.from_bytes(content[start : start + 4], "big")
        is_sound = zlib.crc32(content[start + 4 : end - 4]).to_bytes(4, "big") == content[end - 4 : end]
        if kind[:1].isupper() or (kind == b"eXIf" and is_sound):  # capitals mark what is needed
            kept.append(content[start:end])
        start = end
    return b"".join([*kept, content[start:]])


def _decoded(image: Image.Image) -> Image.Image:
    check_size(image.size, COPYING.get(image.format or "", MAX_PIXELS))
    try:
        if _is_large(image):
            image.draft(None, (image.width // 2, image.height // 2))  # of a JPEG no more is decoded
        image.load()
        upright = _upright(_halved(_to_rgb(image)), image)
    except TimeoutError as error:
        raise ValueError(TOO_LONG) from error
    except Exception as error:  # as above
        raise ValueError("The picture is damaged or incomplete: it could not be read to its end.") from error
    if type(image) is Image.Image and upright is image and not image.info:
        return image
    plain = upright.copy() if upright is image else upright
    plain.info.clear()
    return plain


def _is_large(image: Image.Image) -> bool:
    return image.width * image.height > KEPT_PIXELS


def _halved(image: Image.Image) -> Image.Image:
    return image.reduce(2) if _is_large(image) else image


def _upright(picture: Image.Image, image: Image.Image) -> Image.Image:
    """The picture as the metadata of `image` says that it was taken."""
    try:
        turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # as above
        return picture
    return picture if turn is None else picture.transpose(turn)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB":
        return image
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        image = Image.fromarray(SIXTEEN_BITS[np.asarray(image)])
    elif image.mode in GREY_RANGES:
        image = Image.fromarray(_scaled(_halved(image)))
    elif image.mode == "LAB":
        return LAB_TO_RGB.apply(image)
    elif image.mode == "P":
        image = image.copy()
        image.info.clear()  # which colours are transparent
    return image.convert("RGB")


def _scaled(image: Image.Image) -> np.ndarray:
    """Greys of 32 bits as levels from 0 to 255, of shape (H, W); what is no number is black."""
    values = np.asarray(image)
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(values.shape, np.uint8)
    least, most = float(values[finite].min()), float(values[finite].max())
    for top in GREY_RANGES[image.mode]:
        if least >= 0 and most <= top:
            least, most = 0, top
            break
    levels = values.astype(np.float64)  # changed in place: there may be many
    levels -= least
    levels *= 255 / ((most - least) or 1)
    np.nan_to_num(levels, copy=False)
    return np.rint(np.clip(levels, 0, 255, out=levels), out=levels).astype(np.uint8)


def thumbnail(image: Image.Image) -> str:
    """A small JPEG of an RGB picture, about 8 KB, as a data URL: its pixels and nothing else of it."""
    small, file = image.copy(), io.BytesIO()
    small.info.clear()
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    small.save(file, "JPEG", quality=80, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def load_video(source: VideoSource, frames: int, download: bool = False) -> list[Image.Image]:
    """Read `frames` frames of a video, evenly spaced from the first to the last; some twice if it has fewer.

    Nothing is decoded twice. A frame of more than KEPT_FRAME_PIXELS is halved, or more, which LLaVA does not do.

    Args:
        source: a path, an address, base64 text or the bytes of a file; or frames, of which all are taken if they are
            not more than `frames`: a list of whatever `load_image` takes, or an array or tensor of shape (T, H, W, C)
            or (T, C, H, W).
        frames: how many.
        download: whether an address on a network may be asked for.

    Raises:
        ValueError: it is no video that can be read, has more than MAX_VIDEO_PIXELS in its frames together, or takes
            longer than DECODE_SECONDS.
    """
    if isinstance(source, str):
        source = _located(source, "video", download)
    if isinstance(source, bytes):
        with NamedTemporaryFile(suffix=".video") as file:
            file.write(source)
            file.flush()
            return _read_frames(Path(file.name), frames)
    if isinstance(source, PathLike):
        with _named(source) as path:
            return _read_frames(path, frames)
    many = isinstance(source, (list, tuple)) or (isinstance(source, (np.ndarray, torch.Tensor)) and source.ndim == 4)
    if not many or len(source) == 0:
        raise ValueError(f"video must be a path, an address, bytes or at least one frame, got {shown(source)}")
    chosen = range(len(source)) if len(source) <= frames else _evenly(len(source), frames)
    return [load_image(source[index], download) for index in chosen]


def _evenly(total: int, count: int) -> list[int]:
    return np.linspace(0, total - 1, count, dtype=int).tolist()


def _read_frames(path: Path, count: int) -> list[Image.Image]:
    _check_there(path, "video")
    with path.open("rb") as file:
        beginning = file.read(16)
    if not any(beginning[place:].startswith(marks) for place, marks in CONTAINERS.items()):
        raise ValueError(f"This is not a video that can be read: {READABLE_VIDEOS}.")
    total = _count_frames(path)
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])  # whose time can be told
    frames = _decoded_frames(capture, sorted({*_evenly(total, count)}))
    if not frames:
        codec = (int(capture.get(cv2.CAP_PROP_FOURCC)) % 2**32).to_bytes(4, "little").decode("ascii", "replace")
        raise ValueError(
            f"No frame of the video can be decoded: they are damaged, or their codec, {codec!r}, is not known here. "
            "Save it as MP4 (H.264) or WebM (VP9)."
        )
    return [frames[index] for index in _evenly(len(frames), count)]


def _count_frames(path: Path) -> int:
    """The frames that are in a file, counted without decoding them: what a header says about it may be wrong."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])
    pixels = capture.get(cv2.CAP_PROP_FRAME_WIDTH) * capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    most = int(MAX_VIDEO_PIXELS // max(pixels, LEAST_FRAME))
    total = 0
    while capture.grab():
        total += 1
        if total > most:
            raise ValueError(
                f"A video may have {MAX_VIDEO_PIXELS // 10**6} megapixels in all of its frames together, this one has "
                f"more than {most} frames of its size: make it shorter or smaller."
            )
    if total == 0:
        raise ValueError(f"This is not a video that can be read, or it is damaged: {READABLE_VIDEOS}.")
    return total


def _decoded_frames(capture: cv2.VideoCapture, wanted: list[int]) -> list[Image.Image]:
    """Those frames of `wanted` that can be read, from one pass; for the last of them, the last that can be read."""
    frames: dict[int, Image.Image] = {}  # by their place in `wanted`
    end = thread_time() + DECODE_SECONDS
    for index in range(wanted[-1] + 1):
        if thread_time() > end:
            raise ValueError(TOO_LONG)
        if not capture.grab():
            break
        place = bisect_left(wanted, index)
        if index == wanted[place] or place == len(wanted) - 1:
            read, frame = capture.retrieve()
            if not read:
                break
            frames[place] = _kept_frame(frame)
    return list(frames.values())


def _kept_frame(frame: np.ndarray) -> Image.Image:
    """The picture in `frame` of shape (H, W, 3), blue first."""
    image = Image.fromarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
    while image.width * image.height > KEPT_FRAME_PIXELS:
        image = image.reduce(2)
    return image


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
    """The picture in the middle of a grey square, without that square: it would have the longer side squared.

    Pillow resizes rows, then columns, so that the rows of the square can be made and resized a band at a time: the
    pixels are those of the square, bit for bit.
    """
    longest = max(image.size)
    left, top = (longest - image.width) // 2, (longest - image.height) // 2
    narrow = Image.new("RGB", (side, longest), GREY)
    for start in range(0, image.height, BAND):
        rows = image.crop((0, start, image.width, min(start + BAND, image.height)))
        band = Image.new("RGB", (longest, rows.height), GREY)
        band.paste(rows, (left, 0))
        narrow.paste(band.resize((side, rows.height)), (0, top + start))
    return narrow.resize((side, side))


def square_tile(image: Image.Image, side: int) -> Image.Image:
    """The picture squashed to a square."""
    return image.resize((side, side))


def to_pixel_values(tiles: Sequence[Image.Image]) -> np.ndarray:
    """Tiles to the float32 array of shape (T, 3, S, S) that the tower takes, in [-1, 1]."""
    return LEVELS[np.stack([np.asarray(tile) for tile in tiles])].transpose(0, 3, 1, 2)

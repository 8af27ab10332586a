"""Broken, lying and dear pictures and videos: each is read, or refused in a sentence that names it, at bounded cost."""

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from helpers import ROOT, encoded, write_video
from PIL import Image

from lladav.imaging import load_image, load_video

SMOOTH = Image.linear_gradient("L").resize((150, 100)).convert("RGB")
FRAMES = [Image.new("RGB", (30, 20), (9 * index, 0, 0)) for index in range(9)]
NINE = range(1, 10)  # tenths at which a file is cut
MOST_MEGABYTES, MOST_SECONDS = 500, 10


def png_of(width: int, height: int, levels: bytes = b"") -> bytes:
    """A PNG of greys whose header says what it likes."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(levels))]
    parts = (
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in [*chunks, (b"IEND", b"")]
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bmp_of(width: int, height: int) -> bytes:
    data = bytearray(encoded(Image.new("RGB", (8, 8)), "BMP"))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def jpeg_of(width: int, height: int) -> bytes:
    data = bytearray(encoded(SMOOTH, "JPEG"))
    start = data.index(b"\xff\xc0") + 5
    data[start : start + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def gif_of(width: int, height: int) -> bytes:
    data = bytearray(encoded(SMOOTH, "GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def icon_with(inside: bytes) -> bytes:
    """An icon that claims to be small."""
    return b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inside), 22) + inside


def floats(value: float) -> bytes:
    return encoded(Image.fromarray(np.full((9, 9), value, np.float32)), "TIFF")


def animated(file_format: str) -> bytes:
    return encoded(FRAMES[0], file_format, save_all=True, append_images=FRAMES[1:], duration=40)


def cut(name: str, data: bytes, is_refused: bool = True) -> Iterator[tuple[str, bytes, bool | None]]:
    for tenth in NINE:
        stem, dot, suffix = name.partition(".")
        yield f"{stem}-{tenth}{dot}{suffix}", data[: len(data) * tenth // 10], not is_refused


NOISY = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8))
PICTURES: list[tuple[str, bytes, bool | None]] = [  # name, content, and whether it is read; None: as Pillow sees fit
    *cut("cut.png", encoded(NOISY)),
    *cut("cut.jpg", encoded(NOISY, "JPEG")),
    *cut("cut.webp", encoded(NOISY, "WEBP")),
    *cut("cut.gif", encoded(NOISY, "GIF")),
    *cut("cut.bmp", encoded(NOISY, "BMP")),
    *cut("cut.tif", encoded(NOISY, "TIFF", compression="tiff_lzw")),
    ("empty.png", b"", False),
    ("zeros.png", bytes(10_000), False),
    ("text.jpg", b"only text\n" * 100, False),
    ("page.jpg", b"<html><script>alert(1)</script></html>", False),
    ("drawing.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>", False),
    ("program.png", b"%!PS-Adobe-3.0 EPSF-3.0\n", False),
    ("archive.png", b"PK\3\4" + bytes(100), False),
    ("jpeg.png", encoded(SMOOTH, "JPEG"), True),
    ("png.gif", encoded(SMOOTH), True),
    ("two.jpg", encoded(SMOOTH, "JPEG") + encoded(SMOOTH, "JPEG"), True),
    ("trailer.png", encoded(SMOOTH) + b"PK\3\4" * 99, True),
    ("animated.gif", animated("GIF"), True),
    ("animated.webp", animated("WEBP"), True),
    ("animated.png", animated("PNG"), True),
    ("animated.avif", animated("AVIF"), True),
    ("pages.tif", animated("TIFF"), True),
    ("bomb.png", png_of(60_000, 60_000, bytes(10**6)), False),
    ("negative.png", png_of(2**31 - 1, 1), False),
    ("nothing.png", png_of(0, 9), False),
    ("short.png", png_of(6000, 6000, bytes(10**6)), False),
    ("long.png", png_of(9, 9, bytes(50_000_000)), True),
    ("bomb.bmp", bmp_of(30_000, 30_000), False),
    ("backward.bmp", bmp_of(-5, 5), None),
    ("short.bmp", bmp_of(3000, 3000), False),
    ("bomb.jpg", jpeg_of(65_500, 65_500), False),
    ("short.jpg", jpeg_of(4000, 4000), None),
    ("nothing.jpg", jpeg_of(0, 9), False),
    ("bomb.gif", gif_of(65_535, 65_535), False),
    ("wide.gif", gif_of(16_000, 10), True),
    ("bomb.ico", icon_with(png_of(12_000, 12_000, bytes(10**6))), False),
    ("bitmap.ico", icon_with(struct.pack("<IiiHHIIiiII", 40, 9000, 9000, 1, 32, 0, 0, 0, 0, 0, 0)), False),
    ("nothing.ico", b"\0\0\1\0\0\0", False),
    ("icon.ico", encoded(SMOOTH, "ICO"), True),
    ("nan.tif", floats(float("nan")), True),
    ("inf.tif", floats(float("inf")), True),
    ("huge.tif", floats(3e38), True),
    ("loop.tif", b"II*\0\x08\0\0\0\0\0\x08\0\0\0", False),
    ("row.png", encoded(Image.new("L", (16_384, 1), 9)), True),
    ("column.png", encoded(Image.new("L", (1, 16_384), 9)), True),
    ("long-row.png", encoded(Image.new("L", (16_385, 1), 9)), False),
    ("bits.pbm", b"P1 4 4 " + b"1 0 " * 8, True),
    ("letters.ppm", b"P3 4 4 255 x y z", False),
    ("endless.ppm", b"P3 4 4 " + b"9" * 10**6, False),
    ("square.png", encoded(Image.new("1", (1, 1))), True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "is_read"), PICTURES, ids=[name for name, *_ in PICTURES])
def test_a_broken_picture_is_read_or_refused(name: str, data: bytes, is_read: bool | None, tmp_path: Path):
    (tmp_path / name).write_bytes(data)
    check(lambda: [load_image(tmp_path / name)], name, is_read)
    if is_read is False:
        with pytest.raises(ValueError):
            load_image(data)


def check(read: Callable[[], list[Image.Image]], name: str, is_read: bool | None) -> None:
    """A picture, or a ValueError that is a sentence and begins with the name of the file."""
    try:
        assert all(frame.mode == "RGB" and min(frame.size) > 0 for frame in read())
        assert is_read is not False
    except ValueError as error:
        assert is_read is not True
        assert str(error).startswith(f"{name}: ") and str(error).endswith(".")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Sound videos to break."""
    folder = tmp_path_factory.mktemp("films")
    for name, codec in (("a.mp4", "mp4v"), ("a.webm", "VP80"), ("a.avi", "MJPG"), ("a.mpg", "MPG1"), ("a.wmv", "WMV2")):
        write_video(folder / name, codec, 20, (64, 48))
    return {path.suffix[1:]: path.read_bytes() for path in folder.iterdir()}


def header_of(width: int, height: int) -> Callable[[dict[str, bytes]], bytes]:
    """An MP4 whose track says what it likes of its size."""

    def broken(films: dict[str, bytes]) -> bytes:
        data = bytearray(films["mp4"])
        sample = data.index(b"mp4v") + 28
        data[sample : sample + 4] = struct.pack(">HH", width, height)
        return bytes(data)

    return broken


def cut_at(tenth: int, suffix: str) -> Callable[[dict[str, bytes]], bytes]:
    return lambda films: films[suffix][: len(films[suffix]) * tenth // 10]


def noise_in(suffix: str) -> Callable[[dict[str, bytes]], bytes]:
    """A video of which every byte in a hundred is another one."""

    def broken(films: dict[str, bytes]) -> bytes:
        data = np.frombuffer(films[suffix], np.uint8).copy()
        chance = np.random.default_rng(1)
        places = chance.integers(200, len(data), len(data) // 100)
        data[places] = chance.integers(0, 256, len(places))
        return data.tobytes()

    return broken


SOUND = b"RIFF\x87\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0\x80>\0\0\2\0\x10\0data\x63\0\0\0" + bytes(99)
SUFFIXES = ("mp4", "webm", "avi", "mpg", "wmv")
VIDEOS: dict[str, tuple[Callable[[dict[str, bytes]], bytes], bool | None]] = {  # name: content, and whether it is read
    **{f"cut-{tenth}.{suffix}": (cut_at(tenth, suffix), None) for suffix in SUFFIXES for tenth in NINE},
    **{f"noise.{suffix}": (noise_in(suffix), None) for suffix in SUFFIXES},
    "empty.mp4": (lambda films: b"", False),
    "zeros.mp4": (lambda films: bytes(10_000), False),
    "text.mp4": (lambda films: b"only text\n" * 100, False),
    "picture.mp4": (lambda films: encoded(SMOOTH), False),
    "head.mp4": (lambda films: films["mp4"][:32], False),
    "tail.mp4": (lambda films: films["mp4"][32:], None),
    "webm.mp4": (lambda films: films["webm"], True),
    "mp4.avi": (lambda films: films["mp4"], True),
    "trailer.mp4": (lambda films: films["mp4"] + b"PK\3\4" * 99, True),
    "large.mp4": (header_of(60_000, 60_000), None),
    "flat.mp4": (header_of(0, 0), None),
    "animated.gif": (lambda films: animated("GIF"), True),
    "sound.avi": (lambda films: SOUND, False),
}


@pytest.mark.parametrize("name", VIDEOS)
def test_a_broken_video_is_read_or_refused(name: str, films: dict[str, bytes], tmp_path: Path):
    broken, is_read = VIDEOS[name]
    (tmp_path / name).write_bytes(broken(films))
    check(lambda: load_video(tmp_path / name, 4), name, is_read)


# What the dearest cost


def gradient(width: int, height: int, mode: str = "RGB") -> Image.Image:
    level = Image.linear_gradient("L").resize((width, height))
    return Image.merge(mode, [level] * len(mode)) if len(mode) > 1 else level.convert(mode)


def progressive_with_many_passes() -> bytes:
    """A large JPEG whose last pass over all of its blocks stands in it 3000 times, 75 bytes each."""
    data = encoded(Image.new("L", (8000, 6000), 200), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * 3000 + data[-2:]


def png(width: int, height: int, mode: str) -> bytes:
    return encoded(gradient(width, height, mode), compress_level=1)


DEAR: dict[str, tuple[Callable[[], bytes], str | None]] = {  # name: content, and why it is refused
    "strip.png": (lambda: png(16_384, 3051, "RGB"), None),
    "alpha.png": (lambda: png(8160, 6120, "RGBA"), None),
    "progressive.jpg": (
        lambda: encoded(gradient(8160, 6120), "JPEG", progressive=True, subsampling=0, quality=95),
        None,
    ),
    "fractions.tif": (lambda: encoded(gradient(8160, 6120, "F"), "TIFF", compression="tiff_deflate"), None),
    "alpha.webp": (lambda: encoded(gradient(5000, 3990, "RGBA"), "WEBP", quality=1, method=0), None),
    "large.webp": (lambda: encoded(gradient(5000, 4100), "WEBP", quality=1, method=0), "20 megapixels"),
    "passes.jpg": (progressive_with_many_passes, "more than 8 seconds"),
}
FILMS = {"4k.mp4": (3840, 2160)}

MEASURE = """
import json, sys, time
from pathlib import Path
from lladav import LladaVProcessor
from lladav.imaging import thumbnail

def megabytes(name):
    status = Path("/proc/self/status").read_text()
    return int(status.partition(name)[2].split()[0]) / 1024

def prepare(path):
    kind = "video" if path.suffix == ".mp4" else "image"
    read = processor.load_video(path) if kind == "video" else processor.load_image(path)
    content = [{"type": kind, kind: read}]
    processor.apply_chat_template([{"role": "user", "content": content}])
    if kind == "image":
        processor.apply_chat_template([{"role": "user", "content": content * 2}])
    thumbnail(read[0] if kind == "video" else read)

processor = LladaVProcessor.from_pretrained(sys.argv[1], image_size=384, video_frames=32)
for path in sorted(Path(sys.argv[2]).iterdir()):
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, start, refused = megabytes("VmRSS:"), time.process_time(), None
    try:
        prepare(path)
    except ValueError as error:
        refused = str(error)
    print(json.dumps([path.name, megabytes("VmHWM:") - before, time.process_time() - start, refused]))
"""


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory, tiny_random: Path) -> dict[str, tuple[float, float, str | None]]:
    """Megabytes and seconds from the file to the tiles of it alone and of two of it, and why it was refused."""
    folder = tmp_path_factory.mktemp("dear")
    for name, (write, _) in DEAR.items():
        (folder / name).write_bytes(write())
    for name, size in FILMS.items():
        write_video(folder / name, "mp4v", 32, size)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(tiny_random), str(folder)],
        cwd=ROOT,
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "1000000"},  # what was freed is not kept
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return {name: tuple(cost) for name, *cost in map(json.loads, done.stdout.splitlines())}


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak of memory is read as Linux tells it")
@pytest.mark.parametrize("name", [*DEAR, *FILMS])
def test_no_file_takes_much_memory_or_time(name: str, costs: dict[str, tuple[float, float, str | None]]):
    megabytes, seconds, refused = costs[name]
    assert megabytes < MOST_MEGABYTES and seconds < MOST_SECONDS
    reason = DEAR[name][1] if name in DEAR else None
    assert (refused is None) if reason is None else (refused and refused.startswith(name) and reason in refused)

"""What a picture's file may say without changing its pixels, what is kept of it, and what becomes of unusual ones."""

import base64
import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import GOLDEN, encoded, frame_number, write_video
from PIL import Image, ImageCms, PngImagePlugin

from lladav import imaging
from lladav.imaging import load_image, load_video, padded_tile, thumbnail

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
SMOOTH = Image.linear_gradient("L").resize((64, 48)).convert("RGB")
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def tiff(*tags: tuple[int, int, int, bytes]) -> bytes:
    """EXIF with tags of (number, type, count, four bytes of value)."""
    entries = b"".join(struct.pack(">HHI", *tag[:3]) + tag[3] for tag in tags)
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", len(tags)) + entries + bytes(4)


UPRIGHT = (0x0112, 3, 1, b"\0\1\0\0")
TURNED = (0x0112, 3, 1, b"\0\6\0\0")


# Padding


@pytest.mark.parametrize("name", sorted(path.stem for path in (GOLDEN / "images").glob("*.png")))
@pytest.mark.parametrize("side", [384, 56])
def test_padding_a_band_at_a_time_is_padding_the_square(name: str, side: int):
    image = load_image(GOLDEN / "images" / f"{name}.png")
    longest = max(image.size)
    square = Image.new("RGB", (longest, longest), (127, 127, 127))
    square.paste(image, ((longest - image.width) // 2, (longest - image.height) // 2))
    assert np.array_equal(padded_tile(image, side), square.resize((side, side)))


# Metadata


BAD_EXIF = {
    "no TIFF": b"no EXIF at all",
    "cut": tiff(UPRIGHT)[:13],
    "orientation is a text": tiff((0x0112, 2, 4, b"top\0")),
    "orientation is out of range": tiff((0x0112, 3, 1, b"\0\x63\0\0")),
    "maker is a number": tiff((0x010F, 3, 1, b"\0\5\0\0"), UPRIGHT),
    "resolution is a text": tiff((0x011A, 2, 4, b"abc\0"), UPRIGHT),
    "folder leads nowhere": tiff(UPRIGHT, (0x8769, 4, 1, b"\xff\xff\xff\xff")),
    "unknown type": tiff((0x010F, 99, 1, b"\0\5\0\0"), UPRIGHT),
}


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "JPEG"])
@pytest.mark.parametrize("exif", BAD_EXIF.values(), ids=BAD_EXIF)
def test_wrong_exif_says_nothing(file_format: str, exif: bytes):
    options = {"lossless": True} if file_format == "WEBP" else {}
    if file_format == "JPEG":
        exif = b"Exif\0\0" + exif
    data = encoded(SMOOTH, file_format, exif=exif, **options)
    assert np.array_equal(load_image(data), load_image(encoded(SMOOTH, file_format, **options)))


def test_orientation_is_read_though_other_tags_are_wrong():
    exif = tiff((0x010F, 3, 1, b"\0\5\0\0"), TURNED, (0x011A, 2, 4, b"abc\0"))
    assert load_image(encoded(SMOOTH, "JPEG", exif=b"Exif\0\0" + exif)).size == SMOOTH.size[::-1]
    assert np.array_equal(load_image(encoded(SMOOTH, exif=exif)), SMOOTH.transpose(Image.Transpose.ROTATE_270))


def png_with(kind: bytes, content: bytes, checksum: int | None = None) -> bytes:
    """NOISE as a PNG with another chunk behind its header."""
    data = encoded(NOISE)
    checksum = zlib.crc32(kind + content) if checksum is None else checksum
    chunk = struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
    return data[:33] + chunk + data[33:]


@pytest.mark.parametrize(
    "data",
    [
        png_with(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100_000_000))),
        png_with(b"iCCP", b"profile\0\0" + zlib.compress(bytes(100_000_000))),
        png_with(b"tEXt", b"Comment\0hello", checksum=7),
        png_with(b"eXIf", tiff(TURNED), checksum=7),
        png_with(b"tRNS", b""),
        png_with(b"pHYs", b"\0"),
        png_with(b"acTL", b"\xff" * 8),
    ],
    ids=["text bomb", "profile bomb", "text's checksum", "EXIF's checksum", "transparency", "resolution", "animation"],
)
def test_what_a_png_says_besides_its_pixels_is_not_read(data: bytes):
    assert np.array_equal(load_image(data), NOISE)


def test_a_jpeg_with_a_wrong_table_of_further_pictures_is_its_first():
    data = encoded(SMOOTH, "MPO", save_all=True, append_images=[SMOOTH])
    place = data.index(b"MPF\0")
    entries = struct.pack("<HHI", 0xB002, 7, 32)
    wrong = data[:place] + data[place:].replace(entries, entries[:4] + struct.pack("<I", 255), 1)
    assert wrong != data
    assert np.array_equal(load_image(wrong), load_image(data))


# What is kept


def with_everything(file_format: str) -> bytes:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "secret maker", 1
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "secret comment")
    options = {"PNG": {"pnginfo": info}, "JPEG": {"comment": b"secret comment"}, "WEBP": {"xmp": b"<x>secret</x>"}}
    return encoded(SMOOTH, file_format, exif=exif, icc_profile=ICC, **options[file_format])


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "WEBP"])
def test_of_a_picture_the_pixels_are_kept_and_nothing_else(file_format: str):
    data = with_everything(file_format)
    before = Image.open(io.BytesIO(data))
    assert b"secret" in data and "icc_profile" in before.info, "it is there to be left out"
    picture = load_image(data)
    assert picture.info == {} and not picture.getexif()
    for image in (picture, before.convert("RGB")):
        small = base64.b64decode(thumbnail(image).partition(",")[2])
        assert b"secret" not in small and b"Exif" not in small and b"ICC_PROFILE" not in small
        assert Image.open(io.BytesIO(small)).info.keys() <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert load_image(load_image(before)).info == {} and "icc_profile" in before.info, "and what was given is unchanged"


# Greys and colours


RAMP = np.linspace(0, 1, 256).reshape(16, 16)
EIGHT_BITS = np.arange(256).reshape(16, 16)
GREYS = {
    "16 bits, PNG": encoded(Image.fromarray((RAMP * 65_535).round().astype(np.uint16))),
    "16 bits, PGM": b"P5 16 16 65535\n" + (RAMP * 65_535).round().astype(">u2").tobytes(),
    "12 bits, PGM": b"P5 16 16 4095\n" + (RAMP * 4095).round().astype(">u2").tobytes(),
    "32 bits that hold 8": encoded(Image.fromarray(EIGHT_BITS.astype(np.int32)), "TIFF"),
    "32 bits that hold 16": encoded(Image.fromarray((RAMP * 65_535).round().astype(np.int32)), "TIFF"),
    "32 bits": encoded(Image.fromarray((RAMP * 2e9 - 1e9).astype(np.int32)), "TIFF"),
    "fractions": encoded(Image.fromarray(RAMP.astype(np.float32)), "TIFF"),
    "fractions that hold 8 bits": encoded(Image.fromarray(EIGHT_BITS.astype(np.float32)), "TIFF"),
    "fractions of any range": encoded(Image.fromarray((RAMP * 7 - 3).astype(np.float32)), "TIFF"),
    "fractions, PFM": encoded(Image.fromarray(RAMP.astype(np.float32)), "PPM"),
}


@pytest.mark.parametrize("data", GREYS.values(), ids=GREYS)
def test_greys_of_many_bits_are_scaled(data: bytes):
    levels = np.asarray(load_image(data)).astype(int)
    assert np.abs(levels - EIGHT_BITS[..., None]).max() <= 1


def test_a_dark_picture_of_sixteen_bits_stays_dark():
    dark = b"P5 16 16 65535\n" + np.full((16, 16), 200, ">u2").tobytes()
    assert np.asarray(load_image(dark)).max() == 1


def test_what_is_no_number_is_black():
    values = RAMP.astype(np.float32)
    values[0, :3] = np.nan, np.inf, -np.inf
    assert np.asarray(load_image(Image.fromarray(values)))[0, :4, 0].tolist() == [0, 255, 0, 3]
    assert not np.asarray(load_image(Image.fromarray(np.full((4, 4), np.nan, np.float32)))).any()


def test_a_picture_of_one_large_level_has_one_level():
    assert np.ptp(np.asarray(load_image(Image.fromarray(np.full((4, 4), 1e6, np.float32))))) == 0


@pytest.mark.parametrize(
    ("mode", "level"),
    [("1", 1), ("L", 200), ("LA", (200, 0)), ("P", 2), ("PA", (2, 0)), ("RGBA", (200, 200, 200, 0)),
     ("RGBX", (200, 200, 200, 9)), ("CMYK", (55, 55, 55, 0)), ("YCbCr", (200, 128, 128)), ("HSV", (0, 0, 200)),
     ("LAB", (205, 128, 128))],
)  # fmt: skip
def test_pictures_of_every_mode_are_read(mode: str, level: tuple[int, ...]):
    image = Image.new(mode, (4, 4), level)
    if image.palette:
        image.putpalette([0, 0, 0, 9, 9, 9, 200, 200, 200])
    expected = 255 if mode == "1" else 200
    assert np.abs(np.asarray(load_image(image)).astype(int) - expected).max() <= 2


# Names


def test_errors_name_the_file(tmp_path: Path):
    named = {"a.png": b"text", "b.png": encoded(NOISE)[:300], "\udcff.png": b"text", "c.mp4": b"text"}
    for name, data in named.items():
        (tmp_path / name).write_bytes(data)
        load = load_image if name.endswith("png") else lambda path: load_video(path, 4)
        with pytest.raises(ValueError) as refusal:
            load(tmp_path / name)
        sentence = str(refusal.value)
        assert sentence.startswith(f"{name.replace(chr(0xDCFF), '?')}: ") and sentence.endswith(".")
        assert str(tmp_path) not in sentence


# Videos


def test_a_video_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each frame up to the last that is wanted is decoded once, in order; none is looked for."""
    decoded: list[str] = []

    class Capture:
        def __init__(self, path: str, api: int, options: list[int]):
            self.inner = capture(path, api, options)
            self.decodes = cv2.CAP_PROP_FORMAT not in options

        def grab(self) -> bool:
            decoded.extend(["grab"] * self.decodes)
            return self.inner.grab()

        def retrieve(self):
            return self.inner.retrieve()

        def get(self, name: int) -> float:
            return self.inner.get(name)

    write_video(tmp_path / "a.mp4", "mp4v", 90)
    capture = cv2.VideoCapture
    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    frames = load_video(tmp_path / "a.mp4", 8)
    assert [frame_number(frame) for frame in frames] == np.linspace(0, 89, 8, dtype=int).tolist()
    assert len(decoded) == 90


def test_a_clip_of_one_frame(tmp_path: Path):
    write_video(tmp_path / "a.mp4", "mp4v", 1)
    assert [frame_number(frame) for frame in load_video(tmp_path / "a.mp4", 4)] == [0] * 4
    assert len(load_video(tmp_path / "a.mp4", 1)) == 1


def test_a_webm_without_index_or_length(tmp_path: Path):
    """As a browser records it: an unknown length, nothing behind the last frame."""
    write_video(tmp_path / "a.webm", "VP90", 60)
    data = (tmp_path / "a.webm").read_bytes()
    data = data[: data.rindex(b"\x1c\x53\xbb\x6b")]  # the index stands last
    length = data.index(b"\x44\x89")  # of the film, an element of 8 bytes
    data = data[:length] + b"\xec\x89" + data[length + 2 :]  # as room that is not used
    (tmp_path / "b.webm").write_bytes(data)
    assert [frame_number(frame) for frame in load_video(tmp_path / "b.webm", 4)] == [0, 19, 39, 59]


def test_a_codec_that_is_not_known_is_named(tmp_path: Path):
    """Pillow writes AV1; whether OpenCV reads it depends on how it was built."""
    frames = [Image.new("RGB", (256, 64), (6 * index, 0, 0)) for index in range(8)]
    frames[0].save(tmp_path / "a.mp4", "AVIF", save_all=True, append_images=frames[1:], speed=10)
    try:
        assert len(load_video(tmp_path / "a.mp4", 4)) == 4
    except ValueError as error:
        assert str(error).startswith("a.mp4: No frame of the video can be decoded") and "'AV01'" in str(error)


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile {}\n",
    ],
    ids=["HLS", "concat"],
)
def test_a_playlist_opens_no_other_file(playlist: str, tmp_path: Path):
    write_video(tmp_path / "a.mp4", "mp4v", 3)
    (tmp_path / "b.mp4").write_text(playlist.format("a.mp4"))
    with pytest.raises(ValueError, match=r"b\.mp4: This is not a video that can be read"):
        load_video(tmp_path / "b.mp4", 4)


def test_large_frames_are_halved(tmp_path: Path):
    write_video(tmp_path / "a.mp4", "mp4v", 2, (3840, 2160))
    assert {frame.size for frame in load_video(tmp_path / "a.mp4", 2)} == {(1920, 1080)}


def test_a_long_video_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_video(tmp_path / "a.mp4", "mp4v", 90, (640, 480))
    monkeypatch.setattr(imaging, "MAX_VIDEO_PIXELS", 89 * 640 * 480)
    monkeypatch.setattr(imaging, "DECODE_SECONDS", -1)
    with pytest.raises(ValueError, match=r"a\.mp4: A video may have 27 megapixels in all .* more than 89 frames"):
        load_video(tmp_path / "a.mp4", 8)


def test_a_video_that_is_slow_to_decode_is_given_up_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_video(tmp_path / "a.mp4", "mp4v", 90)
    monkeypatch.setattr(imaging, "DECODE_SECONDS", 0)
    with pytest.raises(ValueError, match=r"a\.mp4: It takes more than"):
        load_video(tmp_path / "a.mp4", 8)

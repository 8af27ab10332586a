"""From what a visitor sends to what the model is given and the chat shows."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lladav import LladaVPipeline
from lladav.ui.capabilities import Capabilities
from lladav.ui.chat.conversation import DEFAULT_QUESTION, chat_messages, model_messages, read_message, text_block, without_oldest
from lladav.ui.chat.session import Session, Turn

RED, BLUE = (255, 0, 0), (0, 0, 255)


def halves(left=RED, right=BLUE, size=(40, 20)) -> Image.Image:
    """Left half one colour, right half another."""
    picture = Image.new("RGB", size, left)
    picture.paste(right, (size[0] // 2, 0, *size))
    return picture


def write_text(path: Path) -> None:
    path.write_text("This is no picture.")


def write_truncated(path: Path) -> None:
    Image.effect_noise((200, 200), 50).save(path, format="JPEG")
    path.write_bytes(path.read_bytes()[:3000])


def write_huge(path: Path) -> None:
    Image.new("1", (20_000, 20_000)).save(path)


def write_turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: red belongs at the top
    halves().save(path, exif=exif, quality=95)


def write_palette(path: Path) -> None:
    picture = halves().quantize(4)
    picture.save(path, transparency=3)


def write_animation(path: Path) -> None:
    Image.new("RGB", (40, 20), RED).save(path, save_all=True, append_images=[Image.new("RGB", (40, 20), BLUE)])


GOOD = {
    "one-pixel.png": lambda path: Image.new("RGB", (1, 1), RED).save(path),
    "cmyk.jpg": lambda path: halves().convert("CMYK").save(path, quality=95),
    "deep.png": lambda path: Image.fromarray(np.full((20, 40), 30_000, np.uint16)).save(path),
    "palette.png": write_palette,
    "animated.gif": write_animation,
    "turned.jpg": write_turned,
}
BAD = {"note.png": write_text, "truncated.jpg": write_truncated, "huge.png": write_huge}


def send(pipe: LladaVPipeline, text: str, *files: Path) -> tuple[list[dict], list[dict]]:
    return read_message(pipe, {"text": text, "files": [str(file) for file in files]})


@pytest.mark.parametrize("name", GOOD)
def test_pictures_of_every_kind_are_shown_as_they_are_read(tiny_pipeline: LladaVPipeline, tmp_path: Path, name: str):
    file = tmp_path / name
    GOOD[name](file)
    blocks, shown = send(tiny_pipeline, "What is it?", file)
    assert blocks == [{"type": "image", "image": str(file)}, {"type": "text", "text": "What is it?"}]
    read = tiny_pipeline.processor.load_image(str(file))
    assert np.array_equal(np.asarray(Image.open(shown[0]["path"])), np.asarray(read))
    tiny_pipeline.prompt_length([{"role": "user", "content": blocks}])


def test_a_turned_picture_is_shown_upright(tiny_pipeline: LladaVPipeline, tmp_path: Path):
    write_turned(tmp_path / "turned.jpg")
    picture = Image.open(send(tiny_pipeline, "", tmp_path / "turned.jpg")[1][0]["path"])
    assert picture.size == (20, 40)
    assert picture.getpixel((10, 5))[0] > 200
    assert picture.getpixel((10, 35))[2] > 200


def test_an_animation_shows_its_first_frame(tiny_pipeline: LladaVPipeline, tmp_path: Path):
    write_animation(tmp_path / "animated.gif")
    picture = Image.open(send(tiny_pipeline, "", tmp_path / "animated.gif")[1][0]["path"])
    assert picture.getpixel((20, 10)) == RED


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_refused_by_name(tiny_pipeline: LladaVPipeline, tmp_path: Path, name: str):
    BAD[name](tmp_path / name)
    with pytest.raises(ValueError, match=f"^{name}: [A-Z].*\\.$"):
        send(tiny_pipeline, "What is it?", tmp_path / name)


def test_frames_of_a_video_are_shown(tiny_pipeline: LladaVPipeline, tmp_path: Path):
    writer = cv2.VideoWriter(str(tmp_path / "film.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 8, (64, 48))
    for shade in range(0, 240, 5):
        writer.write(np.full((48, 64, 3), shade, np.uint8))
    writer.release()
    blocks, shown = send(tiny_pipeline, "What happens?", tmp_path / "film.mp4")
    assert blocks[0] == {"type": "video", "video": str(tmp_path / "film.mp4")}
    sheet, words = shown
    assert words["text"] == "What happens?"
    shades = np.asarray(Image.open(sheet["path"]))[::60, ::80, 0].flatten()  # 32 frames in rows of 8, 80 x 60 each
    assert len(shades) == 32
    assert (np.diff(shades.astype(int)) > 0).all()


def test_a_picture_without_words_is_asked_about(tiny_pipeline: LladaVPipeline, tmp_path: Path):
    halves().save(tmp_path / "halves.png")
    blocks, shown = send(tiny_pipeline, "  ", tmp_path / "halves.png")
    assert blocks[-1]["text"] == shown[-1]["text"] == DEFAULT_QUESTION


def test_nothing_is_not_a_question(tiny_pipeline: LladaVPipeline):
    with pytest.raises(ValueError, match="nothing to answer"):
        send(tiny_pipeline, " ")


def test_markup_is_shown_letter_by_letter():
    text = "<img src=x onerror=alert(1)> & **bold** &amp;"
    assert "<" not in text_block(text)["text"]
    assert text_of(said("user", text_block(text))) == text


def test_failed_questions_and_masks_never_reach_the_model():
    first, second = [{"type": "text", "text": "One?"}], [{"type": "text", "text": "Two?"}]
    chat = [
        said("user", text_block("One?")),
        said("assistant", text_block("A ░red░ cat")),
        said("user", text_block("[note.png]")),
        said("assistant", text_block("This is not a picture.")),
        said("user", text_block("Two?")),
    ]
    assert model_messages([{"at": 0, "content": first}, {"at": 4, "content": second}], chat) == [
        {"role": "user", "content": first},
        {"role": "assistant", "content": "A red cat"},
        {"role": "user", "content": second},
    ]

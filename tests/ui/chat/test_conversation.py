"""From what a visitor sends to what the model is given and the chat shows."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from lladav import LladaVPipeline
from lladav.ui.capabilities import Capabilities
from lladav.ui.chat.conversation import (
    DEFAULT_QUESTION,
    chat_messages,
    model_messages,
    read_message,
    text_block,
    without_oldest,
)
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


CAPABILITIES = Capabilities("a model", max_frames=16)


def send(text: str, *files: Path) -> tuple[list[dict], list[dict]]:
    turn = read_message({"text": text, "files": [str(file) for file in files]}, CAPABILITIES)
    return turn.content, turn.shown


@pytest.mark.parametrize("name", GOOD)
def test_pictures_of_every_kind_are_shown_as_they_are_read(tiny_pipeline: LladaVPipeline, tmp_path: Path, name: str):
    file = tmp_path / name
    GOOD[name](file)
    blocks, shown = send("What is it?", file)
    image, question = blocks
    assert question == {"type": "text", "text": "What is it?"}
    assert np.array_equal(np.asarray(Image.open(shown[0]["path"])), np.asarray(image["image"]))
    assert tiny_pipeline.prepare([{"role": "user", "content": blocks}]).length > 0


def test_a_turned_picture_is_shown_upright(tmp_path: Path):
    write_turned(tmp_path / "turned.jpg")
    picture = Image.open(send("", tmp_path / "turned.jpg")[1][0]["path"])
    assert picture.size == (20, 40)
    assert picture.getpixel((10, 5))[0] > 200
    assert picture.getpixel((10, 35))[2] > 200


def test_an_animation_shows_its_first_frame(tmp_path: Path):
    write_animation(tmp_path / "animated.gif")
    picture = Image.open(send("", tmp_path / "animated.gif")[1][0]["path"])
    assert picture.getpixel((20, 10)) == RED


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_refused_by_name(tmp_path: Path, name: str):
    BAD[name](tmp_path / name)
    with pytest.raises(ValueError, match=f"^{name}: [A-Z].*\\.$"):
        send("What is it?", tmp_path / name)


def film(path: Path) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 8, (64, 48))
    for shade in range(0, 240, 5):
        writer.write(np.full((48, 64, 3), shade, np.uint8))
    writer.release()
    return path


def test_as_many_frames_of_a_video_as_fit_are_shown(tmp_path: Path):
    (video, _), (sheet, words) = send("What happens?", film(tmp_path / "film.mp4"))
    assert (video["type"], len(video["video"])) == ("video", CAPABILITIES.max_frames)
    assert words["text"] == "What happens?"
    shades = np.asarray(Image.open(sheet["path"]))[::60, ::80, 0].flatten()  # frames in rows of 8, 80 x 60 each
    assert len(shades) == 16
    assert (np.diff(shades.astype(int)) > 0).all()


def test_a_model_of_pictures_is_given_no_video(tmp_path: Path):
    message = {"text": "What happens?", "files": [str(film(tmp_path / "film.mp4"))]}
    with pytest.raises(ValueError, match=r"film\.mp4: This model looks at pictures only"):
        read_message(message, Capabilities("a model of pictures"))


def test_a_picture_without_words_is_asked_about(tmp_path: Path):
    halves().save(tmp_path / "halves.png")
    blocks, shown = send("  ", tmp_path / "halves.png")
    assert blocks[-1]["text"] == shown[-1]["text"] == DEFAULT_QUESTION


@pytest.mark.parametrize(
    ("text", "files", "rule"),
    [(" ", 0, "nothing to answer"), ("x" * 5000, 0, "may have 4000 letters"), ("What?", 9, "may have 4 files")],
)
def test_too_little_or_too_much_is_not_a_question(text: str, files: int, rule: str):
    with pytest.raises(ValueError, match=rule):
        send(text, *[Path("never-read.png")] * files)


def test_markup_is_shown_letter_by_letter():
    assert text_block("<img src=x onerror=alert(1)> & **bold**")["text"] == (
        "&lt;img src=x onerror=alert(1)&gt; &amp; **bold**"
    )


def turn(question: str, answer: str | None, *pictures: dict) -> Turn:
    content = [*pictures, {"type": "text", "text": question}]
    return Turn({"text": question, "files": []}, content, [text_block(question)], answer)


def test_masks_of_a_stopped_answer_never_reach_the_model():
    turns = [turn("One?", "A ░red░ cat"), turn("Two?", None)]
    assert model_messages(turns) == [
        {"role": "user", "content": turns[0].content},
        {"role": "assistant", "content": "A red cat"},
        {"role": "user", "content": turns[1].content},
    ]


def test_an_empty_answer_is_said_to_be_one():
    shown = chat_messages(Session(turns=[turn("One?", "")]))
    assert [message["content"][0]["text"] for message in shown] == ["One?", "(no answer)"]


def test_the_oldest_words_go_and_their_picture_stays():
    image = {"type": "image", "image": Image.new("RGB", (2, 2))}
    turns = [turn("One?", "1", image), turn("Two?", "2"), turn("Three?", None)]
    assert model_messages(without_oldest(turns)) == [
        {"role": "user", "content": [image, {"type": "text", "text": "Two?"}]},
        {"role": "assistant", "content": "2"},
        {"role": "user", "content": turns[2].content},
    ]
    assert len(turns[1].content) == 1, "the conversation itself stays as it is"

"""The questions of a sweep."""

import json
from pathlib import Path

import pytest
from PIL import Image
from pydantic import ValidationError

from lladav.evaluation.sources import OWN_FILE, Questions, sentence_of


def write(folder: Path, *lines: object) -> Path:
    path = folder / OWN_FILE
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def test_sets_ask_the_same_in_other_words_about_other_scenes():
    asked = Questions(count=12, seeds=(4, 5), wordings=3).read()
    assert len(asked) == len({one.id for one in asked}) == 2 * 12 * 3
    assert len({one.kind for one in asked}) == 12
    same = [one for one in asked if one.id.startswith("4/3/")]
    assert [one.repeat for one in same] == [f"seed 4, wording {number}" for number in range(3)]
    assert len({one.question for one in same}) == 3 and len({one.answers for one in same}) == 1
    pictures = [one.messages()[0]["content"][0]["image"].tobytes() for one in same]
    assert len(set(pictures)) == 1
    assert all(one.is_right(one.answers[0]) and not one.is_right("42") for one in asked)


def test_one_wording_is_the_evaluations(tmp_path: Path):
    first, second = (Questions(count=15, seeds=(seed,)).read() for seed in (0, 1))
    assert len(first) == 15 and [one.question for one in first] != [one.question for one in second]


@pytest.mark.parametrize("named", ["folder", "file"])
def test_ones_own_questions(tmp_path: Path, named: str):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "red.png")
    line = {"question": "Which color?", "answers": ["red", "dark red"], "image": "red.png", "kind": "color"}
    path = write(tmp_path, line, "", {"question": "Hello?", "answers": ["Hi."]})
    colour, hello = Questions(file=tmp_path if named == "folder" else path).read()
    image, text = colour.messages()[0]["content"]
    assert image == {"type": "image", "image": str(tmp_path / "red.png")} and text["text"] == "Which color?"
    assert colour.kind == "color" and colour.is_right("Dark red.") and not colour.is_right("blue")
    assert len(hello.messages()[0]["content"]) == 1 and hello.is_right("hi")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"question": "Which?"}, "line 1: answers: Field required"),
        ({"question": "Which?", "answers": []}, r"answers: Tuple should have at least 1 item.*, got \[\]"),
        (
            {"question": "Which?", "answers": ["a"], "image": "none.png"},
            "image must be a file of the same folder, got 'none",
        ),
        ({"question": "Which?", "answers": ["a"], "image": "/etc/hostname"}, "image must be a file of the same folder"),
        ({"question": "Which?", "answers": ["a"], "color": 1}, "color: Extra inputs are not permitted, got 1"),
        ("no json", "line 1: .*Invalid JSON"),
    ],
    ids=str,
)
def test_a_line_that_is_none_is_named(tmp_path: Path, line: object, words: str):
    with pytest.raises(ValueError, match=words):
        Questions(file=write(tmp_path, line)).read()


def test_a_file_that_is_missing_or_one_too_many(tmp_path: Path):
    with pytest.raises(ValueError, match="file must be a JSONL file, or a folder with questions"):
        Questions(file=tmp_path).read()
    with pytest.raises(ValidationError) as caught:
        Questions(file=tmp_path, count=3)
    assert sentence_of(caught.value).startswith("file does not go with count, seeds and wordings")

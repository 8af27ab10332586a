"""What may be swept on the page."""

from pathlib import Path

import pytest

from lladav.ui.explore.asked import read_sweep, sweep_text


def text(*axes: tuple[str, str], count: int = 2, files: bool = False) -> str:
    return sweep_text(axes, count, "0, 1", 32, files)


def test_widgets_become_a_sweep(tmp_path: Path):
    sweep = read_sweep(text(("steps", "16, 8"), ("threshold", "null, 0.9"), (None, "")), 512, tmp_path)
    assert sweep.axes == {"steps": (16, 8), "threshold": (None, 0.9)} and sweep.seeds == (0, 1)
    assert sweep.questions.count == 2 and sweep.settings == {"gen_length": 32}


def test_ones_own_questions_are_copied(tmp_path: Path):
    mine = tmp_path / "mine.jsonl"
    mine.write_text('{"question": "Which?", "answers": ["a"]}\n')
    sweep = read_sweep(text(("steps", "16"), files=True), 512, tmp_path / "sweep", [str(mine)])
    assert [one.question for one in sweep.questions.read()] == ["Which?"]
    assert sweep.questions.file == tmp_path / "sweep" / "questions.jsonl"


def test_a_second_file_of_questions_is_refused_in_place_of_taking_the_first_ones_place(tmp_path: Path):
    files = [tmp_path / "mine.jsonl", tmp_path / "yours.jsonl"]
    for path in files:
        path.write_text('{"question": "Which?", "answers": ["a"]}\n')
    with pytest.raises(ValueError, match="A sweep asks one file of questions, these are 2"):
        read_sweep(text(("steps", "16"), files=True), 512, tmp_path / "sweep", [*map(str, files)])
    assert not (tmp_path / "sweep").exists()


def test_two_pictures_of_one_name_are_refused(tmp_path: Path):
    files = [tmp_path / name for name in ("mine.jsonl", "a/cat.png", "b/cat.png")]
    for path in files:
        path.parent.mkdir(exist_ok=True)
        path.write_text('{"question": "Which?", "answers": ["a"], "image": "cat.png"}\n')
    with pytest.raises(ValueError, match=r"Two files are called cat.png"):
        read_sweep(text(("steps", "16"), files=True), 512, tmp_path / "sweep", [*map(str, files)])


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ([], "axes: Dictionary should have at least 1 item"),
        ([("steps", "")], "steps must have values"),
        ([("steps", "[")], "steps must be values with commas"),
        ([("gen_length", "1024")], "An answer may have 512 tokens on this page, one of these has 1024"),
        (
            [
                ("position_decay", ", ".join(map(str, range(21)))),
            ],
            "A sweep may take 2000 answers on this page",
        ),
    ],
    ids=str,
)
def test_what_is_beyond_the_page_is_refused(axes: list, words: str, tmp_path: Path):
    with pytest.raises(ValueError, match=words):
        read_sweep(text(*axes, count=50), 512, tmp_path)


@pytest.mark.parametrize("changed", ["model: /etc", "questions: {file: /etc/passwd}"])
def test_no_file_of_the_server_is_read(changed: str, tmp_path: Path):
    with pytest.raises(ValueError, match=r"leave model out|file must be questions.jsonl"):
        read_sweep(f"axes: {{steps: [32]}}\n{changed}\n", 512, tmp_path)

"""Pictures that the page composes, and what it suggests to ask about them."""

from itertools import cycle
from pathlib import Path

import pytest
from PIL import Image

from lladav.scenes import SHAPES
from lladav.ui.chat import scenes
from lladav.ui.chat.scenes import MOST_THINGS, PICTURE_SIZE, QUESTIONS, compose, offered_things


@pytest.fixture(autouse=True)
def seeded(monkeypatch):
    """Pictures are the same whenever tests run."""
    seeds = cycle(range(40))
    monkeypatch.setattr(scenes.random, "randrange", lambda _: next(seeds))


def test_some_pictures_are_signs_which_are_to_be_read():
    composed = [compose([]) for _ in range(40)]
    first = [questions[0] for _, questions in composed]
    of_signs = [question for question in first if "sign" in question]
    assert 1 <= len(of_signs) <= 15
    assert all(2 <= len(questions) <= QUESTIONS for _, questions in composed)
    assert {Image.open(path).size for path, _ in composed} == {(PICTURE_SIZE, PICTURE_SIZE)}


def test_what_is_chosen_is_asked_about():
    assert not set(SHAPES) & set(offered_things())
    for things in (["cat"], ["frog", "cow", "tree"]):
        path, questions = compose(things)
        assert Path(path).suffix == ".png"
        assert any(thing in question for question in questions for thing in things)
        assert not any("sign" in question for question in questions)


@pytest.mark.parametrize("things", [["unicorn"], ["sign"], ["cat"] * (MOST_THINGS + 1)])
def test_what_cannot_be_drawn_is_refused(things: list[str]):
    with pytest.raises(ValueError, match=str(MOST_THINGS)):
        compose(things)

"""The recorded replies in assets/lessons."""

import json

import pytest

from lladav import LladaVPipeline
from lladav.assets import asset
from lladav.ui.learn.lessons import EMBEDDED, LESSONS, Lesson
from lladav.ui.learn.replies import Replies

FOLDER = asset("lessons")
LARGEST = 120_000  # bytes


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_every_request_of_a_lesson_is_recorded_and_no_other(lesson: Lesson):
    path = FOLDER / f"{lesson.name}.json"
    assert list(json.loads(path.read_text())) == list(lesson.requests)
    assert path.stat().st_size < LARGEST
    assert not lesson.run or lesson.run in lesson.requests


def test_no_other_lesson_is_recorded():
    assert {path.stem for path in FOLDER.glob("*.json")} == {lesson.name for lesson in LESSONS}


def test_what_was_recorded_is_what_is_answered_now():
    replies = Replies(LladaVPipeline.from_pretrained(asset(EMBEDDED), device="cpu"))
    for lesson in LESSONS:
        written = json.loads((FOLDER / f"{lesson.name}.json").read_text())
        name = next(iter(lesson.requests))
        *_, now = replies.stream({"name": name, **lesson.requests[name]})
        hint = "the weights have changed: run python assets/lessons/build.py"
        assert now.keys() == written[name].keys(), hint
        for key in ("text", "words", "masks", "nfe", "shapes", "sizes"):
            assert now.get(key) == written[name].get(key), hint
        for one, other in zip(now.get("looks", []), written[name].get("looks", []), strict=True):
            assert one["shares"] == pytest.approx(other["shares"], abs=0.01), hint

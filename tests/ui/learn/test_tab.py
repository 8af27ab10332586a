"""What the lessons say: complete in every language, and about what there is."""

import json
import re
from collections.abc import Iterator
from string import Formatter
from typing import Any

import pytest

from lladav.ui.learn.lessons import BY_NAME, LESSONS, QUIZ
from lladav.ui.learn.tab import LANGUAGES, TEXTS, lessons_value
from lladav.ui.texts import OF_LESSONS

ALL = {code: json.loads((TEXTS / f"{code}.json").read_text(encoding="utf-8")) for code in LANGUAGES}


def leaves(part: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Path and text of every text of a file; the glossary's terms are each language's own."""
    items = part.items() if isinstance(part, dict) else enumerate(part)
    for key, inner in items:
        if isinstance(inner, str):
            yield f"{path}.{key}", inner
        elif not path.endswith(".forms"):
            yield from leaves(inner, f"{path}.{key}")


def without_forms(code: str) -> dict[str, str]:
    """Of the lessons' texts; the others are in test_texts."""
    own = {name: ALL[code][name] for name in OF_LESSONS}
    return {path: text for path, text in leaves(own) if ".forms." not in path}


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("code", sorted(LANGUAGES.keys() - {"en"}))
def test_every_language_says_all_that_english_says_with_the_same_values(code: str):
    english, other = without_forms("en"), without_forms(code)
    assert other.keys() == english.keys()
    for path, text in english.items():
        assert names_in(other[path]) == names_in(text), path
        assert other[path].strip(), path


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_lesson_and_question_has_its_texts(code: str):
    texts = ALL[code]
    assert list(texts["lessons"]) == [lesson.name for lesson in LESSONS]
    for lesson in LESSONS:
        assert tuple(texts["lessons"][lesson.name].get("choices", ())) == lesson.choices
        assert lesson.outcome in ("", *lesson.choices)
    assert list(texts["quiz"]["questions"]) == list(QUIZ)
    for name, right in QUIZ.items():
        assert len(texts["quiz"]["questions"][name]["choices"]) > right
    assert len(QUIZ) == 8


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_term_of_the_glossary_occurs_in_a_lesson(code: str):
    said = " ".join(text for _, text in leaves(ALL[code]["lessons"])).lower()
    for entry in ALL[code]["glossary"]:
        assert any(re.search(rf"\b{re.escape(form.lower())}\b", said) for form in entry["forms"]), entry["term"]


def test_what_the_page_is_told_of_the_lessons_is_small():
    value = lessons_value()
    assert [lesson["name"] for lesson in value["lessons"]] == list(BY_NAME)
    assert len(json.dumps(value)) < 4_000

"""Measures of texts, on worked examples."""

import pytest

from lladav.evaluation.measures import anls, by_chance, distinct, exact_match, repeated, token_f1


def test_case_punctuation_and_articles_do_not_count():
    assert exact_match("The red dog.", ["a Red dog"]) and not exact_match("a red dog", ["a dog", "red"])


@pytest.mark.parametrize(
    ("text", "answers", "expected"),
    [
        ("A red dog.", ["a dog"], 2 / 3),  # one of two words is right, and the only one that is wanted is there
        ("dog dog", ["dog cat"], 0.5),  # a word that is said twice is right once
        ("blue", ["a dog", "something blue"], 2 / 3),
        ("cat", ["dog"], 0.0),
        ("", ["the"], 1.0),
    ],
)
def test_shared_words(text: str, answers: list[str], expected: float):
    assert token_f1(text, answers) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "answers", "expected"),
    [
        ("Kitten", ["sitting"], 1 - 3 / 7),  # the textbook's three edits
        ("1998", ["1999 ", "2001"], 0.75),
        ("ab", ["cb"], 0.0),  # at a distance of a half and beyond nothing counts
        ("", [""], 1.0),
        ("abc", [""], 0.0),
    ],
)
def test_letters_in_common(text: str, answers: list[str], expected: float):
    assert anls(text, answers) == pytest.approx(expected)


def test_repetition():
    assert distinct(["red dog red dog", "red dog"]) == 0.5  # four pairs, two of them different
    assert distinct(["dog"]) == 1.0
    assert repeated("go left now go left now") == 0.25  # the fourth of its four triples has been there
    assert repeated("go left now") == repeated("go") == 0.0


@pytest.mark.parametrize(
    ("gained", "lost", "expected"), [(0, 0, 1), (3, 3, 1), (1, 0, 1), (5, 0, 1 / 16), (1, 7, 9 / 128)]
)
def test_a_difference_by_chance(gained: int, lost: int, expected: float):
    assert by_chance(gained, lost) == expected == by_chance(lost, gained)

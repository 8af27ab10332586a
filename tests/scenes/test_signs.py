"""Signs: what they say, how they are drawn, and what is asked about them."""

import random
from functools import cache

import numpy as np
import pytest

from lladav.scenes import ASKERS, Scene, ask, ask_kind, make_scene, make_sign, render
from lladav.scenes.conversations import SIGN_WEIGHTS
from lladav.scenes.signs import CHARACTERS, LARGEST, LONGEST_SIGN, SIGN_COLUMNS, SLIP, SMALLEST, Sign, draw_sign


def test_signs_say_a_few_letters_and_digits():
    rng = random.Random(0)
    texts = [draw_sign(rng).text for _ in range(2000)]
    assert set("".join(texts)) == set(CHARACTERS)
    assert {len(text) for text in texts} == set(range(1, LONGEST_SIGN + 1))
    assert {len(draw_sign(rng, longest=2).text) for _ in range(40)} == {1, 2}
    assert "DOG" in texts and any(text.isdigit() for text in texts)
    assert Sign("A7K", 0.2, 0.5, 0.14).spelled == "A 7 K"


def test_signs_lie_in_their_column_and_on_a_row():
    rng = random.Random(0)
    signs = [draw_sign(rng) for _ in range(2000)]
    assert all(SMALLEST <= sign.size <= LARGEST for sign in signs)
    assert max(abs(sign.x - 1.5 / SIGN_COLUMNS) for sign in signs) <= SLIP
    rows = [sign.y * SIGN_COLUMNS - 0.5 for sign in signs]
    assert {round(row) for row in rows} == set(range(1, SIGN_COLUMNS - 1))
    assert max(abs(row - round(row)) / SIGN_COLUMNS for row in rows) <= SLIP


def test_a_character_stands_in_its_column():
    short, long = (np.asarray(render(Scene((), 5, Sign(text, 0.19, 0.5, 0.14))), int) for text in ("H", "HH"))
    (rows, columns) = (np.abs(short - long).sum(-1) > 60).nonzero()
    side = len(short)
    assert columns.size > 40
    assert abs((columns.min() + columns.max()) / 2 / side - (0.19 + 1 / SIGN_COLUMNS)) < 0.02
    assert abs((rows.min() + rows.max()) / 2 / side - 0.5) < 0.03


@cache
def drawn(text: str) -> np.ndarray:
    """A sign with the smallest characters."""
    return np.asarray(render(Scene((), 5, Sign(text, 0.19, 0.5, SMALLEST))), int)


@pytest.mark.parametrize("character", CHARACTERS)
def test_no_character_is_drawn_as_another(character: str):
    others = [drawn(other) for other in CHARACTERS if other != character]
    assert all((np.abs(drawn(character) - other).sum(-1) > 90).sum() > 8 for other in others)


def test_a_sign_is_spelled_and_where_there_is_none_that_is_said():
    rng = random.Random(0)
    sign = make_sign(rng)
    assert sign.sign and ask_kind(sign, rng, "sign").turns[0][1] == f"{sign.sign.spelled}."
    assert ask_kind(make_scene(rng), rng, "sign").turns[0][1] == "There is no sign."
    assert ask_kind(sign, rng, "name").turns[0][1] == ask_kind(sign, rng, "caption").turns[0][1] == "A sign."


def test_whether_there_is_a_sign_is_asked_of_every_picture():
    rng = random.Random(0)
    plain = {ask_kind(make_sign(rng), rng, "signed").turns for _ in range(40)}
    assert ("Is there a sign?", "Yes.") in {turn for (turn,) in plain}
    assert {answer for ((_, answer),) in plain} == {"Yes."}
    assert {ask_kind(make_scene(rng), rng, "signed").turns[0][1] for _ in range(40)} == {"No."}


@pytest.mark.parametrize("kind", ASKERS)
def test_of_a_sign_is_asked_what_it_has_answers_for_and_nothing_else(kind: str):
    for seed in range(60):
        rng = random.Random(seed)
        example = ask_kind(make_sign(rng), rng, kind, everyday_share=seed % 2)
        assert example is None or all(question and answer for question, answer in example.turns)
        assert example or kind not in SIGN_WEIGHTS


def test_about_a_sign_is_asked_what_it_has_answers_for():
    rng = random.Random(0)
    asked = [ask(make_sign(rng), rng, everyday_share=0.5) for _ in range(800)]
    assert {example.kind for example in asked} == set(SIGN_WEIGHTS)
    told = {example.kind: {answer for _, answer in example.turns} for example in asked}
    assert told["exists"] == {"No."} and told["signed"] == {"Yes."} and told["count"] == {"Zero."}
    assert all(answer.startswith("There is no ") for answer in told["where"])

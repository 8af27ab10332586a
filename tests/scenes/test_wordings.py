"""How questions are put."""

import random

import pytest

from lladav.scenes import (
    FURTHER_WEIGHTS,
    KINDS,
    WEIGHTS,
    Fact,
    ask,
    everyday,
    make_scene,
    plain,
)
from lladav.scenes.phrasebook import PLAIN
from lladav.scenes.wordings import TEMPLATES, expand, misspelled

FORMS = {form for templates in TEMPLATES.values() for form in templates}
SLOTS = {
    "noun": "dog",
    "other": "red circle",
    "relation": "left of",
    "place": "at the top left",
    "color": "red",
    "group": "fruit",
    "number": "two",
}


def test_every_choice_is_made():
    drawn = {expand("[what is|what's] [|really ]this", random.Random(seed)) for seed in range(50)}
    assert drawn == {"what is this", "what's this", "what is really this", "what's really this"}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_form_is_put_in_many_ways(form: str):
    asked = [everyday(Fact(form, "", SLOTS), random.Random(seed)) for seed in range(300)]
    assert len(set(asked)) > 60, set(asked)
    assert not any(mark in question for question in asked for mark in "{}[]|<>"), form


def test_words_are_those_of_the_scene_or_mean_the_same():
    asked = [everyday(Fact("count", "", {"noun": "dog"}), random.Random(seed)).lower() for seed in range(400)]
    assert sum("dog" in question for question in asked) > 300
    assert any("puppies" in question for question in asked)


def test_own_wordings_are_kept():
    """All figures in its own words are measured with these."""
    assert plain(Fact("where", "", {"noun": "dog"}), random.Random(0)) == "Where is the dog?"
    assert plain(Fact("related", "", SLOTS), random.Random(0)) == "Is the dog left of the red circle?"
    assert {form for kind in KINDS for form in _forms(kind)} <= set(PLAIN)


def _forms(kind: str) -> set[str]:
    rng = random.Random(0)
    found = [KINDS[kind](make_scene(rng), rng) for _ in range(300)]
    return {fact.form for each in found if each for fact in each}


def test_a_slip_changes_one_word_and_mostly_not_the_noun():
    text = "how many elephants are there"
    slips = [misspelled(text, ["elephant"], random.Random(seed)) for seed in range(400)]
    for slip in slips:
        assert sum(a != b for a, b in zip(text.split(), slip.split(), strict=True)) <= 1
    changed = [slip for slip in slips if slip != text]
    assert len(changed) > 100 and sum("elephants" not in slip for slip in changed) < 0.35 * len(changed)


def test_there_are_thousands_of_ways_to_ask():
    rng = random.Random(0)
    asked = [ask(SCENE_OF_MANY, rng, weights=WEIGHTS | FURTHER_WEIGHTS, everyday_share=1.0) for _ in range(3000)]
    assert len({example.turns[-1][0] for example in asked}) > 2400


SCENE_OF_MANY = make_scene(random.Random(4))

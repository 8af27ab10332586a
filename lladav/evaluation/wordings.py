"""Held-out questions as people put them: wordings written apart from those that training composes, never trained on."""

import json
import random
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import cycle
from pathlib import Path

from lladav.evaluation.questions import Question
from lladav.scenes import (
    ASKERS,
    KINDS,
    TRAINING_ARTWORK,
    Example,
    Fact,
    Scene,
    article,
    make_scene,
    plain,
    plural,
    training_strangers,
)

WORDINGS = Path(__file__).with_name("wordings.json")
FACTS = {  # by kind of wording: what asks for such facts, and their form
    **{kind: (kind, kind) for kind in ("name", "position", "color", "count", "exists", "relation", "where", "detail")},
    "relation_yes_no": ("relation", "related"),
    "caption": ("caption", "overview"),
    "follow_up_where": ("follow_up", "where_it"),
    "follow_up_color": ("follow_up", "color_it"),
    "group_exists": ("group", "group_exists"),
    "group_count": ("group", "group_count"),
    **{kind: ("talk", kind) for kind in ("hello", "who", "thanks", "bye")},
    "help": ("talk", "ability"),
    "out_of_world": ("beyond", "beyond"),
}


@cache
def wordings() -> dict[str, list[str]]:
    """Templates by kind of wording, with slots for what is asked about."""
    return json.loads(WORDINGS.read_text(encoding="utf-8"))


def everyday_questions(seed: int, count: int, artwork: tuple[str, ...] = TRAINING_ARTWORK) -> Iterator[Question]:
    """`count` questions in everyday words, each about a scene of its own that no training seed makes.

    Wordings come in an order that gives any number of them about the same share of each kind; once all have been used
    they are used again.
    """
    templates = [(kind, template) for kind, of_kind in wordings().items() for template in of_kind]
    order = random.Random(0).sample(templates, len(templates))
    for index, (kind, template) in zip(range(count), cycle(order), strict=False):
        rng = random.Random(f"everyday/{seed}/{index}")
        yield _worded(kind, template, *_facts(kind, rng, artwork), rng)


def reworded_questions(
    seed: int, count: int, times: int, artwork: tuple[str, ...] = TRAINING_ARTWORK
) -> Iterator[tuple[Question, ...]]:
    """`count` questions about pictures, of all kinds in turn, each in `times` wordings.

    The first wording is the model's own, the others are everyday ones of which training composes none.
    """
    about_pictures = [kind for kind, (asker, _) in FACTS.items() if asker in KINDS and asker != "talk"]
    for index, kind in zip(range(count), cycle(about_pictures), strict=False):
        rng = random.Random(f"reworded/{seed}/{index}")
        scene, facts = _facts(kind, rng, artwork)
        others = rng.sample(wordings()[kind], times - 1)
        yield tuple(_worded(kind, template, scene, facts, rng) for template in (None, *others))


def _facts(kind: str, rng: random.Random, artwork: tuple[str, ...]) -> tuple[Scene, tuple[Fact, ...]]:
    """A scene that allows such a question, and the facts of the conversation that ends with it."""
    asker, form = FACTS[kind]
    while True:
        scene = make_scene(rng, artwork=artwork, strangers=() if kind == "name" else training_strangers())
        facts = ASKERS[asker](scene, rng)
        if facts and facts[-1].form == form:
            return scene, facts


def _worded(kind: str, template: str | None, scene: Scene, facts: tuple[Fact, ...], rng: random.Random) -> Question:
    """The conversation in the model's own words, but for its last question, which is in those of the template."""
    *earlier, last = facts
    turns = [(plain(fact, rng), fact.answer) for fact in earlier]
    question = plain(last, rng) if template is None else template.format_map(_slots(last))
    return scene, Example(kind, (*turns, (question, last.answer)))


def _slots(fact: Fact) -> Mapping[str, str]:
    """What the templates call a fact's slots."""
    slots = dict(fact.slots)
    if noun := slots.get("noun"):
        slots |= {"plural": plural(noun), "a_noun": article(noun), "a": noun, "b": slots.get("other", "")}
    if place := slots.get("place"):
        slots["spot"] = place.removeprefix("at the ").removeprefix("in the ")
    if group := slots.get("group"):
        slots["group"] = plural(group)
    return slots

"""Conversations about a scene: facts in words."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from lladav.scenes.composition import Scene
from lladav.scenes.phrasebook import PLAIN
from lladav.scenes.questions import EXERCISES, FURTHER, KINDS, SIGNS, Fact
from lladav.scenes.wordings import everyday, plain

Turns = tuple[tuple[str, str], ...]
ASKERS = KINDS | FURTHER | SIGNS | EXERCISES
WEIGHTS = {  # of the kinds in training: what takes longest to learn, or few scenes allow, weighs most
    "name": 2,
    "position": 4,
    "color": 2,
    "count": 5,
    "exists": 3,
    "relation": 14,
    "where": 3,
    "caption": 4,
    "detail": 3,
    "follow_up": 4,
    "talk": 1,
}
SIGN_WEIGHTS = {  # of the kinds about a sign: spelling takes longest to learn
    "sign": 20,
    "signed": 1,
    "name": 1,
    "caption": 1,
    "exists": 1,
    "count": 0.5,
    "where": 0.5,
    "talk": 0.5,
    "beyond": 0.5,
}
FURTHER_WEIGHTS = {"group": 3, "total": 1, "empty": 2, "whether": 3, "same": 1.5, "unsaid": 1.5, "beyond": 2}


@dataclass(frozen=True)
class Example:
    """A conversation of (question, answer) turns about one scene; `kind` is a key of ASKERS."""

    kind: str
    turns: Turns


def ask(
    scene: Scene,
    rng: random.Random,
    kind: str | None = None,
    weights: Mapping[str, float] = WEIGHTS,
    everyday_share: float = 0.0,
) -> Example:
    """A conversation about the scene: of `kind` if the scene allows it, else of one drawn by `weights`.

    About a sign other things are asked, by weights of their own. What a scene has no question of is drawn anew, so
    that kinds that few scenes allow are asked less than they weigh. `everyday_share` of the questions are put as people
    put them, the others in one of the model's own wordings.
    """
    if scene.sign:
        weights = SIGN_WEIGHTS
    while True:
        kind = kind or rng.choices(list(weights), list(weights.values()))[0]
        if example := ask_kind(scene, rng, kind, everyday_share):
            return example
        kind = None


def ask_kind(scene: Scene, rng: random.Random, kind: str, everyday_share: float = 0.0) -> Example | None:
    """A conversation of one kind about the scene, or None where it allows none."""
    facts = ASKERS[kind](scene, rng)
    if not facts:
        return None
    return Example(kind, tuple((_words(fact, rng, everyday_share), fact.answer) for fact in facts))


def _words(fact: Fact, rng: random.Random, everyday_share: float) -> str:
    if fact.form not in PLAIN or (everyday_share and rng.random() < everyday_share):
        return everyday(fact, rng)
    return plain(fact, rng)

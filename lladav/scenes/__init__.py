"""Scenes: seeded pictures of emoji artwork and colored shapes, or of a sign, with questions that have one right answer.

`make_scene` places objects, `make_sign` puts up a sign, `render` draws them, `ask` writes a short conversation about
them. All are driven by a `random.Random`, so a seed is a data set: training and held-out scenes come from the same code
and never meet, but for signs, of which the shortest are few.
"""

from lladav.scenes.artwork import (
    COLORS,
    GROUPS,
    HELD_OUT_ARTWORK,
    SHAPES,
    TRAINING_ARTWORK,
    class_names,
    emoji_sprite,
    further_strangers,
    held_out_strangers,
    stranger_names,
    training_strangers,
)
from lladav.scenes.composition import STRANGER_SHARE, Item, Scene, make_scene, make_sign, scene_of
from lladav.scenes.conversations import ASKERS, FURTHER_WEIGHTS, WEIGHTS, Example, Turns, ask, ask_kind
from lladav.scenes.drawing import IMAGE_SIZE, render
from lladav.scenes.language import STRANGER, article, listing, plural, quantity
from lladav.scenes.questions import EXERCISES, FURTHER, KINDS, NO_PICTURE, OUT_OF_WORLD, SMALL_TALK, Fact, place
from lladav.scenes.wordings import everyday, plain

__all__ = [
    "ASKERS",
    "COLORS",
    "EXERCISES",
    "FURTHER",
    "FURTHER_WEIGHTS",
    "GROUPS",
    "HELD_OUT_ARTWORK",
    "IMAGE_SIZE",
    "KINDS",
    "NO_PICTURE",
    "OUT_OF_WORLD",
    "SHAPES",
    "SMALL_TALK",
    "STRANGER",
    "STRANGER_SHARE",
    "TRAINING_ARTWORK",
    "WEIGHTS",
    "Example",
    "Fact",
    "Item",
    "Scene",
    "Turns",
    "article",
    "ask",
    "ask_kind",
    "class_names",
    "emoji_sprite",
    "everyday",
    "further_strangers",
    "held_out_strangers",
    "listing",
    "make_scene",
    "make_sign",
    "place",
    "plain",
    "plural",
    "quantity",
    "render",
    "scene_of",
    "stranger_names",
    "training_strangers",
]

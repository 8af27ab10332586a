"""The artwork: every thing is drawn, in every set."""

import json

import numpy as np
import pytest

from lladav.assets import asset
from lladav.scenes import (
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

PARTS = ("classes", "strangers", "further_strangers")


@pytest.mark.parametrize("artwork", [*TRAINING_ARTWORK, HELD_OUT_ARTWORK])
def test_every_class_is_drawn_in_every_set(artwork):
    for name in class_names():
        alpha = np.asarray(emoji_sprite(name, artwork))[..., 3]
        assert (alpha > 128).mean() > 0.1, name


def test_classes_have_one_drawing_each():
    sprites = {emoji_sprite(name, "fluent").tobytes() for name in class_names()}
    assert len(sprites) == len(class_names()) == 64


def test_strangers_are_drawn_and_some_are_kept_aside():
    assert not set(training_strangers()) & set(held_out_strangers()) and not set(class_names()) & set(stranger_names())
    for name in stranger_names():
        assert (np.asarray(emoji_sprite(name, "noto"))[..., 3] > 128).mean() > 0.1, name


@pytest.mark.parametrize("artwork", TRAINING_ARTWORK)
def test_every_further_stranger_is_drawn_in_every_set_of_training(artwork):
    sprites = [emoji_sprite(name, artwork) for name in further_strangers()]
    assert all((np.asarray(sprite)[..., 3] > 128).mean() > 0.05 for sprite in sprites)
    assert len({sprite.tobytes() for sprite in sprites}) == len(sprites)


def test_further_strangers_are_nothing_else_that_a_scene_shows():
    assert not set(further_strangers()) & {*class_names(), *SHAPES, *stranger_names()}
    parts = [json.loads((asset("artwork") / f"{part}.json").read_text(encoding="utf-8")) for part in PARTS]
    codes = [code for part in parts for code in part.values()]
    assert len(set(codes)) == len(codes)


def test_groups_hold_things_that_have_a_name():
    for names in GROUPS.values():
        assert set(names) <= {*class_names(), *SHAPES} and len(set(names)) == len(names)

"""The artwork: every thing is drawn, in every set."""

import numpy as np
import pytest

from lladav.scenes import (
    GROUPS,
    HELD_OUT_ARTWORK,
    SHAPES,
    TRAINING_ARTWORK,
    class_names,
    emoji_sprite,
    held_out_strangers,
    stranger_names,
    training_strangers,
)


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


def test_groups_hold_things_that_have_a_name():
    for names in GROUPS.values():
        assert set(names) <= {*class_names(), *SHAPES} and len(set(names)) == len(names)

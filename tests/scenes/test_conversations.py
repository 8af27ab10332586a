"""Conversations about a scene."""

import random

from lladav.scenes import (
    KINDS,
    ask,
    make_scene,
    render,
)


def test_a_seed_is_a_data_set():
    def draw(seed: int):
        rng = random.Random(seed)
        scene = make_scene(rng)
        return scene, ask(scene, rng), render(scene).tobytes()

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def test_every_kind_can_be_asked():
    rng = random.Random(1)
    seen = {ask(make_scene(rng), rng).kind for _ in range(2000)}
    assert seen == set(KINDS)


def test_exercises_are_asked_where_they_have_a_weight():
    rng = random.Random(1)
    assert {ask(make_scene(rng), rng, weights={"compare": 1, "talk": 1}).kind for _ in range(50)} == {"compare", "talk"}

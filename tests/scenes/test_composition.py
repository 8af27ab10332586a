"""Scenes: reproducible, and without overlaps."""

import random

import pytest

from lladav.scenes import (
    make_scene,
    scene_of,
)


def test_objects_lie_inside_the_picture_and_apart():
    rng = random.Random(0)
    for _ in range(300):
        scene = make_scene(rng)
        for item in scene.items:
            assert item.size / 2 <= item.x <= 1 - item.size / 2
            assert item.size / 2 <= item.y <= 1 - item.size / 2
        for a in scene.items:
            for b in scene.items:
                if a is not b:
                    gap = max(abs(a.x - b.x), abs(a.y - b.y)) - (a.size + b.size) / 2
                    assert gap > -1e-9


def test_what_is_asked_for_is_there():
    scene = scene_of(["dog", "red circle", "dog"], random.Random(0))
    assert [item.phrase for item in scene.items] == ["dog", "red circle", "dog"]
    assert scene == scene_of(["dog", "red circle", "dog"], random.Random(0))
    for names in ([], ["dog"] * 10):
        with pytest.raises(ValueError, match=f"names must be 1 to 9 things, got {len(names)}"):
            scene_of(names, random.Random(0))
    with pytest.raises(ValueError, match="names must be classes, or shapes with a color, got 'circle'"):
        scene_of(["circle"], random.Random(0))

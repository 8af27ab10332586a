"""Scenes as pictures."""

import numpy as np

from lladav.scenes import (
    COLORS,
    Item,
    Scene,
    render,
)


def test_a_shape_has_its_color_where_the_scene_says():
    for color, rgb in COLORS.items():
        scene = Scene((Item("square", color, "", 0.25, 0.75, 0.4),), style=5)
        pixel = np.asarray(render(scene, 128))[96, 32].astype(int)
        nearest = min(COLORS, key=lambda name: np.abs(np.array(COLORS[name]) - pixel).sum())
        assert nearest == color, (color, rgb, pixel)

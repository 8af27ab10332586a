"""Pictures as people send them."""

import pytest
import torch
from PIL import Image

from lladav.evaluation import held_out_questions
from lladav.evaluation.pictures import DISTURBANCES, SIZES, two_tone_ground
from lladav.scenes import (
    COLORS,
    Scene,
    render,
)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [scene for scene, _ in held_out_questions(5, 12)]


@pytest.mark.parametrize("name", DISTURBANCES)
def test_a_scene_is_sent_the_same_way_each_time(scenes, name: str):
    draw = DISTURBANCES[name]
    for scene in scenes[:3]:
        picture = draw(scene)
        assert picture.mode == "RGB" and picture.tobytes() == draw(scene).tobytes()
        assert SIZES[0] <= picture.width == picture.height <= SIZES[1]


@pytest.mark.parametrize("name", [name for name in DISTURBANCES if name != "as drawn"])
def test_what_is_sent_is_another_picture_of_the_same(scenes, name: str):
    """It looks different, but more like its own scene than like another one."""
    scenes = [scene for scene in scenes if any(not item.color for item in scene.items)][:4]

    def pixels(picture: Image.Image) -> torch.Tensor:
        return torch.tensor(list(picture.convert("L").resize((64, 64)).tobytes())).double()

    for scene in scenes:
        sent, drawn = pixels(DISTURBANCES[name](scene)), pixels(render(scene))
        assert (sent - drawn).abs().mean() > 0.2
        if name != "other grounds":
            others = [pixels(render(other)) for other in scenes if other is not scene]
            assert (sent - drawn).abs().mean() < min((sent - other).abs().mean() for other in others)


def test_sizes_go_from_one_end_to_the_other():
    sides = [DISTURBANCES["64 to 4000 pixels"](scene).width for scene, _ in held_out_questions(1, 24)]
    assert min(sides) < 150 and max(sides) > 1500


def test_grounds_stay_clear_of_the_shapes(scenes):
    for scene in scenes:
        ground = torch.tensor(list(two_tone_ground(scene, 32).tobytes())).view(-1, 3)
        for item in scene.items:
            if item.color:
                assert (ground - torch.tensor(COLORS[item.color])).abs().sum(1).min() > 100

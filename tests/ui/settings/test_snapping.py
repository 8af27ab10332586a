"""Snapping and presets."""

import pytest

from lladav import SamplingConfig
from lladav.ui.settings.snapping import PRESETS, preset, preset_of, snap


def test_settings_that_fit_stay():
    plan = snap(64, 32, 16, longest=256, refresh_interval=4, threshold=0.9)
    assert (plan.gen_length, plan.block_length, plan.steps) == (64, 32, 16)
    assert (plan.refresh_interval, plan.threshold, plan.note) == (4, 0.9, "")


@pytest.mark.parametrize(
    ("wanted", "expected", "said"),
    [
        ((64, 24, 32), (64, 32, 32), "Block length moved to 32"),  # of 16 and 32, equally near, the larger
        ((64, 16, 30), (64, 16, 32), "Denoising steps moved to 32"),
        ((64, 16, 1), (64, 16, 4), "Denoising steps moved to 4"),
        ((32, 32, 100), (32, 32, 32), "a step commits at least one token"),
        ((999, 128, 64), (256, 128, 64), "this page allows 1 to 256"),
        ((0, 0, 0), (1, 1, 1), "Max new tokens moved to 1"),
    ],
)
def test_others_move_and_the_page_says_so(wanted: tuple, expected: tuple, said: str):
    plan = snap(*wanted, longest=256)
    assert (plan.gen_length, plan.block_length, plan.steps) == expected
    assert said in plan.note


@pytest.mark.parametrize(
    ("wanted", "expected", "said"),
    [
        ({"refresh_interval": 0}, (1, 1.0), "Cache refresh interval moved to 1"),
        ({"refresh_interval": 999}, (64, 1.0), "Cache refresh interval moved to 64"),
        ({"threshold": 0.2}, (1, 0.5), "Confidence threshold moved to 0.5: this page allows 0.5 to 1"),
        ({"threshold": 0.9, "remasking": "random"}, (1, 1.0), "random remasking does not ask how sure"),
    ],
)
def test_speeds_move_and_the_page_says_so(wanted: dict, expected: tuple, said: str):
    plan = snap(64, 64, 32, longest=256, **wanted)
    assert (plan.refresh_interval, plan.threshold) == expected
    assert said in plan.note


@pytest.mark.parametrize(
    ("wanted", "note"),
    [
        (
            (64, 24, 30, 64, 1, 0.9, "random"),
            "Block length moved to 32: blocks have to divide the 64 tokens evenly. "
            "Confidence threshold moved to 1: random remasking does not ask how sure the model is.",
        ),
        (
            (64, 16, 30, 64, 65),
            "Denoising steps moved to 32: every block gets the same number of steps. "
            "Cache refresh interval moved to 64: this page allows 1 to 64 steps.",
        ),
        ((64, 64, 65, 64), "Denoising steps moved to 64: a step commits at least one token."),
    ],
)
def test_every_move_has_a_sentence(wanted: tuple, note: str):
    assert snap(*wanted).note == note


def test_whatever_is_asked_for_the_library_takes():
    for length in (1, 7, 12, 64):
        for block in (1, 5, 33, 64):
            for steps in (1, 9, 64):
                plan = snap(length, block, steps, longest=64)
                SamplingConfig(gen_length=plan.gen_length, block_length=plan.block_length, steps=plan.steps)


@pytest.mark.parametrize("length", [1, 7, 24, 64])
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fits_refines_all_at_once_and_is_recognised(name: str, length: int):
    plan = preset(name, length)
    sizes = plan.gen_length, plan.block_length, plan.steps
    assert snap(*sizes, 64, plan.refresh_interval, plan.threshold) == plan
    assert plan.block_length == length
    assert preset_of(plan) == name


def test_presets_are_as_quick_as_their_names():
    quality, balanced, fast = (preset(name, 64) for name in ("Quality", "Balanced", "Fast"))
    assert (quality.steps, quality.refresh_interval, quality.threshold) == (64, 1, 1)
    assert balanced.steps == 32
    assert 1 < balanced.refresh_interval < fast.refresh_interval
    assert fast.threshold < 1


@pytest.mark.parametrize("change", [{"steps": 32}, {"block_length": 8}, {"refresh_interval": 2}, {"threshold": 0.7}])
def test_settings_of_no_preset_are_recognised(change: dict):
    settings = vars(preset("Quality", 64)) | change
    assert preset_of(snap(longest=64, **{name: value for name, value in settings.items() if name != "note"})) is None

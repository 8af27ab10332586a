"""Snapping, presets and what the page says a run will cost."""

import pytest

from lladav import SamplingConfig
from lladav.ui.knobs import PRESETS, cost, preset, preset_of, snap


def test_settings_that_fit_stay():
    plan = snap(64, 32, 16, longest=256)
    assert (plan.gen_length, plan.block_length, plan.steps, plan.note) == (64, 32, 16, "")


@pytest.mark.parametrize(
    ("wanted", "expected", "said"),
    [
        ((64, 24, 32), (64, 32, 32), "Block length moved to 32"),  # of 16 and 32, equally near, the larger
        ((64, 16, 30), (64, 16, 32), "Steps moved to 32"),
        ((64, 16, 1), (64, 16, 4), "Steps moved to 4"),
        ((32, 32, 100), (32, 32, 32), "a step commits at least one token"),
        ((999, 128, 64), (256, 128, 64), "this page allows 1 to 256"),
        ((0, 0, 0), (1, 1, 1), "Answer length moved to 1"),
    ],
)
def test_others_move_and_the_page_says_so(wanted: tuple, expected: tuple, said: str):
    plan = snap(*wanted, longest=256)
    assert (plan.gen_length, plan.block_length, plan.steps) == expected
    assert said in plan.note


def test_whatever_is_asked_for_the_library_takes():
    for length in (1, 7, 12, 64):
        for block in (1, 5, 33, 64):
            for steps in (1, 9, 64):
                plan = snap(length, block, steps, longest=64)
                SamplingConfig(gen_length=plan.gen_length, block_length=plan.block_length, steps=plan.steps)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fits_and_is_recognised(name: str):
    plan = snap(64, *preset(name, 64), longest=64)
    assert not plan.note
    assert preset_of(plan) == name


def test_settings_of_no_preset_are_recognised():
    assert preset_of(snap(64, 8, 32, longest=64)) is None


@pytest.mark.parametrize(
    ("pace", "cfg_scale", "said"),
    [
        (None, 0, "known after the first answer"),
        (0.01, 0, "about **160 ms**"),
        (0.01, 1.5, "about **320 ms**"),
        (0.5, 0, "about **8.0 s**"),
    ],
)
def test_cost(pace: float | None, cfg_scale: float, said: str):
    text = cost(snap(32, 32, 16, longest=64), cfg_scale, pace)
    assert "Up to **16 forward passes** of 2 tokens" in text
    assert said in text

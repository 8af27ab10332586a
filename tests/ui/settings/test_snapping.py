"""Snapping and presets."""

import re
from dataclasses import replace

import pytest

from lladav import SamplingConfig
from lladav.sampling import METHODS
from lladav.ui.settings.snapping import PRESETS, own, preset, preset_of, snap


def test_settings_that_fit_stay():
    plan = snap(64, 32, 16, longest=256, refresh_interval=4, method="threshold", knobs={"threshold": 0.8})
    assert (plan.gen_length, plan.block_length, plan.steps) == (64, 32, 16)
    assert (plan.refresh_interval, plan.method, plan.knobs, plan.note) == (4, "threshold", {"threshold": 0.8}, "")
    assert plan.config() == SamplingConfig(64, 32, 16, refresh_interval=4, threshold=0.8)


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
        ({"refresh_interval": 0}, {"refresh_interval": 1}, "Cache refresh interval moved to 1"),
        ({"refresh_interval": 999}, {"refresh_interval": 64}, "Cache refresh interval moved to 64"),
        ({"refresh_interval": 4, "method": "wino"}, {"refresh_interval": 1}, "1: WINO runs without this cache."),
        ({"block_length": 8, "method": "daedal"}, {"block_length": 64}, "moved to 64: DAEDAL has one block."),
        (
            {"method": "daedal", "knobs": {"start_length": 99}},
            {"knobs": {"start_length": 64}},
            "Begin with moved to 64: the answer has 64 tokens at most.",
        ),
    ],
)
def test_what_does_not_go_with_a_method_moves_and_the_page_says_so(wanted: dict, expected: dict, said: str):
    plan = snap(**{"gen_length": 64, "block_length": 64, "steps": 32, "longest": 256} | wanted)
    assert {name: getattr(plan, name) for name in expected} == expected
    assert said in plan.note and plan.refusal == ""


@pytest.mark.parametrize(
    ("method", "knobs", "rule"),
    [
        ("klass", {"kl_steps": 0}, "kl_steps must be a positive whole number, got 0"),
        ("wino", {"threshold": -1}, "threshold must be zero, a positive number or None, got -1"),
        ("wino", {"revision_threshold": None}, "revision_threshold must be a number for wino"),
        ("prophet", {"gap_thresholds": [1, 2]}, "gap_thresholds must be three numbers or None, got (1, 2)"),
        ("daedal", {"start_length": "many"}, "start_length must be a positive whole number, got 'many'"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_with_the_rule(method: str, knobs: dict, rule: str):
    plan = snap(64, 64, 64, longest=256, method=method, knobs=own(method, 64).knobs | knobs)
    assert plan.refusal.startswith(rule)
    with pytest.raises(ValueError, match=f"^{re.escape(rule)}"):
        plan.config()


def test_turning_a_knob_keeps_what_else_the_method_chose():
    plan = snap(32, 32, 32, longest=256, method="klass", knobs={"kl_steps": 3, "revision": "wino", "seed": 9})
    assert plan.config() == SamplingConfig.method("klass", gen_length=32, kl_steps=3)


@pytest.mark.parametrize(
    ("wanted", "note"),
    [
        (
            (64, 24, 30, 64, 4, "wino"),
            "Block length moved to 32: blocks have to divide the 64 tokens evenly. "
            "Cache refresh interval moved to 1: WINO runs without this cache.",
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
    assert snap(*sizes, 64, plan.refresh_interval, plan.method, plan.knobs) == plan
    assert plan.block_length == length
    assert preset_of(plan) == name


@pytest.mark.parametrize("length", [1, 7, 24, 64])
@pytest.mark.parametrize("name", METHODS)
def test_a_method_fits_as_its_paper_has_it(name: str, length: int):
    plan = own(name, length)
    sizes = plan.gen_length, plan.block_length, plan.steps
    assert snap(*sizes, 64, plan.refresh_interval, plan.method, plan.knobs) == plan
    assert plan.config() == SamplingConfig.method(name, gen_length=length)
    assert plan.decoding.fitted and not replace(plan, refresh_interval=8).decoding.fitted


def test_presets_are_as_quick_as_their_names():
    quality, balanced, fast = (preset(name, 64) for name in ("Quality", "Balanced", "Fast"))
    assert (quality.steps, quality.refresh_interval, quality.method) == (64, 1, "exact")
    assert balanced.steps == 32
    assert 1 < balanced.refresh_interval < fast.refresh_interval
    assert fast.knobs == {"threshold": 0.9}


@pytest.mark.parametrize("change", [{"steps": 32}, {"block_length": 8}, {"refresh_interval": 2}, {"method": "margin"}])
def test_settings_of_no_preset_are_recognised(change: dict):
    settings = vars(preset("Quality", 64)) | change
    assert preset_of(snap(longest=64, **{name: value for name, value in settings.items() if name != "note"})) is None

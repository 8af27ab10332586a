"""The settings of the loop: what is taken, what is refused and in which words."""

import json
import sys
from dataclasses import FrozenInstanceError, asdict

import pytest

from lladav.sampling import SamplingConfig


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"block_length": 24}, "block_length must divide gen_length, got 24 and 64: the nearest that does is 16$"),
        ({"gen_length": 7, "block_length": 3}, "the nearest that does is 1$"),
        ({"gen_length": 7, "block_length": 5}, "the nearest that does is 7$"),
        ({"gen_length": 1, "block_length": 2}, "the nearest that does is 1$"),
        ({"gen_length": 36, "block_length": 5}, "the nearest that does is 4$"),
        ({"gen_length": 36, "block_length": 7}, "the nearest that does is 6$"),
        ({"gen_length": 36, "block_length": 8}, "the nearest that does is 9$"),
        ({"steps": 6, "block_length": 16}, "steps must be a multiple of the number of blocks, .* got 6 and 4"),
        ({"gen_length": 0}, "gen_length must be a positive whole number, got 0"),
        ({"gen_length": 32.0}, "gen_length must be a positive whole number, got 32.0"),
        ({"steps": -4}, "steps must be a positive whole number, got -4"),
        ({"refresh_interval": 0}, "refresh_interval must be a positive whole number or None, got 0"),
        ({"temperature": -1.0}, "temperature must be zero or a positive number, got -1.0"),
        ({"temperature": float("nan")}, "temperature must be .* got nan"),
        ({"cfg_scale": -0.5}, "cfg_scale must be .* got -0.5"),
        ({"temperature": None}, "temperature must be .* got None"),
        ({"temperature": True}, "temperature must be zero or a positive number, got True"),
        ({"threshold": False}, "threshold must be zero, a positive number or None, got False"),
        ({"seed": 1.5}, "seed must be a whole number .* got 1.5"),
        ({"seed": -1}, "seed must be .* got -1"),
        ({"suffix": 3}, "suffix must be a string or None, got 3"),
        ({"remasking": "surest"}, "remasking must be one of low_confidence, random, .*, got 'surest'"),
        ({"threshold": -0.1}, "threshold must be .* got -0.1"),
        ({"threshold": 0.9, "factor": 1.0}, "exclude each other, got threshold=0.9 and factor=1.0: set one of them"),
        ({"factor": 0.0, "entropy_bound": 0.1}, "threshold, factor, entropy_bound exclude each other"),
        ({"entropy_bound": -0.1}, "entropy_bound must be zero, a positive number or None, got -0.1"),
        ({"schedule_shift": 0.0}, "schedule_shift must be a positive number, got 0.0"),
        ({"schedule_shift": float("inf")}, "schedule_shift must be a positive number, got inf"),
        ({"stop": "<|eot_id|>"}, "stop must be a tuple of strings"),
        ({"stop": ("",)}, "stop must be a tuple of strings that are not empty"),
        ({"template": (None, 3)}, "template must have gen_length entries, got 2 and 64"),
        ({"template": (None, 3, "a") + (None,) * 61}, "template must hold token ids, and None for a blank, got 'a'$"),
        ({"template": (2**31,) * 64}, "template must hold token ids"),
        ({"suppress_token_ids": (-1,)}, "suppress_token_ids must be a tuple of token ids"),
        ({"suppress_token_ids": ("a",)}, "suppress_token_ids must be a tuple of token ids"),
        ({"gen_length": 10**30 + 57, "block_length": 7}, "gen_length must be at most 4096, got 1000000000000000000000"),
        ({"gen_length": 10**9999}, "gen_length must be at most 4096, got a number of 33216 bits"),
        ({"steps": 10**8}, "steps must be at most 4096, got 100000000"),
        ({"block_length": 4097}, "block_length must be at most 4096, got 4097"),
        ({"temperature": 1e308}, r"temperature must be at most 10, got 1e\+308"),
        ({"temperature": 10**400}, "temperature must be at most 10, got a number of 1329 bits"),
        ({"cfg_scale": 1e308}, r"cfg_scale must be at most 20, got 1e\+308"),
        ({"threshold": 1e300}, r"threshold must be at most 1e\+06"),
        ({"factor": float("inf")}, "factor must be zero, a positive number or None, got inf"),
        ({"schedule_shift": 5e-324}, r"schedule_shift must be from 0.001 to 1000, got 5e-324"),
        ({"refresh_interval": 10**9}, "refresh_interval must be at most 4096"),
        ({"stop": ("a",) * 10**6}, "stop must be at most 16 strings, got tuple of 1000000"),
        ({"stop": ("a" * 65,)}, "stop must be strings of at most 64 letters"),
        ({"suffix": "a" * 10**7}, "suffix must be at most 16384 letters, got 'aaa"),
        ({"suppress_token_ids": (0,) * 10**6}, "suppress_token_ids must be at most 1024 token ids"),
        ({"template": (None,) * 10**6}, "template must have gen_length entries, got 1000000 and 64"),
        ({"template": 5}, "template must be a tuple of token ids and None, got 5"),
        ({"kl_threshold": 0.1}, "kl_threshold refines threshold, got threshold=None: set both"),
        ({"threshold": 0.9, "kl_threshold": 0.1, "relaxed_threshold": 0.5}, "relaxed_threshold exclude each other"),
        ({"threshold": 0.9, "mean_threshold": True}, "got mean_threshold=True and threshold=0.9: set one of them"),
        ({"mean_threshold": 1}, "mean_threshold must be True or False, got 1"),
        (
            {"threshold": 0.9, "remasking": "pc_sampler"},
            "threshold compares probabilities, which remasking='pc_sampler'",
        ),
        ({"revision": "undo"}, "revision must be one of none, wino, token_to_mask, saber, remdm, got 'undo'"),
        ({"revision": "wino"}, "revision_threshold must be a number for wino and token_to_mask .* got None for 'wino'"),
        ({"revision_threshold": 0.5}, "revision_threshold must be .* None for other revisions, got 0.5 for 'none'"),
        ({"revision": "saber", "remasking": "random"}, "revision='saber' compares probabilities"),
        (
            {"revision": "wino", "revision_threshold": 0.9, "refresh_interval": 4},
            "refresh_interval must be None for revision='wino', .* got 4",
        ),
        ({"revision": "remdm", "delimiter_threshold": 0.3}, "delimiter_threshold must be None with a revision"),
        ({"revision": "remdm", "max_revocations": 99}, "max_revocations must be at most 16, got 99"),
        ({"revision_from": 1.5}, "revision_from must be at most 1, got 1.5"),
        ({"delimiters": ()}, "delimiters must be a tuple of one to 16 strings"),
        ({"gap_thresholds": (1.0, 2.0)}, "gap_thresholds must be three numbers or None"),
        ({"gap_thresholds": (1.0, True, 2.0)}, "gap_thresholds must be three numbers or None"),
        ({"gap_thresholds": (1, 10**400, 1)}, r"gap_thresholds must be numbers of at most 1e\+06, got \(1, 1000"),
        ({"position_decay": 21}, "position_decay must be at most 20, got 21"),
        ({"redundancy_power": 20.5}, "redundancy_power must be at most 20, got 20.5"),
        ({"start_length": 65}, "start_length must be at most gen_length, got 65 and 64"),
        ({"start_length": 16, "block_length": 32}, "block_length must be gen_length where start_length is set, got 32"),
        ({"start_length": 16, "stop": ()}, "stop must hold the string whose token ends an answer"),
        ({"start_length": 16, "suffix": "."}, "start_length does not go with suffix, got '.': unset one"),
        ({"start_length": 16, "revision": "remdm"}, "start_length does not go with revision, got 'remdm'"),
        ({"start_length": 16, "remasking": "credit"}, "start_length does not go with remasking, got 'credit'"),
        ({"remasking": ["random"]}, "remasking must be one of low_confidence, random"),
    ],
)
def test_a_setting_that_cannot_be_honoured_is_refused(settings: dict, words: str):
    """In few calls, however large it is."""
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    with pytest.raises(ValueError, match=words) as refusal:
        sys.setprofile(count)
        try:
            SamplingConfig(**settings)
        finally:
            sys.setprofile(before)
    assert calls < 5000 and len(str(refusal.value)) < 300


def test_the_nearest_setting_is_named():
    with pytest.raises(ValueError, match="the nearest that does is 32"):
        SamplingConfig(gen_length=64, block_length=40)
    with pytest.raises(ValueError, match="the next one is 8"):
        SamplingConfig(gen_length=64, block_length=16, steps=6)


def test_a_config_is_frozen_and_survives_json():
    config = SamplingConfig(gen_length=4, block_length=2, steps=2, stop=("a", "b"), template=(None, 5, None, 6), seed=3)
    assert SamplingConfig(**json.loads(json.dumps(asdict(config)))) == config
    with pytest.raises(FrozenInstanceError):
        config.steps = 4


@pytest.mark.parametrize(
    "settings",
    [
        {"gen_length": 4096, "block_length": 4096, "steps": 4096, "start_length": 4096, "refresh_interval": None},
        {"temperature": 10, "cfg_scale": 20, "threshold": 1e6, "refresh_interval": 4096, "seed": 2**63 - 1},
        {"revision": "remdm", "revision_from": 1, "revision_rounds": 1024, "max_revocations": 16},
        {"stop": ("a" * 64,) * 16, "suffix": "a" * 16384, "suppress_token_ids": (0, 2**31 - 1) * 512},
        {"position_decay": 20, "redundancy_power": 20, "gap_thresholds": (1e6, 1e6, 1e6)},
        {"schedule_shift": 1e3, "delimiters": ("a" * 64,) * 16, "keep_image_tokens": 1},
    ],
)
def test_the_most_that_a_setting_may_be_is_taken(settings: dict):
    config = SamplingConfig(**settings)
    assert {name: getattr(config, name) for name in settings} == settings


def test_what_is_no_character_in_a_text_is_replaced():
    config = SamplingConfig(stop=("a\ud800",), delimiters=("\udc00",), suffix=" an\ud83d.")
    assert (config.stop, config.delimiters, config.suffix) == (("a\ufffd",), ("\ufffd",), " an\ufffd.")
    assert SamplingConfig().suffix is None

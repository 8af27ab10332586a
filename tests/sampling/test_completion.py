"""Settings that were left out."""

import pytest

from lladav.sampling import SamplingConfig
from lladav.sampling.completion import completed


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, SamplingConfig()),
        ({"gen_length": 32}, SamplingConfig(32, 32, 16)),
        ({"gen_length": 32, "block_length": 8}, SamplingConfig(32, 8, 16)),
        ({"steps": 64, "stop": []}, SamplingConfig(steps=64, stop=())),
        ({"method": "wino", "gen_length": 32}, SamplingConfig.method("wino", gen_length=32)),
        ({"method": None, "gen_length": 3}, SamplingConfig(3, 3, 2)),
    ],
    ids=str,
)
def test_they_follow_from_those_that_are_given(given: dict, expected: SamplingConfig):
    assert completed(given) == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"lenght": 3}, "a setting must be method or one of gen_length, .*, got 'lenght'"),
        ({"gen_length": 24, "block_length": 7}, "block_length must divide gen_length, got 7 and 24"),
        ({"gen_length": 0}, "gen_length must be a positive whole number, got 0"),
        ({"block_length": "x"}, "block_length must be a positive whole number"),
        ({"method": "waltz"}, "method must be one of exact"),
        ({"method": ["wino"]}, "method must be one of exact"),
    ],
    ids=str,
)
def test_what_is_no_setting_is_refused(given: dict, words: str):
    with pytest.raises(ValueError, match=words):
        completed(given)

"""What one run may cost."""

import pytest

from lladav import SamplingConfig
from lladav.sampling import METHODS
from lladav.ui.limits import LIMITS, affordable


@pytest.mark.parametrize("method", METHODS)
def test_every_method_may_write_the_longest_answer(method: str):
    config = SamplingConfig.method(method, gen_length=LIMITS.answer)
    assert affordable(config) is config


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"gen_length": LIMITS.answer + 1}, "gen_length must be at most 512 here, got 513"),
        (
            {"block_length": 1, "revision": "remdm", "revision_rounds": 128},
            r"8192 forward passes here, and .* to 16512",
        ),
    ],
)
def test_a_run_beyond_the_bounds_is_refused(settings: dict, sentence: str):
    length = settings.get("gen_length", 64)
    sizes = {"gen_length": length, "block_length": length, "steps": length}
    with pytest.raises(ValueError, match=sentence):
        affordable(SamplingConfig(**sizes | settings))

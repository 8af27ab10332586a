"""Trajectories of the published implementation, reproduced step by step from the messages on."""

import pytest
from helpers import CASES, DIFFERENT, EXACT, REFUSED, assert_published, sampling_config

from lladav.sampling import SamplingStep, sample


@pytest.fixture
def run(golden_model, golden_processor, golden_inputs):
    def run(name: str) -> list[SamplingStep]:
        case = CASES[name]
        inputs = golden_inputs(case["input"])
        return list(sample(golden_model, inputs, sampling_config(case), golden_processor.tokenizer))

    return run


@pytest.mark.parametrize("name", EXACT)
def test_trajectory_is_exact(name: str, run):
    assert_published(name, run(name))


@pytest.mark.parametrize("name", REFUSED)
def test_what_was_refused_is_refused(name: str):
    with pytest.raises(ValueError, match="got"):
        sampling_config(CASES[name])


def test_masks_typed_in_the_prompt_are_left_alone(run):
    steps = run(DIFFERENT)
    assert not steps[-1].mask_index.any()
    assert [int(step.transfer_index.sum()) for step in steps[1:]] == [4] * 8

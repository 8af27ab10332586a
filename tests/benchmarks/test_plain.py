"""The plain loop against the published trajectories and against ours."""

import numpy as np
import pytest
import torch
from helpers import CASES, GOLDEN, sampling_config

from lladav import SamplingConfig, sample
from lladav.benchmarks import plain_loop, random_prompt


@pytest.mark.parametrize("name", ["text_only_g24b8s6_cfg0.0", "text_only_g32b32s5_cfg0.0"])
def test_the_plain_loop_is_the_published_one(name: str, golden_model, golden_inputs):
    with torch.no_grad():
        prompt, _ = golden_model.embed_prompt(**golden_inputs(CASES[name]["input"]))
    steps = np.stack(list(plain_loop(golden_model, prompt, sampling_config(CASES[name]))))
    expected = np.load(GOLDEN / "traj.npz")[f"{name}/x_after"]
    np.testing.assert_array_equal(steps, expected)


@pytest.mark.parametrize(
    "lengths",
    [(32, 32, 32), (32, 8, 12), (16, 16, 1), (16, 8, 40)],
    ids=["one-a-step", "blocks-with-a-remainder", "all-at-once", "more-steps-than-tokens"],
)
def test_exact_mode_is_the_plain_loop(lengths: tuple[int, int, int], tiny):
    gen_length, block_length, steps = lengths
    config = SamplingConfig(gen_length=gen_length, block_length=block_length, steps=steps, stop=())
    prompt = random_prompt(tiny, 60)
    ours = [step.tokens for step in sample(tiny, {"inputs_embeds": prompt}, config)]
    plain = list(plain_loop(tiny, prompt, config))
    assert len(plain) == len(ours) - 1  # ours begins with the canvas
    assert torch.stack(plain).equal(torch.stack(ours[1:]))
    assert len(plain[-1].unique()) > gen_length / 4  # an answer of one word would prove little

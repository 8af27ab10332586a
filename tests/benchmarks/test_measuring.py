"""The modes that are measured, and what a run of one comes to."""

import torch

from lladav import LladaVForMaskedDiffusion, SamplingConfig, sample
from lladav.benchmarks import random_prompt
from lladav.benchmarks.measuring import Mode, Run, choose_threshold, exact_config, make_modes, parallel_modes
from lladav.benchmarks.subjects import Subject


def test_exact_mode_of_a_causal_model_is_plain_generation(tiny):
    causal = LladaVForMaskedDiffusion(type(tiny.config).from_dict(tiny.config.to_dict() | {"is_causal": True})).eval()
    causal.load_state_dict(tiny.state_dict())
    subject = Subject("causal", causal, random_prompt(causal, 40), gen_length=16, is_random=True, load_seconds=0.0)
    config = exact_config(16, 16)
    (plain, exact), others = make_modes(subject, config), parallel_modes(subject, config, 0.9)
    answers = list(plain.steps())
    assert torch.stack(answers).equal(torch.stack(list(exact.steps()))) and len(answers) == 16 and not others
    assert len(answers[-1].unique()) > 4
    assert exact.refresh_interval == 16  # one step in sixteen runs the prompt


def test_an_average_step_is_one_of_a_long_run():
    mode = Mode("refresh-4", lambda: iter(()), refresh_interval=4)
    run = Run(mode, answer=torch.zeros(12), seconds=[[9, 1, 2, 1, 9, 1], [7, 1, 1, 1, 7, 9]])
    assert (run.full, run.cached) == (8, 1)
    assert run.seconds_per_step == (8 + 3 * 1) / 4
    assert run.tokens_per_forward == 2
    assert Run(mode, seconds=[[9]]).seconds_per_step == 9


def test_the_threshold_for_random_weights_commits_about_twice_as_much(subject):
    config = exact_config(gen_length=16, steps=8)
    threshold = choose_threshold(subject, config)
    settings = SamplingConfig(**vars(config) | {"threshold": threshold, "refresh_interval": 32})
    *_, last = sample(subject.model, {"inputs_embeds": subject.prompt}, settings)
    assert 2 <= last.nfe <= 5  # of 8

"""The training loop: stages, checkpoints, averaged weights and rates."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lladav.modeling import LladaVForMaskedDiffusion
from lladav.training import loop
from lladav.training.data import SceneData
from lladav.training.learner import Learner
from lladav.training.loop import MasterAdamW, StageData, Trainer, learning_rate_factor
from lladav.training.recipes import (
    ANSWERS,
    EVERYTHING,
    LANGUAGE,
    TOWER,
    Stage,
    initialize_for_recall,
    tiny_config,
)

STAGES = (
    Stage("tower", "dense", 1, TOWER, scenes=2, questions=1),
    Stage("language", ANSWERS, 3, LANGUAGE, scenes=2, questions=2, max_items=2, pixels=False),
    Stage("tune", ANSWERS, 3, EVERYTHING, scenes=2, questions=2, weights={"compare": 3, "talk": 1}),
)


def trainer(folder: Path, tokenizer, answers: str = "masked") -> Trainer:
    torch.manual_seed(0)
    model = LladaVForMaskedDiffusion(tiny_config(tokenizer))
    initialize_for_recall(model)
    learner = Learner(model, tokenizer).to(torch.bfloat16)
    return Trainer(learner, SceneData(tokenizer, patches=8), folder, answers)


def test_a_stage_asks_what_it_says(tokenizer):
    batches = StageData(SceneData(tokenizer, patches=8), STAGES[-1], "seed")
    assert {kind for step in range(4) for kinds in batches[step].kinds for kind in kinds} == {"compare", "talk"}


def test_an_interrupted_stage_goes_on_as_if_it_had_not_been(tmp_path, tokenizer, monkeypatch):
    whole = trainer(tmp_path / "whole", tokenizer)
    whole.run(STAGES)

    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0)
    broken = trainer(tmp_path / "broken", tokenizer)
    step_of = Trainer._step

    def interrupted(self, learner, stage, step, batch, optimizer):
        if (stage.name, step) == ("tune", 2):
            raise KeyboardInterrupt
        return step_of(self, learner, stage, step, batch, optimizer)

    monkeypatch.setattr(Trainer, "_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        broken.run(STAGES)
    assert not broken.checkpoint(STAGES[-1]).exists()
    monkeypatch.setattr(Trainer, "_step", step_of)
    resumed = trainer(tmp_path / "broken", tokenizer)
    resumed.run(STAGES)
    for (name, ours), theirs in zip(resumed.learner.named_parameters(), whole.learner.parameters(), strict=True):
        assert torch.equal(ours, theirs), name


@pytest.mark.parametrize("answers", ["masked", "autoregressive"])
def test_a_stage_moves_what_it_trains_and_nothing_else(tmp_path, tokenizer, answers):
    subject = trainer(tmp_path, tokenizer, answers)
    before = {name: p.detach().clone() for name, p in subject.learner.named_parameters()}
    subject.run(STAGES, only="language")
    moved = {name for name, p in subject.learner.named_parameters() if not torch.equal(p, before[name])}
    assert moved and all(name.startswith(LANGUAGE) for name in moved)
    assert set(load_file(subject.checkpoint(STAGES[1]))) >= moved
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1]["stage"] == subject.name(STAGES[1]) and 0 < log[-1]["held_out_loss"] < 50


def test_gradients_that_earlier_stages_left_do_not_count(tmp_path, tokenizer):
    weights = []
    for left in (0, 1e6):
        subject = trainer(tmp_path / str(left), tokenizer)
        resting = subject.learner.dense_head.linear.weight
        resting.grad = torch.full_like(resting, left)
        subject.run(STAGES, only="language")
        weights.append(load_file(subject.checkpoint(STAGES[1])))
    assert all(torch.equal(weight, weights[1][name]) for name, weight in weights[0].items())


def test_some_batches_have_one_conversation_a_picture(tokenizer):
    batches = StageData(SceneData(tokenizer, patches=8), replace(STAGES[1], steps=loop.ALONE + 1), "seed")
    sizes = [(len(batches[step].kinds), len(batches[step].kinds[0])) for step in range(loop.ALONE + 1)]
    assert sizes == [(4, 1), *[(2, 2)] * (loop.ALONE - 1), (4, 1)]


def test_a_stage_ends_with_its_averaged_weights(tmp_path, tokenizer, monkeypatch):
    """Those of all steps, not those of the last one."""
    taken = []

    class Spy(MasterAdamW):
        def step(self, closure=None):
            super().step(closure)
            taken.append([master.detach().clone() for master in self.masters])

    monkeypatch.setattr(loop, "MasterAdamW", Spy)
    monkeypatch.setattr(loop, "WARM_UP", 1)
    subject = trainer(tmp_path, tokenizer)
    before = [p.detach().float() for n, p in subject.learner.named_parameters() if n.startswith(LANGUAGE)]
    subject.run((replace(STAGES[1], learning_rate=0.1),))
    average = before
    for steps, masters in enumerate(taken, 1):
        decay = min(loop.EMA_DECAY, (1 + steps) / (10 + steps))
        average = [decay * mean + (1 - decay) * master for mean, master in zip(average, masters, strict=True)]
    ours = [p for n, p in subject.learner.named_parameters() if n.startswith(LANGUAGE)]
    for mean, weight in zip(average, ours, strict=True):
        torch.testing.assert_close(weight.float(), mean, rtol=0.01, atol=1e-4)
    assert any((last - weight.float()).abs().max() > 0.01 for last, weight in zip(taken[-1], ours, strict=True))


def test_the_rate_rises_to_its_peak_and_falls_to_a_tenth():
    stage = Stage("tune", ANSWERS, 1000, EVERYTHING)
    factors = [learning_rate_factor(stage, step) for step in range(stage.steps)]
    assert factors[0] == 1 / loop.WARM_UP and max(factors) == factors[loop.WARM_UP] == 1
    assert factors[-1] == pytest.approx(0.1, abs=1e-4)
    assert factors[loop.WARM_UP :] == sorted(factors[loop.WARM_UP :], reverse=True)
    steady = replace(stage, decay=False)
    assert learning_rate_factor(steady, 999) == 1

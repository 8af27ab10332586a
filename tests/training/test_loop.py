"""The training loop: stages, checkpoints, averaged weights and rates."""

import json
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from lladav.modeling import LladaVForMaskedDiffusion
from lladav.training import loop
from lladav.training.data import SceneData
from lladav.training.learner import Learner
from lladav.training.loop import MasterAdamW, StageData, Trainer, learning_rate_factor
from lladav.training.recipes import (
    ANSWERS,
    EVERYTHING,
    LANGUAGE,
    READING,
    TINY,
    TOWER,
    VISION,
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


@pytest.fixture
def unmeasured(monkeypatch) -> None:
    """Without the figures at the end of a stage, which take longer than the few steps of the stages here."""
    monkeypatch.setattr(Trainer, "held_out", lambda self, stage: {})


def test_a_stage_asks_what_it_says(tokenizer):
    batches = StageData(SceneData(tokenizer, patches=8), STAGES[-1], "seed")
    assert {kind for step in range(4) for kinds in batches[step].kinds for kind in kinds} == {"compare", "talk"}


def test_an_interrupted_stage_goes_on_as_if_it_had_not_been(tmp_path, tokenizer, unmeasured, monkeypatch):
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


def test_gradients_that_earlier_stages_left_do_not_count(tmp_path, tokenizer, unmeasured):
    weights = []
    for left in (0, 1e6):
        subject = trainer(tmp_path / str(left), tokenizer)
        resting = subject.learner.dense_head.linear.weight
        resting.grad = torch.full_like(resting, left)
        subject.run(STAGES, only="language")
        weights.append(load_file(subject.checkpoint(STAGES[1])))
    assert all(torch.equal(weight, weights[1][name]) for name, weight in weights[0].items())


def test_some_batches_have_one_conversation_a_picture(tokenizer):
    data = SceneData(tokenizer, patches=8)
    batches = StageData(data, replace(STAGES[1], steps=loop.ALONE + 1), "seed")
    sizes = [(len(batches[step].kinds), len(batches[step].kinds[0])) for step in range(loop.ALONE + 1)]
    assert sizes == [(4, 1), *[(2, 2)] * (loop.ALONE - 1), (4, 1)]
    one = StageData(data, replace(STAGES[1], questions=1), "seed")[0]
    assert (len(one.kinds), len(one.kinds[0])) == (2, 1)
    assert len(loop.stage_batch(data, STAGES[1], "held-out/0").kinds) == 2


def test_batches_are_drawn_by_run_stage_and_number_and_come_again_in_each_epoch(monkeypatch):
    monkeypatch.setattr(loop, "stage_batch", lambda data, stage, seed, alone: (seed, alone))
    stage = replace(STAGES[1], steps=12, epochs=2)
    drawn = [StageData(None, stage, "run")[step] for step in range(12)]
    assert drawn == 2 * [(f"run/language/{number}", number in (0, 4)) for number in range(6)]


def test_a_stage_ends_with_its_averaged_weights(tmp_path, tokenizer, unmeasured, monkeypatch):
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


def test_the_log_has_the_mean_loss_of_every_few_steps_and_of_the_rest(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr(loop, "LOG_EVERY", 3)
    monkeypatch.setattr(Trainer, "_step", lambda self, learner, stage, step, batch, optimizer: float(10**step))
    subject = trainer(tmp_path, tokenizer)
    monkeypatch.setattr(subject, "held_out", lambda stage: {"held_out_loss": 0.5})
    subject.run((replace(STAGES[1], steps=5),))
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(line["step"], line.get("loss")) for line in log] == [(3, 37.0), (5, 5500.0), (5, None)]
    assert {line["stage"] for line in log} == {"language-masked-5"} and log[-1]["held_out_loss"] == 0.5
    assert [*tmp_path.glob("*.pt")] == []  # what a resumed run needs is gone once the stage is done


def test_a_stage_is_kept_every_two_minutes(tmp_path, tokenizer, unmeasured, monkeypatch):
    """By a clock that goes on a minute each time it is looked at: after a step, and when the stage is kept."""
    clock = SimpleNamespace(monotonic=count(0, loop.CHECKPOINT_SECONDS // 2).__next__, time=lambda: 1.5)
    monkeypatch.setattr(loop, "time", clock)
    kept: list[int] = []
    steps: list[int] = []
    monkeypatch.setattr(
        Trainer, "_step", lambda self, learner, stage, step, batch, optimizer: steps.append(step) or 1.0
    )
    monkeypatch.setattr(loop, "write_at_once", lambda path, save: kept.append(steps[-1]))
    subject = trainer(tmp_path, tokenizer)
    subject.run((replace(STAGES[1], steps=7),))
    assert kept == [2, 5, 6]  # and the weights at the end
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[0])["seconds"] == 1.5


def test_masks_are_others_in_every_step_and_under_every_seed(tmp_path, tokenizer, unmeasured, monkeypatch):
    drawn: list[int] = []
    told: set[tuple[str, bool, str]] = set()
    batches: list[str] = []
    whole = loop.stage_batch

    def asked(self, batch, objective, generator, pixels=True, masking="bound"):
        drawn.append(generator.initial_seed())
        told.add((objective, pixels, masking))
        return self.symbols.center.sum(), {}

    def composed(data, stage, seed, alone):
        batches.append(seed)
        return whole(data, stage, seed, alone)

    monkeypatch.setattr(Learner, "forward", asked)
    monkeypatch.setattr(loop, "stage_batch", composed)
    for seed in (0, 1):
        subject = trainer(tmp_path / str(seed), tokenizer)
        subject.seed = seed
        subject.run((replace(STAGES[1], masking="mixed"),))
    assert told == {("masked", False, "mixed")}
    assert batches == [f"train-{seed}-0/language/{step}" for seed in (0, 1) for step in range(STAGES[1].steps)]
    assert len(set(drawn)) == 2 * STAGES[1].steps == len(drawn)
    assert (drawn[0], drawn[1], drawn[3]) == (0, 1, 1_000_003)


def test_the_tower_learns_at_a_rate_of_its_own_where_it_has_one(tokenizer):
    torch.manual_seed(0)
    learner = Learner(LladaVForMaskedDiffusion(tiny_config(tokenizer)), tokenizer)
    slower = replace(STAGES[2], learning_rate=0.3, vision_learning_rate=0.1)
    tower, rest = loop.parameter_groups(learner, slower)
    assert (tower["lr"], tower["peak"], rest["lr"], rest["peak"]) == (0.1, 0.1, 0.3, 0.3)
    names = {id(parameter): name for name, parameter in learner.named_parameters()}
    assert all(".vision_tower." in names[id(parameter)] for parameter in tower["params"])
    assert not any(".vision_tower." in names[id(parameter)] for parameter in rest["params"])
    assert {group["lr"] for group in loop.parameter_groups(learner, replace(slower, vision_learning_rate=None))} == {
        0.3
    }
    (only,) = loop.parameter_groups(learner, replace(STAGES[1], vision_learning_rate=0.1))
    assert only["lr"] == STAGES[1].learning_rate
    resting = {name for name, parameter in learner.named_parameters() if not parameter.requires_grad}
    assert resting == {name for name in names.values() if not name.startswith(LANGUAGE)}


def test_rates_of_a_step_are_the_peaks_times_the_factor_and_gradients_are_clipped(
    tmp_path, tokenizer, unmeasured, monkeypatch
):
    subject = trainer(tmp_path, tokenizer)
    norms, rates, options = [], [], []
    clip = subject.accelerator.clip_grad_norm_
    monkeypatch.setattr(subject.accelerator, "clip_grad_norm_", lambda p, most: norms.append(most) or clip(p, most))

    class Spy(MasterAdamW):
        def step(self, closure=None):
            rates.append([group["lr"] for group in self.param_groups])
            options.append((self.defaults["betas"], self.defaults["weight_decay"]))
            super().step(closure)

    monkeypatch.setattr(loop, "MasterAdamW", Spy)
    subject.run((replace(STAGES[2], learning_rate=0.6, vision_learning_rate=0.06),))
    assert norms == [1.0, 1.0, 1.0]
    assert set(options) == {((0.9, 0.98), 0.01)}
    assert rates == [[pytest.approx(0.001 * step), pytest.approx(0.01 * step)] for step in (1, 2, 3)]


def test_figures_on_scenes_held_out_are_means_over_batches_of_every_kind(tmp_path, tokenizer, monkeypatch):
    subject = trainer(tmp_path, tokenizer)
    losses, seeds = iter([1.0, 2.0, 6.0]), []
    asked = loop.stage_batch
    monkeypatch.setattr(loop, "stage_batch", lambda data, stage, seed: seeds.append(seed) or asked(data, stage, seed))
    monkeypatch.setattr(Learner, "forward", lambda self, *_: (torch.tensor(next(losses)), {"patches": 0.5}))
    solved = iter([{"name": [True, False]}, {"name": [True], "talk": [False]}, {"name": [False]}])
    monkeypatch.setattr(Learner, "solved", lambda self, *_: next(solved))
    figures = subject.held_out(STAGES[1], batches=3)
    assert figures == {"held_out_loss": 3.0, "patches": 0.5, "name": 0.5, "talk": 0.0}
    assert seeds == ["held-out/0", "held-out/1", "held-out/2"]


def test_a_file_is_what_it_was_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "snapshot.pt"
    path.write_text("before")

    def breaks_off(unfinished: Path) -> None:
        unfinished.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.write_at_once(path, breaks_off)
    assert path.read_text() == "before"
    loop.write_at_once(path, lambda unfinished: unfinished.write_text("after"))
    assert path.read_text() == "after" and [*tmp_path.iterdir()] == [path]


def test_stages_that_runs_share_have_names_without_an_objective(tmp_path, tokenizer):
    subject = trainer(tmp_path, tokenizer, "autoregressive")
    assert [subject.name(stage) for stage in STAGES] == ["tower", "language-autoregressive-3", "tune-autoregressive-3"]
    assert subject.name(replace(STAGES[2], epochs=4)) == "tune-autoregressive-3-x4"
    assert subject.checkpoint(STAGES[0]) == tmp_path / "tower.safetensors"
    assert [subject.objective(stage) for stage in STAGES] == ["dense", "autoregressive", "autoregressive"]


def test_what_goes_on_from_a_model_that_answers_is_not_shared_with_its_twin(tmp_path, tokenizer):
    model, twin = (trainer(tmp_path, tokenizer, answers) for answers in ("masked", "autoregressive"))
    assert model.name(READING[0]) == f"characters-masked-{READING[0].steps}"
    assert not {model.checkpoint(stage) for stage in READING} & {twin.checkpoint(stage) for stage in READING}
    common = [stage.name for stage in TINY if model.checkpoint(stage) == twin.checkpoint(stage)]
    assert common == ["tower", "language-2", "language-6", "align"]


def test_a_stage_that_widens_goes_on_from_how_the_model_sees_when_it_begins(tmp_path, tokenizer, unmeasured):
    subject = trainer(tmp_path, tokenizer)
    stages = (STAGES[0], Stage("characters", "widen", 1, VISION, scenes=2, questions=1, sign_share=1.0))
    subject.run(stages)
    tower, projector = subject.learner.before
    learnt = load_file(subject.checkpoint(stages[0]))
    prefix = "model.model.vision_tower."
    kept = {f"{prefix}{name}": weight for name, weight in tower.named_parameters()}
    assert kept and all(torch.equal(weight, learnt[name]) for name, weight in kept.items())
    ours = subject.learner.model.model.projector.parameters()
    assert any(not torch.equal(now, then) for now, then in zip(ours, projector.parameters(), strict=True))
    assert not [name for name in load_file(subject.checkpoint(stages[1])) if name.startswith("before.")]


def test_a_trainer_learns_masked_diffusion_in_a_folder_of_its_own_unless_told_otherwise(tmp_path, tokenizer):
    folder = tmp_path / "runs" / "first"
    subject = Trainer(nn.Linear(1, 1), SceneData(tokenizer, patches=8), folder)
    assert folder.is_dir() and (subject.answers, subject.seed, subject.workers) == ("masked", 0, 0)
    assert Trainer(nn.Linear(1, 1), SceneData(tokenizer, patches=8), folder).folder == folder

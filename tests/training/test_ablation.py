"""The ablation of maskings: a row for each, from one model."""

from functools import partialmethod
from importlib import import_module
from pathlib import Path

import pytest

from lladav.assets import asset
from lladav.training import ablation
from lladav.training.loop import Trainer
from lladav.training.masking import MASKINGS
from lladav.training.recipes import ANSWERS, EVERYTHING, RECIPES, Stage
from lladav.training.train import TrainingConfig


def test_every_masking_has_a_row(tokenizer, tmp_path: Path, monkeypatch):
    monkeypatch.setitem(RECIPES, "everyday", (Stage("everyday", ANSWERS, 1, EVERYTHING, scenes=4, questions=4),))
    monkeypatch.setattr(import_module("lladav.training.train"), "build_tokenizer", lambda: tokenizer)
    monkeypatch.setattr(Trainer, "held_out", partialmethod(Trainer.held_out, batches=1))
    monkeypatch.setattr(ablation, "MASKINGS", {"mean": MASKINGS["mean"]})
    monkeypatch.setattr(ablation, "SEEDS", (0,))
    monkeypatch.setattr(ablation, "QUESTIONS", 6)
    table = ablation.run_ablation(TrainingConfig(recipe="everyday", begin=asset("lladav-tiny"), output=tmp_path))
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    assert header == ["masking", "own words, seed 0", "everyday, seed 0", "held-out loss, seed 0", "mean of answers"]
    ((name, own, everyday, loss, mean),) = rows
    assert name == "mean" and [path.name for path in tmp_path.iterdir()] == ["mean-0"]
    shares = [float(cell.rstrip("%")) for cell in (own, everyday)]
    assert float(mean.rstrip("%")) == pytest.approx(sum(shares) / 2, abs=0.1)
    assert min(shares) > 25 and 0 < float(loss) < 1  # a step does not undo what the model had learnt


def test_it_needs_a_model_to_begin_with(tmp_path: Path):
    with pytest.raises(ValueError, match="begin must name the model that all maskings start from, got None"):
        ablation.run_ablation(TrainingConfig(output=tmp_path))

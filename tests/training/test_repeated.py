"""What repeated data does: the same batches again, and a figure for every objective, number of epochs and seed."""

import json
from functools import partialmethod
from importlib import import_module
from pathlib import Path

import pytest
import torch
from PIL import Image

from lladav import cli
from lladav.training import repeated
from lladav.training.data import SceneData
from lladav.training.loop import StageData, Trainer
from lladav.training.recipes import ANSWERS, LANGUAGE, RECIPES, Stage
from lladav.training.train import TrainingConfig

SMALL = (
    Stage("look", "autoregressive", 1, LANGUAGE, scenes=1, questions=1, max_items=2, pixels=False),
    Stage("repeated", ANSWERS, 4, LANGUAGE, scenes=1, questions=1, pixels=False),
)


def test_batches_come_again_as_often_as_there_are_epochs(tokenizer):
    (stage,) = (stage for stage in TrainingConfig(recipe="repeated", epochs=64).stages if stage.objective == ANSWERS)
    assert stage.steps == 384 and stage.epochs == 64
    batches = StageData(SceneData(tokenizer, patches=8), stage, "seed")
    first, *others = (batches[step].input_ids for step in (0, 5, 6, 383 - 5))
    assert [torch.equal(first, other) for other in others] == [False, True, True]


def test_what_comes_again_is_told_apart_on_disk():
    once, often = (TrainingConfig(recipe="repeated", epochs=epochs) for epochs in (1, 4))
    assert [config.model_folder.parent.name for config in (once, often)] == ["masked-1", "masked-1-x4"]
    assert [stage.epochs for stage in often.stages] == [1, 4]  # only what is learnt under the objective
    for epochs in (0, 385):
        with pytest.raises(ValueError, match=f"epochs must be at least 1 and at most the 384 .* got {epochs}"):
            TrainingConfig(recipe="repeated", epochs=epochs)


def test_the_study_from_beginning_to_end(tokenizer, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setitem(RECIPES, "repeated", SMALL)
    monkeypatch.setattr(import_module("lladav.training.train"), "build_tokenizer", lambda: tokenizer)
    monkeypatch.setattr(Trainer, "held_out", partialmethod(Trainer.held_out, batches=1))
    monkeypatch.setattr(repeated, "EPOCHS", (1, 4))
    monkeypatch.setattr(repeated, "SEEDS", (0,))
    assert cli.main(["train", "--repeated", "--output", str(tmp_path)]) == 0
    header, _, *rows = capsys.readouterr().out.splitlines()[-4:]
    assert header.startswith("| epochs | masked diffusion, held out |")
    outcomes = json.loads((tmp_path / "repeated.json").read_text())
    assert [(each["objective"], each["epochs"]) for each in outcomes] == [
        ("masked", 1), ("autoregressive", 1), ("masked", 4), ("autoregressive", 4),
    ]  # fmt: skip
    assert len({each["held_out_loss"] for each in outcomes}) == 4
    for epochs, row in zip((1, 4), rows, strict=True):
        mine = [each for each in outcomes if each["epochs"] == epochs]
        values = [f"{each[name]:.3f}" for each in mine for name in ("held_out_loss", "loss")]
        assert [cell.strip() for cell in row.strip("|").split("|")] == [str(epochs), *values]
    assert Image.open(tmp_path / "repeated.png").width > 600

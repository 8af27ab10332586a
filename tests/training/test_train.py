"""`lladav train`: from arguments to a model that answers."""

import json
import re
from importlib import import_module
from pathlib import Path

import pytest
from PIL import Image

from lladav import LladaVPipeline, SamplingConfig, cli
from lladav.training.recipes import ANSWERS, EVERYTHING, LANGUAGE, RECIPES, TOWER, VISION, Stage
from lladav.training.train import TrainingConfig, train

SMALL = (
    Stage("tower", "dense", 2, TOWER, scenes=2, questions=1),
    Stage("language", "autoregressive", 2, LANGUAGE, scenes=2, questions=2, pixels=False, everyday_share=0.5),
    Stage("align", "align", 2, VISION, scenes=2, questions=1),
    Stage("tune", ANSWERS, 2, EVERYTHING, scenes=2, questions=2, masking="mean"),
)


def test_the_config_of_a_run():
    config = TrainingConfig(scale=0.1, share=0.25)
    steps = {stage.name: stage.steps / full.steps for stage, full in zip(config.stages, RECIPES["tiny"], strict=True)}
    parting = [stage.name for stage in config.stages].index("reason")  # from there on a run learns its own way
    assert list(steps.values()) == [0.1] * parting + [0.025] * (len(steps) - parting)
    assert config.model_folder == Path("runs/tiny/masked-1_4/model")
    assert [stage.steps for stage in TrainingConfig(recipe="study", share=0.25).stages[-2:]] == [4000, 500]
    for broken in ({"share": 0}, {"objective": "dense"}, {"recipe": "huge"}, {"stage": "none"}):
        with pytest.raises(ValueError, match=next(iter(broken))):
            TrainingConfig(**broken)


def test_a_recipe_that_is_told_of_can_be_asked_for(capsys):
    root = Path(__file__).parents[2]
    cards = (root / "docs/training.md", *(root / "assets").glob("*/README.md"))
    told = {name for card in cards for name in re.findall(r"--recipe (\w+)", card.read_text(encoding="utf-8"))}
    assert {"study", "signs", "everyday"} <= told <= set(RECIPES)
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    assert f"--recipe {{{','.join(RECIPES)}}}" in capsys.readouterr().out
    for name in RECIPES:
        assert len(TrainingConfig(recipe=name).stages) == len(RECIPES[name])


def test_a_recipe_that_goes_on_from_a_projector_needs_a_trained_model(tmp_path: Path):
    with pytest.raises(ValueError, match=r"begin must be .* for the recipe 'signs', got None"):
        train(TrainingConfig(recipe="signs", output=tmp_path))


@pytest.mark.parametrize("objective", ["masked", "autoregressive"])
def test_a_recipe_from_beginning_to_end(objective: str, tokenizer, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setitem(RECIPES, "tiny", SMALL)
    module = import_module("lladav.training.train")  # a function has its name
    monkeypatch.setattr(module, "build_tokenizer", lambda: tokenizer)  # which takes long, and has tests of its own
    assert cli.main(["train", "--output", str(tmp_path), "--objective", objective]) == 0
    folder = Path(capsys.readouterr().out.splitlines()[-1])
    assert folder == tmp_path / f"{objective}-1" / "model"
    written = {file.name for file in folder.iterdir()}
    assert written >= {"model.safetensors", "tokenizer.json", "capabilities.json", "log.jsonl", "curve.png"}
    stages = {json.loads(line)["stage"] for line in (folder / "log.jsonl").read_text().splitlines()}
    assert stages == {"tower", "language", "align", f"tune-{objective}-2"}
    pipe = LladaVPipeline.from_pretrained(folder, device="cpu")
    assert pipe.model.config.is_causal == (objective == "autoregressive")
    content = [{"type": "image", "image": Image.new("RGB", (64, 64))}, {"type": "text", "text": "What is it?"}]
    reply = pipe([{"role": "user", "content": content}], SamplingConfig(gen_length=4, block_length=4, steps=4))
    assert isinstance(reply.text, str) and reply.nfe <= 4

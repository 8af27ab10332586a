"""Training from beginning to end: what to train, the run itself, and the finished model's folder."""

import json
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import torch
from transformers import PreTrainedTokenizerFast

from lladav.configuration import LladaVConfig
from lladav.modeling import LladaVForMaskedDiffusion
from lladav.processing import LladaVProcessor
from lladav.training.capabilities import write_capabilities
from lladav.training.data import SceneData
from lladav.training.learner import Learner
from lladav.training.loop import Trainer
from lladav.training.masking import MASKINGS
from lladav.training.recipes import RECIPES, Stage, again, initialize_for_recall, take_over, tiny_config
from lladav.training.report import plot_log
from lladav.training.vocabulary import build_tokenizer

OBJECTIVES = ("masked", "autoregressive")


@dataclass(frozen=True)
class TrainingConfig:
    """What to train and where.

    Attributes:
        recipe: A key of RECIPES.
        objective: Of the answers: "masked" makes a LLaDA-V, "autoregressive" its causal twin.
        output: Takes checkpoints, the log and, in `model_folder`, the finished model. Run again, training goes on from
            there; another objective or share begins where all runs have the same past.
        masking: Of the answers, in place of the stages' own: a key of MASKINGS, or None.
        begin: A trained model to begin with, in place of random weights; its words are moved to the vocabulary.
        stage: Only this stage, to train stages that do not build on each other side by side; None for all.
        scale: Multiplies every stage's steps.
        share: Of the conversations: multiplies the steps of the stages under `objective`.
        epochs: How often these stages see their conversations; of those there are as many times fewer.
        seed: Of weights, data and masks.
        threads: Of torch on the CPU.
        workers: Processes that draw pictures; 0 draws them between steps.
        compile: Whether to fuse kernels with torch.compile, which on the CPU needs a C++ compiler.
    """

    recipe: str = "tiny"
    objective: str = "masked"
    output: Path = Path("runs/tiny")
    masking: str | None = None
    begin: Path | None = None
    stage: str | None = None
    scale: float = 1.0
    share: float = 1.0
    epochs: int = 1
    seed: int = 0
    threads: int = 1
    workers: int = 0
    compile: bool = False

    def __post_init__(self):
        if self.recipe not in RECIPES:
            raise ValueError(f"recipe must be one of {', '.join(RECIPES)}, got {self.recipe!r}")
        names = [stage.name for stage in RECIPES[self.recipe]]
        if self.stage not in (None, *names):
            raise ValueError(f"stage must be one of {', '.join(names)}, got {self.stage!r}")
        if self.objective not in OBJECTIVES:
            raise ValueError(f"objective must be one of {', '.join(OBJECTIVES)}, got {self.objective!r}")
        if self.masking not in (None, *MASKINGS):
            raise ValueError(f"masking must be one of {', '.join(MASKINGS)}, got {self.masking!r}")
        for name in ("scale", "share"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")
        fewest = min(stage.steps for stage in self.stages if stage.from_share)
        if not 1 <= self.epochs <= fewest:
            raise ValueError(f"epochs must be at least 1 and at most the {fewest} steps of a stage, got {self.epochs}")

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The recipe's stages at this scale, share and number of epochs, and with this masking."""

        def steps(stage: Stage) -> int:
            return max(1, round(stage.steps * self.scale * (self.share if stage.from_share else 1)))

        return tuple(
            replace(
                stage,
                steps=steps(stage),
                masking=self.masking or stage.masking,
                epochs=self.epochs if stage.from_share else 1,
            )
            for stage in RECIPES[self.recipe]
        )

    @property
    def model_folder(self) -> Path:
        """Where the finished model goes: `masked-1/model`, or `autoregressive-1_4/model` for a quarter of the data;
        `masked-1-x16/model` for a sixteenth of it, seen sixteen times."""
        share = str(Fraction(self.share).limit_denominator(1000)).replace("/", "_")
        return self.output / f"{self.objective}-{share}{again(self.epochs)}" / "model"


def train(config: TrainingConfig) -> Path:
    """Train, and return the folder of the finished model (or of its parts, if only one stage was asked for).

    Raises:
        ValueError: the recipe goes on from a trained model's projector, and there is none to begin with.
    """
    if config.begin is None and any(stage.objective == "widen" for stage in config.stages):
        raise ValueError(f"begin must be the folder of a trained model for the recipe {config.recipe!r}, got None")
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    tokenizer = build_tokenizer()
    learner = build_learner(config, tokenizer)
    vision = learner.model.config.vision_config
    data = SceneData(tokenizer, vision.image_size // vision.patch_size, vision.image_size)
    trainer = Trainer(learner, data, config.output, config.objective, config.seed, config.workers)
    trainer.run(config.stages, config.stage)
    if config.stage:
        return config.output
    if trainer.accelerator.is_main_process:
        save_model(learner.model, tokenizer, config.model_folder)
        own = {trainer.name(stage) for stage in config.stages}
        copy_log(config.output / "log.jsonl", config.model_folder, own)
    return config.model_folder


def build_learner(config: TrainingConfig, tokenizer: PreTrainedTokenizerFast) -> Learner:
    """Build the model that training begins with, and its helpers, in bfloat16."""
    model = LladaVForMaskedDiffusion(tiny_config(tokenizer, is_causal=config.objective == "autoregressive"))
    if config.begin:
        take_over(model, tokenizer, config.begin)
    else:
        initialize_for_recall(model)
    learner = Learner(model, tokenizer).to(torch.bfloat16)
    if config.compile:
        learner.compile_blocks()
    return learner


def save_model(model: LladaVForMaskedDiffusion, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the finished model, and beside it what it can do, for the page."""
    config = cast(LladaVConfig, model.config)
    vision = config.vision_config
    model.save_pretrained(folder)
    LladaVProcessor(
        tokenizer,
        image_aspect_ratio=config.image_aspect_ratio,
        image_size=vision.image_size,
        patch_size=vision.patch_size,
    ).save_pretrained(folder)
    write_capabilities(folder)


def copy_log(log: Path, folder: Path, stages: set[str]) -> None:
    """Write the lines of these stages, and their curve, beside the finished model."""
    lines = log.read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "log.jsonl").write_text("".join(line for line in lines if json.loads(line)["stage"] in stages))
    plot_log(folder / "log.jsonl", folder / "curve.png")

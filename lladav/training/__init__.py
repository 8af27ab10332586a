"""Training: `lladav train` makes the embedded default out of nothing but seeds and the artwork in assets."""

import argparse
import json
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

import torch

from lladav.modeling import LladaVForMaskedDiffusion
from lladav.processing import LladaVProcessor
from lladav.training.capabilities import write_capabilities
from lladav.training.data import SceneData
from lladav.training.learner import Learner
from lladav.training.loop import Trainer
from lladav.training.objective import forward_process, masked_diffusion_loss
from lladav.training.recipes import ANSWERS, RECIPES, Stage, initialize_for_recall, take_over, tiny_config
from lladav.training.report import plot_log
from lladav.training.vocabulary import build_tokenizer

__all__ = ["TrainingConfig", "forward_process", "masked_diffusion_loss", "train"]


OBJECTIVES = ("masked", "autoregressive")


@dataclass(frozen=True)
class TrainingConfig:
    """What to train and where.

    Attributes:
        recipe: A key of RECIPES.
        objective: Of the answers: "masked" makes a LLaDA-V, "autoregressive" its causal twin.
        output: Takes checkpoints, the log and, in `model_folder`, the finished model. Run again, training goes on from
            there; another objective or share begins where all runs have the same past.
        begin: A trained model to begin with, in place of random weights; its words are moved to the vocabulary.
        stage: Only this stage, to train stages that do not build on each other side by side; None for all.
        scale: Multiplies every stage's steps.
        share: Of the conversations: multiplies the steps of the stages under `objective`.
        seed: Of weights, data and masks.
        threads: Of torch on the CPU.
        workers: Processes that draw pictures; 0 draws them between steps.
        compile: Whether to fuse kernels with torch.compile, which on the CPU needs a C++ compiler.
    """

    recipe: str = "tiny"
    objective: str = "masked"
    output: Path = Path("runs/tiny")
    begin: Path | None = None
    stage: str | None = None
    scale: float = 1.0
    share: float = 1.0
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
        for name in ("scale", "share"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The recipe's stages at this scale and share."""

        def steps(stage: Stage) -> int:
            partly = stage.objective == ANSWERS and not stage.whole
            return max(1, round(stage.steps * self.scale * (self.share if partly else 1)))

        return tuple(replace(stage, steps=steps(stage)) for stage in RECIPES[self.recipe])

    @property
    def model_folder(self) -> Path:
        """Where the finished model goes: `masked-1/model`, or `autoregressive-1_4/model` for a quarter of the data."""
        share = str(Fraction(self.share).limit_denominator(1000)).replace("/", "_")
        return self.output / f"{self.objective}-{share}" / "model"


def train(config: TrainingConfig) -> Path:
    """Trains, and returns the folder of the finished model (or of its parts, if only one stage was asked for)."""
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    tokenizer = build_tokenizer()
    model = LladaVForMaskedDiffusion(tiny_config(tokenizer, is_causal=config.objective == "autoregressive"))
    if config.begin:
        take_over(model, tokenizer, config.begin)
    else:
        initialize_for_recall(model)
    learner = Learner(model, tokenizer).to(torch.bfloat16)
    if config.compile:
        learner.compile_blocks()
    vision = model.config.vision_config
    data = SceneData(tokenizer, vision.image_size // vision.patch_size, vision.image_size)
    trainer = Trainer(learner, data, config.output, config.objective, config.seed, config.workers)
    trainer.run(config.stages, config.stage)
    if config.stage:
        return config.output
    folder = config.model_folder
    if not trainer.accelerator.is_main_process:
        return folder
    processor = LladaVProcessor(
        tokenizer,
        image_aspect_ratio=model.config.image_aspect_ratio,
        image_size=vision.image_size,
        patch_size=vision.patch_size,
    )
    export(learner.model, processor, folder)
    own = {trainer.name(stage) for stage in config.stages}
    lines = (config.output / "log.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "log.jsonl").write_text("".join(line for line in lines if json.loads(line)["stage"] in own))
    plot_log(folder / "log.jsonl", folder / "curve.png")
    return folder


def export(model: LladaVForMaskedDiffusion, processor: LladaVProcessor, folder: Path) -> None:
    """Writes the finished model, and beside it what it can do, for the page."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    write_capabilities(folder)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `lladav train`, which are those of TrainingConfig."""
    defaults = asdict(TrainingConfig())
    parser.add_argument("--recipe", choices=list(RECIPES), default=defaults["recipe"])
    parser.add_argument("--objective", choices=OBJECTIVES, default=defaults["objective"], help="of the answers")
    parser.add_argument("--output", type=Path, default=defaults["output"], help="folder of checkpoints, log and model")
    parser.add_argument("--begin", type=Path, metavar="PATH", help="a trained model to begin with (default: at random)")
    parser.add_argument("--stage", default=None, help="train only this stage of the recipe")
    parser.add_argument("--scale", type=float, default=defaults["scale"], help="multiplies the steps of every stage")
    parser.add_argument("--share", type=float, default=defaults["share"], help="of the conversations to learn from")
    parser.add_argument("--seed", type=int, default=defaults["seed"])
    parser.add_argument("--threads", type=int, default=defaults["threads"])
    parser.add_argument("--workers", type=int, default=defaults["workers"], help="processes that draw pictures")
    parser.add_argument("--compile", action="store_true", help="fuse kernels with torch.compile (needs a C++ compiler)")


def main(args: argparse.Namespace) -> int:
    """Runs `lladav train`."""
    fields = TrainingConfig.__dataclass_fields__
    print(train(TrainingConfig(**{name: getattr(args, name) for name in fields})))
    return 0

"""`lladav train`."""

import argparse
from dataclasses import asdict, fields, replace
from pathlib import Path

from lladav.training.masking import MASKINGS
from lladav.training.recipes import RECIPES
from lladav.training.train import OBJECTIVES, TrainingConfig, train


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `lladav train`, which are those of TrainingConfig."""
    defaults = asdict(TrainingConfig())
    parser.add_argument("--recipe", choices=list(RECIPES), default=defaults["recipe"])
    parser.add_argument("--objective", choices=OBJECTIVES, default=defaults["objective"], help="of the answers")
    parser.add_argument("--output", type=Path, default=defaults["output"], help="folder of checkpoints, log and model")
    parser.add_argument("--masking", choices=list(MASKINGS), help="of the answers, in place of the recipe's own")
    parser.add_argument("--begin", type=Path, metavar="PATH", help="a trained model to begin with (default: at random)")
    parser.add_argument("--stage", default=None, help="train only this stage of the recipe")
    parser.add_argument("--scale", type=float, default=defaults["scale"], help="multiplies the steps of every stage")
    parser.add_argument("--share", type=float, default=defaults["share"], help="of the conversations to learn from")
    parser.add_argument("--epochs", type=int, default=defaults["epochs"], help="how often these conversations are seen")
    parser.add_argument("--seed", type=int, default=defaults["seed"])
    parser.add_argument("--threads", type=int, default=defaults["threads"])
    parser.add_argument("--workers", type=int, default=defaults["workers"], help="processes that draw pictures")
    parser.add_argument("--ablation", action="store_true", help="instead: every masking, from one model, on two seeds")
    parser.add_argument("--repeated", action="store_true", help="instead: both objectives on data that comes again")
    parser.add_argument("--compile", action="store_true", help="fuse kernels with torch.compile (needs a C++ compiler)")


def run(args: argparse.Namespace) -> int:
    """Run `lladav train`."""
    config = TrainingConfig(**{field.name: getattr(args, field.name) for field in fields(TrainingConfig)})
    if args.ablation:
        from lladav.training.ablation import run_ablation  # and with it what asks a model

        print(run_ablation(config))
    elif args.repeated:
        from lladav.training.repeated import run_repeated

        print(run_repeated(replace(config, recipe="repeated")))
    else:
        print(train(config))
    return 0

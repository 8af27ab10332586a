"""`lladav evaluate`: measure a model's accuracy."""

import argparse

from lladav.cli.checks import check_output, need
from lladav.evaluation import add_arguments, evaluate

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    """Run `lladav evaluate`."""
    for name in ("plot", "save"):
        check_output(name, getattr(args, name))
    if args.plot:
        need("matplotlib", "--plot")
    return evaluate(args)

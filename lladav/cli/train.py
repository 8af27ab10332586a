"""`lladav train`: train a model."""

import argparse

from lladav.training import add_arguments, main

__all__ = ["add_arguments", "run"]


def run(args: argparse.Namespace) -> int:
    """Run `lladav train`."""
    return main(args)

"""`lladav app`: serve the page."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `lladav app`."""
    parser.add_argument("--model", help="directory or hub id (default: LLADAV_MODEL, or what suits the machine)")


def main(args: argparse.Namespace) -> int:
    """Run `lladav app`."""
    from lladav.pipeline import LladaVPipeline, default_model  # these two take seconds
    from lladav.ui.app import build_app, launch

    launch(build_app(LladaVPipeline.from_pretrained(args.model or default_model())))
    return 0

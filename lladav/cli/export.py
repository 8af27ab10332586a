"""`lladav export`: a trace as a film, a picture, a page or data."""

import argparse

from tqdm import tqdm

from lladav.cli.checks import check_output
from lladav.render import EXPORT_FORMATS, export
from lladav.trace import Trace


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `lladav export`."""
    parser.add_argument("trace", help="what `lladav sample --trace` or the page wrote")
    parser.add_argument("output", help=f"the file to write; its ending says what it is: {', '.join(EXPORT_FORMATS)}")


def run(args: argparse.Namespace) -> int:
    """Run `lladav export`."""
    check_output("output", args.output)
    trace = Trace.load(args.trace)
    with tqdm(desc=args.output, unit="frame", leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        export(trace, args.output, progress=show)
    return 0

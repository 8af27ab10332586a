"""`lladav load`: many visitors at once, each answer compared with what one gets alone."""

import argparse
import json
from contextlib import nullcontext

from lladav.cli.checks import check_output, need
from lladav.evaluation.tables import markdown_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `lladav load`."""
    parser.add_argument("--model", help="of the page that is served for this (default: as the demo chooses)")
    parser.add_argument("--url", help="of a page that is served already, whose memory is then not measured")
    parser.add_argument("--clients", type=int, default=64, metavar="N", help="visitors at once")
    parser.add_argument("--seconds", type=float, default=300, metavar="S", help="for how long they ask")
    parser.add_argument("--plot", metavar="PATH", help="draw the server's memory and the latencies")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")


def run(args: argparse.Namespace) -> int:
    """Run `lladav load`; 1 where an answer hung or was wrong."""
    if args.clients < 1:
        raise ValueError(f"clients must be at least 1, got {args.clients}")
    if not 0 < args.seconds < float("inf"):
        raise ValueError(f"seconds must be a positive number, got {args.seconds}")
    if args.url and args.model:
        raise ValueError("model must be left out where url names a page, which has one")
    check_output("plot", args.plot)
    if args.plot:
        need("matplotlib", "--plot")
    from tqdm import tqdm

    from lladav.benchmarks.load import load
    from lladav.benchmarks.load_plot import plot
    from lladav.benchmarks.page_process import page_process

    page = nullcontext((args.url, None)) if args.url else page_process(args.model)
    with page as (url, process), tqdm(total=round(args.seconds), unit="s") as bar:
        outcome = load(url, args.clients, args.seconds, process, lambda passed: bar.update(round(passed) - bar.n))
    figures = outcome.figures()
    print(markdown_table(["figure", "value"], [[name, _shown(value)] for name, value in figures.items()]))
    for sentence in sorted(outcome.sentences):
        print(f"refused with: {sentence}")
    if args.plot:
        plot(outcome, args.plot)
    if args.json:
        print(json.dumps(figures))
    return 1 if outcome.hung or outcome.wrong else 0


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:g}"

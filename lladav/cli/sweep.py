"""`lladav sweep`: the same questions under every combination of a few settings."""

import argparse
import json
from pathlib import Path

from lladav.cli.checks import check_output, need

TABLES = ("table.csv", "table.json")
PLOT = "table.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `lladav sweep`."""
    parser.add_argument("sweep", help="what to ask under what, in YAML: see docs/explore.md")
    parser.add_argument(
        "--folder", type=Path, metavar="PATH", help="of the results (default: in runs, by the file's name)"
    )
    parser.add_argument("--model", help="directory or hub id (default: the file's, or else the demo's)")
    parser.add_argument("--plot", action="store_true", help="also draw the results, into the folder")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")


def run(args: argparse.Namespace) -> int:
    """Run `lladav sweep`; one that was interrupted goes on where it was."""
    from lladav.evaluation.methods_study import run_with_a_bar  # these take seconds
    from lladav.evaluation.results import in_markdown, save_table, sweep_table
    from lladav.evaluation.sweep import Sweep, SweepRun
    from lladav.pipeline import LladaVPipeline, default_model

    if args.plot:
        need("matplotlib", "--plot")
    path = Path(args.sweep)
    sweep = Sweep.read(path.read_text(encoding="utf-8"), str(path), path.parent)
    folder = args.folder or Path("runs") / path.stem
    pipe = LladaVPipeline.from_pretrained(args.model or sweep.model or default_model())
    sweeping = SweepRun(pipe, sweep, folder)
    check_output("folder", folder / TABLES[0])
    try:
        run_with_a_bar(sweeping, path.name)
    except KeyboardInterrupt:
        print(f"\nstopped: the same command goes on, with what is in {folder}")
        raise
    table = sweep_table(sweeping)
    for name in TABLES:
        save_table(table, folder / name)
    if args.plot:
        from lladav.evaluation.frontier import plot_sweep

        plot_sweep(sweeping, folder / PLOT)
    print(in_markdown(table), ", ".join(f"{name} {value}" for name, value in table.attrs.items()), sep="\n\n")
    if args.json:
        print(json.dumps({"about": table.attrs, "rows": json.loads(table.to_json(orient="records"))}))
    return 0

"""The command line: `lladav sample | app | export | train | evaluate | bench`."""

import argparse
import importlib
import sys
from collections.abc import Sequence

COMMANDS = {  # command -> the module whose add_arguments(parser) and main(args) it is
    "sample": ("lladav.cli.sample", "answer a question about a picture"),
    "app": ("lladav.cli.app", "serve the page"),
    "export": ("lladav.cli.export", "make a film, a picture or a page of a trace"),
    "train": ("lladav.training", "train a model"),
    "evaluate": ("lladav.evaluation", "measure a model's accuracy"),
    "bench": ("lladav.benchmarks", "measure a model's speed"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; 2 and a sentence on stderr for arguments that cannot be honoured."""
    argv = sys.argv[1:] if argv is None else argv
    args = build_parser(argv[0] if argv else None).parse_args(argv)
    try:
        return args.run(args)
    except (ValueError, OSError) as error:
        print(f"lladav: {_sentence(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _sentence(error: Exception) -> str:
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"no such file: {error.filename}"
    return " ".join(str(error).split())


def build_parser(command: str | None) -> argparse.ArgumentParser:
    """The parser; the module behind a command is imported only if it is the one to run, since most take seconds."""
    parser = argparse.ArgumentParser(
        prog="lladav",
        description="Talk to a picture with LLaDA-V, and watch its answer come out of the masks.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (module_name, summary) in COMMANDS.items():
        subparser = commands.add_parser(name, help=summary)
        if name == command:
            module = importlib.import_module(module_name)
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.main)
    return parser

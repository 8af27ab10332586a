"""The command line: `lladav sample | app | export | train | evaluate | sweep | bench | load`, a module each.

A command's module has `add_arguments(parser)` and `run(args)`, which returns the exit code.
"""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from lladav.cli.checks import EXTRAS, missing_extra, refuse_undecodable

COMMANDS = {
    "sample": "answer a question about a picture",
    "app": "serve the page",
    "export": "make a film, a picture or a page of a trace",
    "train": "train a model",
    "evaluate": "measure a model's accuracy",
    "sweep": "measure a model under combinations of settings",
    "bench": "measure a model's speed",
    "load": "measure the page under many visitors",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; 2 and a sentence on stderr for arguments that cannot be honoured."""
    argv = sys.argv[1:] if argv is None else argv
    survive_narrow_encodings()
    try:
        refuse_undecodable(argv)
        args = build_parser(argv[0] if argv else None).parse_args(argv)
        return args.run(args)
    except BrokenPipeError:  # whoever read the output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is flushed at the end
        return 141
    except (ValueError, OSError) as error:
        return _refuse(error_sentence(error))
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in EXTRAS:
            raise
        return _refuse(missing_extra(f"lladav {argv[0]}", package))
    except KeyboardInterrupt:
        return 130


def survive_narrow_encodings() -> None:
    """Let stdout and stderr show a question mark for what their encoding lacks, as cp1252 lacks the sign of a mask."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def error_sentence(error: Exception) -> str:
    """What an error says, in one line."""
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"no such file: {error.filename}"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def build_parser(command: str | None) -> argparse.ArgumentParser:
    """The parser; the module behind a command is imported only if it is the one to run, since most take seconds."""
    parser = argparse.ArgumentParser(
        prog="lladav",
        description="Talk to a picture with LLaDA-V, and watch its answer come out of the masks.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        subparser = commands.add_parser(name, help=summary)
        if name == command:
            module = importlib.import_module(f"lladav.cli.{name}")
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    return parser


def _refuse(message: str) -> int:
    print(f"lladav: {message}", file=sys.stderr)
    return 2

"""What commands refuse before anything slow begins, each in a sentence."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

EXTRAS = {
    "accelerate": "train",
    "tqdm": "train",
    "matplotlib": "train",
    "bitsandbytes": "quantized",
    "mcp": "mcp",
}  # package: extra


def refuse_undecodable(argv: Sequence[str]) -> None:
    """Refuse arguments that are not text.

    Raises:
        ValueError: the bytes of one of them are not UTF-8.
    """
    for number, argument in enumerate(argv, start=1):
        try:
            argument.encode("utf-8")
        except UnicodeEncodeError as error:
            shown = argument.encode("utf-8", "backslashreplace").decode()
            raise ValueError(
                f"argument {number} must be UTF-8, got {shown}: set the terminal to UTF-8, or rename the file"
            ) from error


def check_output(name: str, path: str | Path | None) -> None:
    """Refuse a file that could not be written, before there is anything to write; None is no file.

    Raises:
        ValueError: `path` is a folder, or its folder is missing, or one of them is not ours to write.
    """
    if path is None:
        return
    target = Path(path)
    if target.is_dir():
        raise ValueError(f"{name} must be a file, got the folder {target}: add a file name")
    if not target.parent.is_dir():
        raise ValueError(f"{name} must lie in a folder that exists, got {target}: make {target.parent} first")
    if not os.access(target if target.exists() else target.parent, os.W_OK):
        raise ValueError(f"{name} must be writable, got {target}: choose another place, or change its permissions")


def need(package: str, purpose: str) -> None:
    """Refuse what needs a package that is not installed.

    Raises:
        ValueError: it is not. The sentence names the extra that brings it.
    """
    if find_spec(package) is None:
        raise ValueError(missing_extra(purpose, package))


def missing_extra(purpose: str, package: str) -> str:
    """The sentence about a package of `EXTRAS` that is not installed."""
    return f'{purpose} needs {package}, which is not installed: pip install "lladav[{EXTRAS[package]}]"'

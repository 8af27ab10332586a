"""The example pictures that come with the package, and the runs that were recorded about them."""

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from lladav.assets import asset
from lladav.trace import Trace
from lladav.ui.texts import TEXTS


@dataclass(frozen=True)
class ExampleQuestion:
    """A picture, as the path of a file, and a question about it."""

    image: str
    question: str


@dataclass(frozen=True)
class RecordedRun:
    """A run that was recorded earlier with the shipped weights.

    Attributes:
        name: of its file.
        trace: the run.
        image: the file of the picture that it is about.
    """

    name: str
    trace: Trace
    image: str


def examples() -> list[ExampleQuestion]:
    """The examples, in the order in which they are offered."""
    folder = asset("examples")
    entries = json.loads((folder / "examples.json").read_text(encoding="utf-8"))
    return [ExampleQuestion(str(folder / entry["image"]), entry["question"]) for entry in entries]


def contrast() -> ExampleQuestion:
    """The example whose answers differ when four tokens are committed at once."""
    return ExampleQuestion(str(asset("examples") / "fruit.png"), "Describe the picture in detail.")


def recorded_runs() -> dict[str, RecordedRun]:
    """The recorded runs by name, in the order in which they are shown."""
    folder, pictures = asset("traces"), asset("examples")
    entries = json.loads((folder / "runs.json").read_text(encoding="utf-8"))
    return {
        name: RecordedRun(name, Trace.load(folder / f"{name}.json"), str(pictures / f"{entry['picture']}.png"))
        for name, entry in entries.items()
    }


def address(image: str) -> str:
    """Where a page finds a picture: one of the examples, or one that was uploaded."""
    return f"gradio_api/file={quote(image)}"


def folders() -> list[Path]:
    """The folders whose files the page may ask for by their paths: pictures, and what the lessons show and say."""
    return [asset("examples"), asset("lessons"), TEXTS]

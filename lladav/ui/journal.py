"""What the operator may know of runs: phases, counts and durations, and never what was asked or answered."""

import json
import logging
import os
import platform
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version

import gradio as gr
from starlette.requests import Request
from starlette.responses import JSONResponse

from lladav.benchmarks.load import resident_megabytes
from lladav.pipeline import Prompt
from lladav.sampling import SamplingConfig
from lladav.ui.guard import queue_lengths

PACKAGES = ("lladav", "gradio", "spaces", "torch", "transformers")
LEFT = "left"  # how a run ended that was stopped, or whose visitor went away
KEPT = 100  # runs that are remembered

log = logging.getLogger(__name__)


@dataclass
class RunEntry:
    """A run in figures.

    Attributes:
        kind: what asked for it: "chat", as which an answer of a sweep that is looked at counts, too, "compare" or
            "program". Sweeps, lessons, tries of a blank's length and looks at attention have no entry.
        prompt_tokens: positions of the prompt, pictures included.
        gen_length, steps: the settings.
        started: seconds since the epoch.
        first_seconds: until the first state, with the wait for a GPU and the reading of the prompt; None without one.
        seconds: until the end.
        states: that came, the canvas of masks first.
        nfe: forward passes.
        finish: "stop", "length", "left", or the class of the error that ended it.
    """

    kind: str
    prompt_tokens: int
    gen_length: int
    steps: int
    started: float = field(default_factory=lambda: round(time.time(), 3))
    first_seconds: float | None = None
    seconds: float = 0.0
    states: int = 0
    nfe: int = 0
    finish: str = LEFT

    def see(self, nfe: int, finish_reason: str | None) -> None:
        """Take note of the next state of the run."""
        self.states, self.nfe, self.finish = self.states + 1, nfe, finish_reason or LEFT
        self.first_seconds = self.passed if self.first_seconds is None else self.first_seconds

    @property
    def passed(self) -> float:
        """Seconds since the run was asked for."""
        return round(time.time() - self.started, 3)


class Journal:
    """The last runs of this process that have an entry, each of them also a line of JSON in the log, at level INFO."""

    def __init__(self) -> None:
        self.runs: deque[RunEntry] = deque(maxlen=KEPT)

    @contextmanager
    def run(self, kind: str, prompt: Prompt, config: SamplingConfig) -> Iterator[RunEntry]:
        """An entry for a run that begins, written when it has ended, in whatever way."""
        entry = RunEntry(kind, prompt.length, config.gen_length, config.steps)
        try:
            yield entry
        except Exception as error:
            entry.finish = type(error).__name__
            raise
        finally:
            entry.seconds = entry.passed
            self.runs.append(entry)
            log.info(json.dumps(asdict(entry)))


JOURNAL = Journal()


def write_to_stderr() -> None:
    """Let the lines of the journal appear, whatever else is logged."""
    log.addHandler(logging.StreamHandler())
    log.setLevel(logging.INFO)
    log.propagate = False


def overview(demo: gr.Blocks) -> Callable[[Request], Awaitable[JSONResponse]]:
    """What answers `/debug`: the last runs, the queue, memory and versions."""

    async def answer(_: Request) -> JSONResponse:
        return JSONResponse(
            {
                "runs": [asdict(entry) for entry in JOURNAL.runs],
                "queue": queue_lengths(demo),
                "megabytes": resident_megabytes(os.getpid()),
                "versions": {"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
            }
        )

    return answer

"""The token canvas: a component that paints one decoding run, and the record that feeds it.

The component's template never changes and holds no data; a script in the browser paints the record with text nodes,
keeps its history, paces it and lets people scrub. Every update carries the whole record so far, so an update that the
page skips loses nothing; gradio sends only what was appended.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from lladav.sampling import SamplingConfig, SamplingStep
from lladav.trace import PROBABILITY_UNIT, TraceStep, trace_step

STATIC = Path(__file__).parent / "static"
NO_ENDING = {"text": None, "finish": None}
BELIEF_TOLERANCE = 1  # alternatives are sent again once one of them has moved by more percentage points than this
MOST_BELIEFS = 64  # positions whose alternatives an update carries at most; beyond that those that moved most

Belief = list[tuple[int, int]]  # token id and percent of the alternatives for a position, best first


def token_canvas(value: dict[str, Any], **options: Any) -> gr.HTML:
    """A component that paints the value of a `CanvasRecord`; it triggers `done` when a run was shown to its end.

    It is not a class of its own because gradio writes a stub file beside the source of every class of components.
    """
    return gr.HTML(
        value,
        html_template=(STATIC / "canvas.html").read_text(encoding="utf-8"),
        js_on_load=(STATIC / "canvas.js").read_text(encoding="utf-8")
        + (STATIC / "mount.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        **options,
    )


def idle_value(length: int) -> dict[str, Any]:
    """What the canvas shows before the first run: `length` masks."""
    settings = {"run": f"idle-{length}", "length": length, "block": length, "steps": 0, "seed": None}
    return settings | {"pieces": [], "log": [], "text": None, "finish": "idle"}


@dataclass(frozen=True)
class Frame:
    """A step in plain values, cheap to hand from one process to another.

    Attributes:
        changed: what the step changed; None for the canvas of masks.
        nfe: forward passes so far.
        stop_position: where a stop string begins, or None.
        seconds: since the run began.
        text: the answer as it stands.
        finish: "stop" or "length" in the last step.
    """

    changed: TraceStep | None
    nfe: int
    stop_position: int | None
    seconds: float
    text: str
    finish: str | None

    @classmethod
    def of(cls, before: SamplingStep | None, step: SamplingStep, seconds: float, text: str) -> "Frame":
        """The frame of `step`, which follows `before`."""
        changed = None if before is None else trace_step(before, step)
        return cls(changed, step.nfe, step.stop_position, seconds, text, step.finish_reason)


class CanvasRecord:
    """The record of one run in the form the browser reads (see static/canvas.js), grown step by step.

    Args:
        run: a name no other run of the page has.
        config: the settings of the run.
        spell: gives the printable pieces of a list of token ids.
        special: ids of the tokens that are no text.
    """

    def __init__(self, run: str, config: SamplingConfig, spell: Callable[[list[int]], list[str]], special: set[int]):
        self._spell = spell
        self._special = special
        self._index: dict[int, int] = {}
        self._beliefs: dict[int, Belief] = {}
        self._settings = {
            "run": run,
            "length": config.gen_length,
            "block": config.block_length,
            "steps": config.steps,
            "seed": config.seed,
        }
        self._pieces: list[str] = []
        self._log: list[str] = []

    def add(self, frame: Frame) -> None:
        """Append a step, the canvas of masks first."""
        commits = self._commits(frame.changed) if frame.changed else []
        beliefs = self._changed_beliefs(frame.changed) if frame.changed else []
        block = frame.changed.block if frame.changed else 0
        line = [len(self._log), frame.nfe, round(frame.seconds * 1000, 1), block, frame.stop_position, commits, beliefs]
        self._log.append(json.dumps(line, separators=(",", ":")))

    def value(self, frame: Frame | None = None) -> dict[str, Any]:
        """The record so far. The answer's text is sent once, with the last frame of the run."""
        ending = {"text": frame.text, "finish": frame.finish} if frame and frame.finish else NO_ENDING
        return self._settings | {"pieces": [*self._pieces], "log": [*self._log]} | ending

    def _commits(self, changed: TraceStep) -> list[list[int]]:
        proposed = zip(changed.positions, changed.x0, changed.confidence, strict=True)
        committed = set(changed.committed)
        return [[at, self._piece(token), round(c * 1000)] for at, token, c in proposed if at in committed]

    def _changed_beliefs(self, changed: TraceStep) -> list[list[int]]:
        """The alternatives that moved; those of committed positions first, then those that moved most."""
        moved = [(position in changed.committed, _distance(belief, self._beliefs.get(position)), position, belief)
                 for position, belief in self._all_beliefs(changed)]  # fmt: skip
        moved = [entry for entry in moved if entry[1] > BELIEF_TOLERANCE]
        moved.sort(key=lambda entry: entry[:2], reverse=True)
        sent = {position: belief for _, _, position, belief in moved[:MOST_BELIEFS]}
        self._beliefs |= sent
        return [[position, *self._numbered(belief)] for position, belief in sent.items()]

    def _all_beliefs(self, changed: TraceStep) -> Iterator[tuple[int, Belief]]:
        width = len(changed.top_ids) // max(1, len(changed.positions))
        for row, position in enumerate(changed.positions):
            alternatives = slice(row * width, (row + 1) * width)
            percents = [round(share * PROBABILITY_UNIT * 100) for share in changed.top_probs[alternatives]]
            yield position, list(zip(changed.top_ids[alternatives], percents, strict=True))

    def _numbered(self, belief: Belief) -> list[int]:
        return [number for token, percent in belief for number in (self._piece(token), percent)]

    def _piece(self, token: int) -> int:
        if token not in self._index:
            self._index[token] = len(self._pieces)
            kind = "s" if token in self._special else "t"
            self._pieces.append(f"{token} {kind}{self._spell([token])[0]}")
        return self._index[token]


def _distance(belief: Belief, known: Belief | None) -> int:
    """The percentage points by which the alternative that moved most has moved; new ones come from nothing."""
    before = dict(known or ())
    return max(abs(percent - before.get(token, 0)) for token, percent in belief) if known else 100

"""What a token canvas shows, as plain JSON values, and the code that paints them in any page.

A state carries the whole run so far (static/record.js says how to read it), so an update that a page skips loses
nothing; of the growing lists in it only what was appended has to travel. Nothing here knows of the page around it.
"""

import json
import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lladav.sampling import SamplingConfig, SamplingStep
from lladav.trace import PROBABILITY_UNIT, Trace, TraceStep, trace_step

STATIC = Path(__file__).parent / "ui" / "static"
SCRIPTS = ("record.js", "card.js", "canvas.js")  # in this order; the last says how to use them
SPECIAL = re.compile(r"<\|.*\|>")  # how the tokens that are no text are spelled; a trace keeps no list of them
NO_ENDING = {"text": None, "finish": None}
BELIEF_TOLERANCE = 1  # alternatives are sent again once one of them has moved by more percentage points than this
MOST_BELIEFS = 64  # positions whose alternatives an update carries at most; beyond that those that moved most

Belief = list[tuple[int, int]]  # token id and percent of the alternatives for a position, best first
State = dict[str, Any]


def template() -> str:
    """The canvas's HTML, which never changes and holds no data; its styles are static/canvas.css."""
    return (STATIC / "canvas.html").read_text(encoding="utf-8")


def script() -> str:
    """The canvas's code, which defines `window.lladav.mount(element, state)`; see static/canvas.js."""
    return "".join((STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS)


def canvas_state(trace: Trace, run: str | None = None, play: bool = False) -> State:
    """The state that shows a whole trace.

    Args:
        trace: the run.
        run: a name no other run of the page has; by default its `id`.
        play: whether it is played from its first step, rather than shown as it ended.
    """
    special = {token for token, piece in trace.pieces.items() if SPECIAL.fullmatch(piece)}
    record = CanvasRecord(run or trace.id, trace.config, trace.pieces.__getitem__, special, edit=trace.edit)
    for step, changed, seconds in zip(trace.replay(), (None, *trace.steps), trace.seconds, strict=True):
        frame = Frame(changed, step.steps, step.nfe, step.stop_position, seconds, trace.text, step.finish_reason)
        record.add(frame)
    ending = {"text": trace.text, "finish": trace.finish_reason or "stopped"}
    return record.value() | ending | {"live": False, "play": play}


def idle_state(length: int) -> State:
    """What the canvas shows before the first run: `length` masks."""
    settings = {"run": f"idle-{length}", "length": length, "block": length, "steps": 0, "seed": None}
    nothing: State = {"given": [], "pins": [], "edit": None, "pieces": [], "log": [], "text": None, "finish": "idle"}
    return settings | nothing | {"editable": False, "live": False, "play": False}


@dataclass(frozen=True)
class Frame:
    """A step in plain values, cheap to hand from one process to another.

    Attributes:
        changed: what the step changed; None for the canvas of masks.
        steps: how many are planned in all.
        nfe: forward passes so far.
        stop_position: where a stop string begins, or None.
        seconds: since the run began.
        text: the answer as it stands.
        finish: "stop" or "length" in the last step.
    """

    changed: TraceStep | None
    steps: int
    nfe: int
    stop_position: int | None
    seconds: float
    text: str
    finish: str | None

    @classmethod
    def of(cls, before: SamplingStep | None, step: SamplingStep, seconds: float, text: str) -> "Frame":
        """The frame of `step`, which follows `before`."""
        changed = None if before is None else trace_step(before, step)
        return cls(changed, step.steps, step.nfe, step.stop_position, seconds, text, step.finish_reason)


class CanvasRecord:
    """The state of one run, grown step by step.

    Args:
        run: a name no other run of the page has.
        config: the settings of the run.
        spell: gives the printable piece of a token id.
        special: ids of the tokens that are no text.
        pins: the positions of tokens that a person chose.
        edit: what was changed in another run to make this one, in a few words.
    """

    def __init__(
        self,
        run: str,
        config: SamplingConfig,
        spell: Callable[[int], str],
        special: Container[int],
        pins: Sequence[int] = (),
        edit: str | None = None,
    ):
        self._spell = spell
        self._special = special
        self._index: dict[int, int] = {}
        self._beliefs: dict[int, Belief] = {}
        self._pieces: list[str] = []
        self._log: list[str] = []
        fixed = enumerate(config.template or ())
        self._settings = {
            "run": run,
            "length": config.gen_length,
            "block": config.block_length,
            "steps": config.steps,
            "seed": config.seed,
            "given": [[position, self._piece(token)] for position, token in fixed if token is not None],
            "pins": [*pins],
            "edit": edit,
            "editable": True,
            "live": True,
            "play": True,
        }

    def add(self, frame: Frame) -> None:
        """Append a step, the canvas of masks first."""
        commits = self._commits(frame.changed) if frame.changed else []
        beliefs = self._changed_beliefs(frame.changed) if frame.changed else []
        block = frame.changed.block if frame.changed else 0
        line = [len(self._log), frame.nfe, round(frame.seconds * 1000, 1), block, frame.stop_position, commits, beliefs]
        self._log.append(json.dumps(line, separators=(",", ":")))
        self._settings["steps"] = frame.steps

    def value(self, frame: Frame | None = None) -> State:
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
            self._pieces.append(f"{token} {kind}{self._spell(token)}")
        return self._index[token]


def _distance(belief: Belief, known: Belief | None) -> int:
    """The percentage points by which the alternative that moved most has moved; new ones come from nothing."""
    before = dict(known or ())
    return max(abs(percent - before.get(token, 0)) for token, percent in belief) if known else 100

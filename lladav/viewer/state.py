"""What a token canvas shows, as plain JSON values, and the code that paints them in any page.

A state carries the whole run so far (static/record.js says how to read it), so an update that a page skips loses
nothing; of the growing lists in it only what was appended has to travel. Nothing here knows of the page around it.
"""

import json
import re
import uuid
from collections.abc import Callable, Container, Iterator, Sequence
from pathlib import Path
from typing import Any

from lladav.recording import Frame
from lladav.sampling import SamplingConfig
from lladav.trace import PROBABILITY_UNIT, Trace, TraceStep

STATIC = Path(__file__).parent / "static"
SCRIPTS = ("record.js", "card.js", "canvas.js")  # in this order; the last says how to use them
SPECIAL = re.compile(r"<\|.*\|>")  # how the tokens that are no text are spelled; a trace keeps no list of them
NO_ENDING = {"text": None, "finish_reason": None}
DIGITS = 3  # of probabilities
TOLERANCE = 15  # alternatives are sent again once one of them has moved by as many thousandths
MOST_TOKEN_PROBS = 64  # positions whose alternatives an update carries at most; beyond that those that moved most

TokenProbs = list[tuple[int, float]]  # ids and probabilities of the alternatives for a position, best first
State = dict[str, Any]


def template() -> str:
    """The canvas's HTML, which never changes and holds no data; its styles are static/canvas.css."""
    return (STATIC / "canvas.html").read_text(encoding="utf-8")


def script() -> str:
    """The canvas's code, which defines `window.lladav.mount(element, state)`; see static/canvas.js."""
    return "".join((STATIC / name).read_text(encoding="utf-8") for name in SCRIPTS)


def canvas_state(trace: Trace, run: str | None = None, play: bool = False, editable: bool = True, note: str = "") -> State:
    """The state that shows a whole trace.

    Args:
        trace: the run.
        run: a name no other run of the page has; by default a new one, since a page may show a trace twice.
        play: whether it is played from its first step, rather than shown as it ended.
    """
    special = {token for token, piece in trace.pieces.items() if SPECIAL.fullmatch(piece)}
    record = CanvasRecord(run or uuid.uuid4().hex, trace.config, trace.pieces.__getitem__, special, edit=trace.edit)
    for step, changed, seconds in zip(trace.replay(), (None, *trace.steps), trace.seconds, strict=True):
        frame = Frame(changed, step.steps, step.nfe, step.stop_position, seconds, trace.text, step.finish_reason)
        record.add(frame)
    ending = {"text": trace.text, "finish_reason": trace.finish_reason or "stopped"}
    return record.value() | ending | {"live": False, "play": play, "editable": editable, "note": note}


def idle_state(gen_length: int) -> State:
    """What the canvas shows before the first run: `gen_length` masks."""
    lengths = {"gen_length": gen_length, "block_length": gen_length, "steps": 0, "seed": None}
    nothing: State = {"template": [], "pins": [], "edit": None, "pieces": [], "log": [], "text": None}
    flags = {"finish_reason": "idle", "editable": False, "live": False, "play": False}
    return {"run": f"idle-{gen_length}"} | lengths | nothing | flags


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
        self._token_probs: dict[int, TokenProbs] = {}
        self._pieces: list[str] = []
        self._log: list[str] = []
        fixed = enumerate(config.template or ())
        self._settings = {
            "run": run,
            "gen_length": config.gen_length,
            "block_length": config.block_length,
            "steps": config.steps,
            "seed": config.seed,
            "template": [[position, self._piece(token)] for position, token in fixed if token is not None],
            "pins": [*pins],
            "edit": edit,
            "editable": True,
            "live": True,
            "play": True,
        }

    def add(self, frame: Frame) -> None:
        """Append a step, the canvas of masks first."""
        changed, ms = frame.changed, round(frame.seconds * 1000, 1)
        transferred = self._transferred(changed) if changed else []
        token_probs = self._changed_probs(changed) if changed else []
        block = changed.block if changed else 0
        line = [len(self._log), frame.nfe, ms, block, frame.stop_position, transferred, token_probs]
        self._log.append(json.dumps(line, separators=(",", ":")))
        self._settings["steps"] = frame.steps

    def value(self, frame: Frame | None = None) -> State:
        """The record so far. The answer's text is sent once, with the last frame of the run."""
        ended = frame is not None and frame.finish_reason is not None
        ending = {"text": frame.text, "finish_reason": frame.finish_reason} if frame and ended else NO_ENDING
        return self._settings | {"pieces": [*self._pieces], "log": [*self._log]} | ending

    def _transferred(self, changed: TraceStep) -> list[list[float]]:
        proposed = zip(changed.positions, changed.x0, changed.confidence, strict=True)
        transferred = set(changed.transfer_index)
        return [[at, self._piece(token), round(c, DIGITS)] for at, token, c in proposed if at in transferred]

    def _changed_probs(self, changed: TraceStep) -> list[list[float]]:
        """The alternatives that moved; those of committed positions first, then those that moved most."""
        transferred = set(changed.transfer_index)
        moved = [(position in transferred, _distance(probs, self._token_probs.get(position)), position, probs)
                 for position, probs in self._all_probs(changed)]  # fmt: skip
        moved = [entry for entry in moved if entry[1] >= TOLERANCE]
        moved.sort(key=lambda entry: entry[:2], reverse=True)
        sent = {position: probs for _, _, position, probs in moved[:MOST_TOKEN_PROBS]}
        self._token_probs |= sent
        return [[position, *self._numbered(probs)] for position, probs in sent.items()]

    def _all_probs(self, changed: TraceStep) -> Iterator[tuple[int, TokenProbs]]:
        width = len(changed.top_ids) // max(1, len(changed.positions))
        for row, position in enumerate(changed.positions):
            alternatives = slice(row * width, (row + 1) * width)
            probabilities = [round(units * PROBABILITY_UNIT, DIGITS) for units in changed.top_probs[alternatives]]
            yield position, list(zip(changed.top_ids[alternatives], probabilities, strict=True))

    def _numbered(self, probs: TokenProbs) -> list[float]:
        return [number for token, probability in probs for number in (self._piece(token), probability)]

    def _piece(self, token: int) -> int:
        if token not in self._index:
            self._index[token] = len(self._pieces)
            kind = "s" if token in self._special else "t"
            self._pieces.append(f"{token} {kind}{self._spell(token)}")
        return self._index[token]


def _distance(probs: TokenProbs, known: TokenProbs | None) -> int:
    """The thousandths by which the alternative that moved most has moved; new ones come from nothing."""
    before = dict(known or ())
    return max(round(1000 * abs(p - before.get(token, 0))) for token, p in probs) if known else 1000


CanvasState = dict[str, Any]


class StateWriter:
    def __init__(self, recording, spell, special):
        self.recording = recording
        self.record = CanvasRecord(recording.run, recording.config, spell, special, recording.pins, recording.edit)
        self.read = 0

    def value(self):
        for frame in self.recording.frames[self.read:]:
            self.record.add(frame)
        self.read = len(self.recording.frames)
        return self.record.value(self.recording.frames[-1])

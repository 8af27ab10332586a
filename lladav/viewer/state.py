"""What a token canvas shows, as plain JSON values.

A state carries the whole run so far (static/record.js says how to read it), so an update that a page skips loses
nothing; of the growing lists in it only what was appended has to travel. Nothing here knows of the page around it.
"""

import json
import re
import uuid
from collections.abc import Callable, Container, Iterator
from typing import Any, TypedDict, cast

from lladav.pipeline import LladaVPipeline
from lladav.recording import Frame, Recording
from lladav.sampling import SamplingConfig
from lladav.trace import PROBABILITY_UNIT, Trace, TraceStep

SPECIAL = re.compile(r"<\|.*\|>")  # how the tokens that are no text are spelled; a trace keeps no list of them
DIGITS = 3  # of probabilities
TOLERANCE = 15  # alternatives are sent again once one of them has moved by as many thousandths
MOST_TOKEN_PROBS = 64  # positions whose alternatives an update carries at most; beyond that those that moved most

TokenProbs = list[tuple[int, float]]  # ids and probabilities of the alternatives for a position, best first


class CanvasState(TypedDict):
    """A run as a canvas takes it; static/record.js reads it.

    Attributes:
        run: a name no other run of the page has; every showing has one of its own.
        gen_length, block_length, steps, seed: the run's settings; `steps` are those that are planned.
        template: [position, piece] of the tokens that were there before the first step.
        pins: the positions of those that a person chose.
        carried: [position, confidence, piece, probability, ...] of those that an earlier run had committed, with the
            alternatives that it weighed.
        edit: what was changed in another run to make this one, in a few words, or None.
        editable: whether it may be edited on a page that can do that.
        note: what to know of the run beforehand.
        live: whether the run goes on while it is shown.
        play: whether it is played from its first step, rather than shown as it ended.
        pieces: "<id> <kind><piece>" of every token that is named, kind "t" for text and "s" for special.
        log: one JSON array a step: [step, nfe, milliseconds, block, stop_position,
            [[position, piece, confidence], ...] committed, [[position, piece, probability, ...], ...] alternatives
            that changed, [position, ...] taken back, [position, piece, ...] proposals that changed and are not the
            first of the alternatives, room]. Pieces are indices into `pieces`; `room` is a position and how many
            masks were put behind it after all that, or empty.
        text: the final answer; None while it is being decoded.
        finish_reason: "idle" before the first run, None while decoding, then "stop", "length" or "stopped".
    """

    run: str
    gen_length: int
    block_length: int
    steps: int
    seed: int | None
    template: list[list[int]]
    pins: list[int]
    carried: list[list[float]]
    edit: str | None
    editable: bool
    note: str
    live: bool
    play: bool
    pieces: list[str]
    log: list[str]
    text: str | None
    finish_reason: str | None


def canvas_state(
    trace: Trace, run: str | None = None, play: bool = False, editable: bool = True, note: str = ""
) -> CanvasState:
    """The state that shows a whole trace.

    Args:
        trace: the run.
        run: the name of this showing; by default one that no other has.
        play, editable, note: see `CanvasState`.
    """
    special = {token for token, piece in trace.pieces.items() if SPECIAL.fullmatch(piece)}
    log = _Log(trace.config, trace.pieces.__getitem__, special, trace.carried)
    for step, changed, seconds in zip(trace.replay(), (None, *trace.steps), trace.seconds, strict=True):
        log.add(Frame(changed, step.steps, step.nfe, step.stop_position, seconds, trace.text, step.finish_reason))
    settings = {"editable": editable, "note": note, "live": False, "play": play}
    ending = {"text": trace.text, "finish_reason": trace.finish_reason or "stopped"}
    name: dict[str, Any] = {"run": run or uuid.uuid4().hex, "pins": [], "edit": trace.edit}
    return cast(CanvasState, name | settings | ending | log.value())


def idle_state(gen_length: int) -> CanvasState:
    """What the canvas shows before the first run: `gen_length` masks."""
    return CanvasState(
        run=uuid.uuid4().hex, gen_length=gen_length, block_length=gen_length, steps=0, seed=None, template=[], pins=[],
        carried=[], edit=None, editable=False, note="", live=False, play=False, pieces=[], log=[], text=None,
        finish_reason="idle",
    )  # fmt: skip


class StateWriter:
    """The state of a run while it goes on, grown step by step: a view of its `Recording`.

    Args:
        recording: the run.
        spell: gives the printable piece of a token id.
        special: ids of the tokens that are no text.
    """

    def __init__(self, recording: Recording, spell: Callable[[int], str], special: Container[int]):
        self._recording = recording
        self._log = _Log(recording.config, spell, special, recording.carried)
        self._read = 0

    @classmethod
    def of(cls, pipe: LladaVPipeline, recording: Recording) -> "StateWriter":
        """One for a run of `pipe`, which spells its tokens."""

        def spell(token: int) -> str:
            return pipe.pieces([token])[0]

        return cls(recording, spell, set(pipe.tokenizer.all_special_ids))

    def value(self) -> CanvasState:
        """All of the run so far. The answer's text is in it once the run has ended."""
        recording = self._recording
        for frame in recording.frames[self._read :]:
            self._log.add(frame)
        self._read = len(recording.frames)
        ended = recording.finish_reason is not None
        settings = {"editable": True, "note": "", "live": True, "play": True}
        ending = {"text": recording.text if ended else None, "finish_reason": recording.finish_reason}
        name = {"run": recording.run, "pins": [*recording.pins], "edit": recording.edit}
        return cast(CanvasState, name | settings | ending | self._log.value())


class _Log:
    """The parts of a state that grow with the steps."""

    def __init__(
        self,
        config: SamplingConfig,
        spell: Callable[[int], str],
        special: Container[int],
        carried: TraceStep | None,
    ):
        self._spell, self._special = spell, special
        self._index: dict[int, int] = {}
        self._token_probs: dict[int, TokenProbs] = {}
        self._proposed: dict[int, int] = {}  # the piece that a browser takes for the last proposal
        self._pieces: list[str] = []
        self._log: list[str] = []
        fixed = enumerate(config.template or ())
        self._settings: dict[str, Any] = {
            "gen_length": config.gen_length,
            "block_length": config.block_length,
            "steps": config.steps,
            "seed": config.seed,
            "template": [[position, self._piece(token)] for position, token in fixed if token is not None],
            "carried": self._carried(carried) if carried else [],
        }

    def add(self, frame: Frame) -> None:
        """Append a step, the canvas of masks first."""
        changed, ms = frame.changed, round(frame.seconds * 1000, 1)
        what = self._what(changed) if changed else [[], [], [], [], []]
        line = [len(self._log), frame.nfe, ms, changed.block if changed else 0, frame.stop_position, *what]
        self._log.append(json.dumps(line, separators=(",", ":")))
        self._settings["steps"] = frame.steps

    def value(self) -> dict[str, Any]:
        """The settings, the pieces and the lines so far."""
        return self._settings | {"pieces": [*self._pieces], "log": [*self._log]}

    def _what(self, changed: TraceStep) -> list[list[Any]]:
        """What a step did, as a line of the log tells it."""
        transferred, token_probs = self._transferred(changed), self._changed_probs(changed)
        proposals = self._changed_proposals(changed, transferred, token_probs)
        if changed.room:  # of which nothing is known, and behind which all has moved
            self._proposed, self._token_probs = (_moved(v, *changed.room) for v in (self._proposed, self._token_probs))
        return [transferred, token_probs, changed.revoked_index, proposals, changed.room]

    def _transferred(self, changed: TraceStep) -> list[list[float]]:
        proposed = zip(changed.positions, changed.x0, changed.confidence, strict=True)
        transferred = set(changed.transfer_index)
        return [[at, self._piece(token), round(c, DIGITS)] for at, token, c in proposed if at in transferred]

    def _carried(self, carried: TraceStep) -> list[list[float]]:
        rows = zip(self._all_probs(carried), carried.confidence, strict=True)
        return [[at, round(confidence, DIGITS), *self._numbered(probs)] for (at, probs), confidence in rows]

    def _changed_proposals(
        self, changed: TraceStep, transferred: list[list[float]], token_probs: list[list[float]]
    ) -> list[int]:
        """The proposals that do not follow from what was committed, from alternatives or from what was told before."""
        self._proposed |= {int(at): int(piece) for at, piece, *_ in (*token_probs, *transferred)}
        proposed = {at: self._piece(token) for at, token in zip(changed.positions, changed.x0, strict=True)}
        new = {at: piece for at, piece in proposed.items() if self._proposed.get(at) != piece}
        self._proposed |= new
        return [number for entry in new.items() for number in entry]

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


def _moved(known: dict[int, Any], position: int, count: int) -> dict[int, Any]:
    """What is known of positions, where those stand once there are `count` more behind `position`."""
    return {at + count * (at > position): value for at, value in known.items()}


def _distance(probs: TokenProbs, known: TokenProbs | None) -> int:
    """The thousandths by which the alternative that moved most has moved; new ones come from nothing."""
    before = dict(known or ())
    return max(round(1000 * abs(p - before.get(token, 0))) for token, p in probs) if known else 1000

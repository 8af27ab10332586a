"""The token canvas: a component that paints one decoding run, and the record that feeds it.

The component's template never changes and holds no data; a script in the browser paints the record with text nodes, keeps
its history, paces it and lets people scrub. Every update carries the whole record so far, so that an update the page skips
loses nothing; gradio sends only what was appended.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from lladav.sampling import SamplingConfig
from lladav.trace import PROBABILITY_UNIT, TraceStep

STATIC = Path(__file__).parent / "static"
BELIEF_TOLERANCE = 1  # alternatives are sent again once one of them has moved by more than so many percent

from gradio.events import Dependency

class TokenCanvas(gr.HTML):
    """Paints the value of a `CanvasRecord`. Triggers `done` when a run has been shown to its end."""

    def __init__(self, value: dict[str, Any] | None = None, **options: Any):
        super().__init__(
            value=value,
            html_template=(STATIC / "canvas.html").read_text(encoding="utf-8"),
            js_on_load=(STATIC / "canvas.js").read_text(encoding="utf-8")
            + (STATIC / "mount.js").read_text(encoding="utf-8"),
            apply_default_css=False,
            **options,
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}

    def get_block_name(self) -> str:
        return "html"
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


def idle_value(length: int) -> dict[str, Any]:
    """What the canvas shows before the first run: `length` masks."""
    settings = {"run": "idle", "length": length, "block": length, "steps": 0, "seed": None}
    return settings | {"pieces": [], "log": [], "text": None, "finish": "idle"}


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
        self._beliefs: dict[int, list[int]] = {}
        self._settings = {
            "run": run,
            "length": config.gen_length,
            "block": config.block_length,
            "steps": config.steps,
            "seed": config.seed,
        }
        self._pieces: list[str] = []
        self._log: list[str] = []
        self._passes, self._seconds = 0, 0.0

    def add(self, changed: TraceStep | None, seconds: float) -> None:
        """Append a step; None is the canvas of masks that every run starts from."""
        line: list[Any] = [len(self._log), 0, 0, 0, None, [], []]
        if changed is not None:
            commits, beliefs = self._commits(changed), self._changed_beliefs(changed)
            line = [len(self._log), changed.nfe, round(seconds * 1000, 1), changed.block, changed.stop_position]
            line += [commits, beliefs]
            self._passes, self._seconds = changed.nfe, seconds
        self._log.append(json.dumps(line, separators=(",", ":")))

    def value(self, text: str | None = None, finish: str | None = None) -> dict[str, Any]:
        """The record so far; `text` and `finish` belong to the last one of a run."""
        return self._settings | {"pieces": [*self._pieces], "log": [*self._log], "text": text, "finish": finish}

    def seconds_per_pass(self) -> float:
        """Seconds that a forward pass took on average, reading the prompt included."""
        return self._seconds / max(1, self._passes)

    def _commits(self, changed: TraceStep) -> list[list[int]]:
        proposed = zip(changed.positions, changed.x0, changed.confidence, strict=True)
        committed = set(changed.committed)
        return [[at, self._piece(token), round(c * 1000)] for at, token, c in proposed if at in committed]

    def _changed_beliefs(self, changed: TraceStep) -> list[list[int]]:
        width = len(changed.top_ids) // max(1, len(changed.positions))
        beliefs = []
        for row, position in enumerate(changed.positions):
            alternatives = slice(row * width, (row + 1) * width)
            belief = []
            for token, probability in zip(changed.top_ids[alternatives], changed.top_probs[alternatives], strict=True):
                belief += [self._piece(token), round(probability * PROBABILITY_UNIT * 100)]
            if _differ(belief, self._beliefs.get(position, [])):
                self._beliefs[position] = belief
                beliefs.append([position, *belief])
        return beliefs

    def _piece(self, token: int) -> int:
        if token not in self._index:
            self._index[token] = len(self._pieces)
            kind = "s" if token in self._special else "t"
            self._pieces.append(f"{token} {kind}{self._spell([token])[0]}")
        return self._index[token]


def _differ(belief: list[int], known: list[int]) -> bool:
    if belief[::2] != known[::2]:
        return True
    return any(abs(new - old) > BELIEF_TOLERANCE for new, old in zip(belief[1::2], known[1::2], strict=True))
"""What two runs add up to, in the forms that the player and the table of results read."""

import uuid
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from lladav.recording import Recording
from lladav.ui.texts import said

SIDES = ("a", "b")
CANVASES = "#canvas-a .tc, #canvas-b .tc"

WordDifference = list[tuple[str, str, bool]]  # words of the first, words of the second, whether they are the same


class Comparison:
    """Two runs side by side, as far as they have come; `run` names the pair of them."""

    def __init__(self, recordings: Sequence[Recording] = ()):
        self.run = uuid.uuid4().hex
        self.recordings = recordings

    @property
    def finished(self) -> bool:
        return bool(self.recordings) and all(recording.finish_reason for recording in self.recordings)

    def player(self) -> dict[str, Any]:
        """When each step of a side was there, for static/sync_player.js."""
        sides = [
            {
                "ms": [round(frame.seconds * 1000, 1) for frame in recording.frames],
                "finished": recording.finish_reason is not None,
            }
            for recording in self.recordings
        ]
        nothing = [{"ms": [], "finished": False} for _ in SIDES]
        return {"run": self.run, "canvases": CANVASES, "sides": sides or nothing}

    def results(self) -> dict[str, Any]:
        """Figures of both, and once both are done where their words part, for static/results.js."""
        rows = zip(*map(_figures, self.recordings), strict=True) if self.recordings else [(None, None)] * 4
        heads = (
            (said("said.figure_passes"), "", 0),
            (said("said.figure_seconds"), " s", 2),
            (said("said.figure_rate"), "", 2),
            (said("said.figure_sure"), " %", 0),
        )
        figures = [[*head, *row] for head, row in zip(heads, rows, strict=True)]
        words = word_difference(*(recording.text for recording in self.recordings)) if self.finished else []
        return {"figures": figures, "words": words, "summary": difference_in_words(words) if self.finished else ""}


def _figures(recording: Recording) -> tuple[int | None, float | None, float | None, float | None]:
    """Forward passes, seconds, tokens a pass that were not taken back, and the mean confidence in percent of what was
    committed."""
    if not recording.frames:
        return None, None, None, None
    last, sure, revoked = recording.frames[-1], [], 0
    for frame in recording.frames:
        if frame.changed is not None:
            confidence = dict(zip(frame.changed.positions, frame.changed.confidence, strict=True))
            sure += [confidence[position] for position in frame.changed.transfer_index]
            revoked += len(frame.changed.revoked_index)
    per_pass = (len(sure) - revoked) / last.nfe if last.nfe else None
    return last.nfe, last.seconds, per_pass, 100 * sum(sure) / len(sure) if sure else None


def word_difference(first: str, second: str) -> WordDifference:
    """Two texts, cut where they part and meet."""
    one, other = first.split(), second.split()
    return [
        (" ".join(one[i:j]), " ".join(other[k:m]), operation == "equal")
        for operation, i, j, k, m in SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    ]


def difference_in_words(words: WordDifference) -> str:
    """What a difference comes to, in a sentence."""
    if not words:
        return said("said.neither")
    if all(same for *_, same in words):
        return said("said.same")
    kept = sum(len(first.split()) for first, _, same in words if same)
    longer = max(sum(len(text.split()) for text in texts) for texts in list(zip(*words, strict=True))[:2])
    return said("said.differ", kept=kept, longer=longer)

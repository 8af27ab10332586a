"""What one visitor's page holds: the conversation, the run that goes on or was last, and what it was edited from.

It lives in the visitor's session and is changed in place. Widgets are views of it and are never read back.
"""

import json
import zlib
from dataclasses import dataclass, field
from typing import Any

from lladav.cache import FeatureCache
from lladav.pipeline import LladaVPipeline
from lladav.recording import Recording
from lladav.trace import Trace
from lladav.ui.limits import LIMITS


@dataclass
class Exchange:
    """A question and what became of it.

    Attributes:
        message: as it was sent, `{"text", "files"}`.
        content: the blocks that the model is given.
        shown: the blocks that the chat shows.
        answer: what the run said, without masks; None before there is one.
    """

    message: dict[str, Any]
    content: list[dict[str, Any]]
    shown: list[dict[str, Any]]
    answer: str | None = None


@dataclass(frozen=True)
class PackedTrace:
    """A trace that is only kept for later, in a hundredth of its room in memory."""

    text: str
    data: bytes

    @classmethod
    def of(cls, trace: Trace) -> "PackedTrace":
        """Pack a trace."""
        return cls(trace.text, zlib.compress(trace.to_json().encode()))

    def unpack(self) -> Trace:
        """The trace, equal to what it was."""
        return Trace.from_dict(json.loads(zlib.decompress(self.data)))


@dataclass
class Session:
    """A visitor's conversation and runs.

    Attributes:
        turns: the conversation.
        features: of its pictures.
        running: the run that goes on; whatever puts something else in its place ends it.
        recording: the last run of this conversation; None where a loaded one is on show.
        trace: what the canvas shows, once it is finished, stopped or loaded.
        past: the traces that `trace` was edited from, the oldest first.
        attached: paths of what is attached to the question that is being written.
        opening: whether nothing was put in the place of what canvas and stage open with.
        scene: the path of the last picture that was composed for this visitor, and `scene_questions` about it.
    """

    turns: list[Exchange] = field(default_factory=list)
    features: FeatureCache = field(default_factory=FeatureCache)
    running: Recording | None = None
    recording: Recording | None = None
    trace: Trace | None = None
    past: list[PackedTrace] = field(default_factory=list)
    attached: list[str] = field(default_factory=list)
    opening: bool = True
    scene: str | None = None
    scene_questions: list[str] = field(default_factory=list)

    def is_answering(self, message: dict[str, Any]) -> bool:
        """Whether a message was sent a second time by a second press of a key: it is being answered, or is empty."""
        if self.running is None:
            return False
        return message == self.turns[-1].message or not ((message["text"] or "").strip() or message["files"])

    def begin(self, recording: Recording, pipe: LladaVPipeline) -> None:
        """Let a run take the place of the one that goes on, which is kept as far as it came."""
        self.interrupt(pipe)
        self.running = self.recording = recording
        self.trace, self.opening = None, False

    def finish(self, trace: Trace) -> None:
        """Take over what a run has come to: its text is the answer to the last question."""
        self.running, self.trace = None, trace
        self.turns[-1].answer = trace.text

    def interrupt(self, pipe: LladaVPipeline, step: int | None = None) -> None:
        """Stop the run that goes on; what it was up to `step` is kept as the answer."""
        if self.running is not None:
            self.finish(pipe.record(self.running, step))

    def show(self, trace: Trace) -> None:
        """Put a run that does not belong to the conversation on show."""
        self.running = self.recording = None
        self.trace, self.past, self.opening = trace, [], False

    def clear(self) -> None:
        """Forget everything."""
        self.running = self.recording = self.trace = None
        self.turns, self.features, self.opening = [], FeatureCache(), False
        self.past = []

    def remember(self, trace: Trace) -> None:
        """Keep what the next run is an edit of."""
        self.past = [*self.past, PackedTrace.of(trace)][-LIMITS.edits :]

"""A run while it goes on, kept in the visitor's session, so that one that was stopped is a trace as well."""

from dataclasses import dataclass, field, replace
from typing import Any

from lladav.cache import FeatureCache
from lladav.pipeline import LladaVPipeline
from lladav.recording import Frame
from lladav.sampling import Canvas, SamplingConfig, SamplingStep, encode
from lladav.trace import Trace, TraceStep, distinct_ids


@dataclass
class Recording:
    """What was asked for, and every step that has come of it.

    Attributes:
        messages, config, thinking, features: what the pipeline was given.
        parent, edit: of the trace, see there.
        pins: the positions of tokens that the visitor chose.
        changes: the steps so far.
        seconds: when each state was there; one more entry than `changes`.
        finish_reason: why the run ended; None while it goes on.
        halted: set to end it before its time.
    """

    messages: list[dict[str, Any]]
    config: SamplingConfig
    thinking: bool | None
    features: FeatureCache
    parent: str | None = None
    edit: str | None = None
    pins: list[int] = field(default_factory=list)
    changes: list[TraceStep] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    finish_reason: str | None = None
    halted: bool = False

    def start(self, pipe: LladaVPipeline) -> SamplingStep:
        """The canvas before the first step."""
        stop_sequences = [encode(text, pipe.tokenizer) for text in self.config.stop]
        canvas = Canvas(self.config, pipe.model.config.mask_token_id, stop_sequences)
        return canvas.record(step=0, block=0, finished=False)

    def add(self, frame: Frame) -> None:
        """Append a step, the canvas of masks first."""
        if frame.changed is not None:
            self.changes.append(frame.changed)
        self.seconds.append(round(frame.seconds, 4))
        self.finish_reason = frame.finish_reason

    def trace(self, pipe: LladaVPipeline, step: int | None = None) -> Trace:
        """The trace of the run, or of what it was up to `step`."""
        changes = self.changes[:step]
        empty = pipe.trace(self.messages, self.config, [self.start(pipe)], [0.0], self.thinking, self.parent, self.edit)
        reason = self.finish_reason if len(changes) == len(self.changes) else None
        trace = replace(empty, steps=changes, seconds=self.seconds[: len(changes) + 1], finish_reason=reason)
        *_, last = trace.replay()
        ids = distinct_ids(trace.config, trace.mask_token_id, changes)
        return replace(trace, pieces=dict(zip(ids, pipe.pieces(ids), strict=True)), text=pipe.text(last))

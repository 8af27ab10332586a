"""A run in plain values, step by step: what the process that runs the model hands to the one that shows it."""

from dataclasses import dataclass

from lladav.sampling import SamplingStep
from lladav.trace import TraceStep, trace_step


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
        finish_reason: "stop" or "length" in the last step.
    """

    changed: TraceStep | None
    steps: int
    nfe: int
    stop_position: int | None
    seconds: float
    text: str
    finish_reason: str | None

    @classmethod
    def of(cls, before: SamplingStep | None, step: SamplingStep, seconds: float, text: str) -> "Frame":
        """The frame of `step`, which follows `before`."""
        changed = None if before is None else trace_step(before, step)
        return cls(changed, step.steps, step.nfe, step.stop_position, seconds, text, step.finish_reason)

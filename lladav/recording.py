"""THE record of a run while it goes on: what the process that runs the model hands to the one that shows it."""

import uuid
from dataclasses import dataclass, field

from lladav.prompt import Prompt
from lladav.sampling import SamplingConfig, SamplingStep
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


@dataclass
class Recording:
    """What was asked for, and every frame that has come of it; all views of a run are functions of this.

    Attributes:
        prompt, config: what the pipeline was given; `config` as the model honours it, see `effective_config`.
        parent, edit: of the trace, see there.
        pins: the positions of tokens that a person chose.
        carried: of the trace, see there.
        run: a name that no other run has.
        frames: the steps so far, the canvas of masks first.
    """

    prompt: Prompt
    config: SamplingConfig
    parent: str | None = None
    edit: str | None = None
    pins: tuple[int, ...] = ()
    carried: TraceStep | None = None
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    frames: list[Frame] = field(default_factory=list)

    def add(self, frame: Frame) -> None:
        """Append a step, the canvas of masks first."""
        self.frames.append(frame)

    @property
    def text(self) -> str:
        """The answer as it stands."""
        return self.frames[-1].text if self.frames else ""

    @property
    def finish_reason(self) -> str | None:
        """Why the run ended: "stop" or "length"; None while it goes on."""
        return self.frames[-1].finish_reason if self.frames else None

    @property
    def nfe(self) -> int:
        """Forward passes so far."""
        return self.frames[-1].nfe if self.frames else 0

    @property
    def seconds(self) -> float:
        """How long the run has taken so far."""
        return self.frames[-1].seconds if self.frames else 0.0

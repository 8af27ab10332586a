"""The longest run that the page allows, by a mind that never settles: made up, since no model is that restless."""

import random

from lladav import SamplingConfig
from lladav.recording import Frame
from lladav.trace import TraceStep
from lladav.viewer.state import CanvasRecord, State

LENGTH, STEPS = 512, 256
VOCABULARY = 4000


def long_run() -> list[State]:
    """What the canvas is sent, step by step."""
    draw = random.Random(0)
    config = SamplingConfig(gen_length=LENGTH, block_length=LENGTH, steps=STEPS)
    record = CanvasRecord("long", config, lambda token: f" word{token}", special=())
    record.add(Frame(None, STEPS, 0, None, 0.0, "", None))
    states = [record.value()]
    masked = list(range(LENGTH))
    for step in range(1, STEPS + 1):
        frame = Frame(_change(draw, masked), STEPS, step, None, 0.02 * step, "", "length" if step == STEPS else None)
        record.add(frame)
        states.append(record.value(frame))
    return states


def _change(draw: random.Random, masked: list[int]) -> TraceStep:
    """A step that commits some of the masked positions, and takes them from the list."""
    asked = [*masked]
    ids = [draw.randrange(VOCABULARY) for _ in range(5 * len(asked))]
    shares = [draw.choice([6000, 2000, 1000, 500, 100]) for _ in ids]
    transferred = sorted(draw.sample(asked, LENGTH // STEPS))
    masked[:] = [position for position in masked if position not in transferred]
    return TraceStep(0, asked, ids[::5], [draw.random() for _ in asked], transferred, ids, shares)

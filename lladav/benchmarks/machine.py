"""What the machine could do at best, from its own measured speed of copying and multiplying."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from lladav.benchmarks.measuring import Run, average, now
from lladav.benchmarks.subjects import Subject

TRIALS = 5


@dataclass(frozen=True)
class Machine:
    """Measured speeds: bytes read or written in a second, and floating-point operations in a second."""

    bandwidth: float
    rate: float


def measure_machine(device: torch.device, dtype: torch.dtype) -> Machine:
    """Copy a large tensor and multiply large matrices, of a size that suits the device."""
    copied, side = (2**30, 8192) if device.type == "cuda" else (2**28, 2048)
    source = torch.empty(copied, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    matrix = torch.randn(side, side, device=device).to(dtype)
    return Machine(
        bandwidth=2 * copied / shortest(lambda: target.copy_(source)),
        rate=2 * side**3 / shortest(lambda: matrix @ matrix),
    )


def shortest(action: Callable[[], object]) -> float:
    """The shortest time of a few in seconds, after one that does not count."""
    times = []
    for _ in range(1 + TRIALS):
        start = now()
        action()
        times.append(now() - start)
    return min(times[1:])


def floor_seconds(subject: Subject, machine: Machine, positions: int, rows: float) -> float:
    """The least that a step can take: for its arithmetic, or for reading weights and cache, whichever is longer.

    Args:
        positions: how many run through the language model, the others being in the cache.
        rows: how many the head scores, and the last block needs more of than keys and values.
    """
    text, head = subject.model.config.text_config, subject.model.lm_head.weight
    length = subject.prompt.shape[1] + subject.gen_length
    blocks = list(subject.model.model.language_model.layers)
    weights = sum(weight.numel() for block in blocks for weight in block.parameters())
    last = blocks[-1].self_attn
    skipped = weights / len(blocks) - last.k_proj.weight.numel() - last.v_proj.weight.numel()  # but for `rows`
    scores = 4 * length * text.num_attention_heads * text.head_dim
    operations = positions * (2 * weights + scores * len(blocks)) - (positions - rows) * (2 * skipped + scores)
    operations += 2 * rows * head.numel()
    cache = 2 * (length - positions) * text.num_key_value_heads * text.head_dim * len(blocks)
    read = (weights + head.numel() + cache) * head.element_size()
    return max(operations / machine.rate, read / machine.bandwidth)


def ratio_to_floor(subject: Subject, machine: Machine, run: Run) -> float:
    """How many times its floor an average step takes; the head has every position in the plain loop."""
    length = subject.prompt.shape[1] + subject.gen_length
    masked = subject.gen_length * (1 + 1 / run.nfe) / 2  # on average over the steps
    rows = length if run.mode.name == "plain" else masked
    full = floor_seconds(subject, machine, length, rows)
    new = 1 if subject.model.config.is_causal else subject.gen_length
    cached = floor_seconds(subject, machine, new, min(rows, new)) if run.mode.refresh_interval > 1 else None
    return run.seconds_per_step / average(full, cached, run.mode.refresh_interval)

"""Which masked positions to commit: schedules, confidences and policies, each a pure function.

A step of the denoising loop scores every position it may fill, and commits the most confident of them. A
schedule says how many at least; a threshold, a factor or a bound on entropy may ask for more where the model is sure.
"""

from fractions import Fraction
from itertools import pairwise
from math import floor

import torch
from torch import Tensor


def num_transfer_tokens(num_masked: int, steps: int, shift: float = 1.0) -> list[int]:
    """Plan `num_masked` commits over `steps`: evenly, or fewer at first the more `shift` lies below 1.

    No step that is run commits nothing: the first s = min(num_masked, steps) take one each. The n = num_masked - s
    left are shared out in proportion to f((i + 1) / s) - f(i / s), where f(t) = at / (1 + (a - 1)t), a = `shift`:
    with a = 1/3, a quarter of them is committed in the first half. What is lost in rounding down goes to the largest
    remainders, of equal ones to the earliest. The arithmetic is exact.

    >>> num_transfer_tokens(32, 5)
    [7, 7, 6, 6, 6]
    >>> num_transfer_tokens(32, 5, shift=1 / 3)
    [3, 4, 5, 7, 13]
    """
    used = min(num_masked, steps)
    spare = num_masked - used
    due = [spare * _shifted(Fraction(step, used), Fraction(shift)) for step in range(used + 1)] if used else []
    shares = [after - before for before, after in pairwise(due)]
    counts = [1 + floor(share) for share in shares]
    remainders = sorted(range(used), key=lambda step: floor(shares[step]) - shares[step])
    for step in remainders[: num_masked - sum(counts)]:
        counts[step] += 1
    return counts + [0] * (steps - used)


def _shifted(time: Fraction, shift: Fraction) -> Fraction:
    return shift * time / (1 + (shift - 1) * time)


def low_confidence(probabilities: Tensor, x0: Tensor) -> Tensor:
    """The probability of each proposal: `probabilities` of shape (N, V), `x0` of shape (N, W) -> (N, W).

    Committing the most probable proposals is what LLaDA calls low-confidence remasking (arXiv 2502.09992,
    algorithm 5): the others go back to being masks.
    """
    return probabilities.gather(-1, x0)


def entropy(probabilities: Tensor) -> Tensor:
    """The entropy in nats of each distribution: `probabilities` of shape (N, V) -> (N,)."""
    return torch.special.entr(probabilities).sum(-1)


def random_confidence(length: int, generator: torch.Generator) -> Tensor:
    """A uniform draw for each of `length` positions, of shape (length,): commits in random order."""
    return torch.rand(length, generator=generator)


def select_most_confident(confidence: Tensor, count: int) -> Tensor:
    """Mark the `count` largest entries of `confidence`, or all where there are fewer: (N,) -> bool (N,)."""
    chosen = confidence.topk(min(count, len(confidence))).indices
    return torch.zeros_like(confidence, dtype=torch.bool).index_fill(0, chosen, True)


def select_sure(confidence: Tensor, sure: Tensor, floor: int) -> Tensor:
    """Mark the `sure`, and of the others the most confident until there are `floor`: (N,), bool (N,) -> bool (N,)."""
    return select_most_confident(confidence + 2 * sure, max(floor, int(sure.sum())))  # above all that are not sure


def count_above_threshold(confidence: Tensor, threshold: float) -> int:
    """How many of `confidence`, of shape (N,), lie above `threshold`."""
    return int((confidence > threshold).sum())


def count_within_factor(confidence: Tensor, factor: float) -> int:
    """The largest n with (n + 1)(1 - c_n) < `factor`, c_n the n-th largest of `confidence`, of shape (N,).

    With `factor` at 1, choosing those n tokens one by one is choosing them jointly (Fast-dLLM, arXiv 2505.22618).
    """
    ordered = confidence.sort(descending=True).values
    n = torch.arange(1, len(ordered) + 1)
    return int(((n + 1) * (1 - ordered) < factor).sum())


def count_within_entropy(confidence: Tensor, entropies: Tensor, bound: float) -> int:
    """The largest n whose n most confident positions have entropies that, all but the largest, sum to below `bound`.

    That sum bounds what is lost by choosing the n tokens independently of each other (EB-Sampler, arXiv 2505.24857,
    which allows it to reach the bound: here 0 asks for nothing). `confidence` and `entropies`, in nats, of shape (N,).
    """
    ordered = entropies[confidence.argsort(descending=True)]
    at_stake = ordered.cumsum(0) - ordered.cummax(0).values  # never falls as n grows
    return int((at_stake < bound).sum())


def count_wide(confidence: Tensor, threshold: float) -> int:
    """How many of N masks lie above `threshold`, up to min(max(0.7 N, 5), 20) (WINO, arXiv 2507.18578)."""
    return min(count_above_threshold(confidence, threshold), max(int(0.7 * len(confidence)), 5), 20)


def count_above_mean(confidence: Tensor, committed: Tensor) -> int:
    """How many of `confidence`, (N,), lie above the mean of those of what is `committed`, (M,); none where nothing is
    (Saber, arXiv 2510.18165)."""
    return count_above_threshold(confidence, float(committed.mean())) if len(committed) else 0


def near_anchors(positions: Tensor, confidence: Tensor, threshold: float, relaxed: float, radius: int) -> Tensor:
    """Mark anchors, whose confidence lies above `threshold`, and what lies above `relaxed` within `radius` of one.

    What stands beside a certain token is mostly decided too (LocalLeap, arXiv 2510.07081). `positions` and
    `confidence` of shape (N,) -> bool (N,).
    """
    anchors = confidence > threshold
    near = ((positions[:, None] - positions[anchors]).abs() <= radius).any(1)
    return anchors | (near & (confidence > relaxed))

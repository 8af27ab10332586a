"""Which masked positions to commit: schedules, confidences and policies, each a pure function.

A step of the denoising loop scores every position it may fill, and commits the most confident of them. A
schedule says how many at least; a threshold or a factor may ask for more where the model is sure.
"""

import torch
from torch import Tensor


def num_transfer_tokens(num_masked: int, steps: int) -> list[int]:
    """Spread `num_masked` commits evenly over `steps`; the first steps take what does not divide.

    >>> num_transfer_tokens(32, 5)
    [7, 7, 6, 6, 6]
    """
    base, remainder = divmod(num_masked, steps)
    return [base + (step < remainder) for step in range(steps)]


def low_confidence(probabilities: Tensor, x0: Tensor) -> Tensor:
    """The probability of each proposal: `probabilities` of shape (N, V), `x0` of shape (N,) -> (N,).

    Committing the most probable proposals is what LLaDA calls low-confidence remasking (arXiv 2502.09992,
    algorithm 5): the others go back to being masks.
    """
    return probabilities.gather(-1, x0[:, None]).squeeze(-1)


def random_confidence(length: int, generator: torch.Generator) -> Tensor:
    """A uniform draw for each of `length` positions, of shape (length,): commits in random order."""
    return torch.rand(length, generator=generator)


def select_most_confident(confidence: Tensor, count: int) -> Tensor:
    """Mark the `count` largest entries of `confidence`, or all where there are fewer: (N,) -> bool (N,)."""
    chosen = confidence.topk(min(count, len(confidence))).indices
    return torch.zeros_like(confidence, dtype=torch.bool).index_fill(0, chosen, True)


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

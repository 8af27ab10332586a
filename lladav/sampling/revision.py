"""Which committed tokens to take back: a pure function a method, of what the model now gives M of them.

Only tokens of the active block are judged, and none that the template fixed: a finished block is final. Whatever these
say, a position is taken back at most `max_revocations` times (ReMDM counts its rounds instead), so every run ends; see
`SamplingConfig.most_steps`.
"""

import torch
from torch import Tensor


def wino(standing: Tensor, threshold: float, committed_before: int, committing: int) -> Tensor:
    """What a shadow block gives less than `threshold`, but fewer than the last step committed; nothing in a step that
    commits but one (WINO, arXiv 2507.18578).

    The shadow of a token is a mask at the same position that cannot see it, so that no word vouches for itself.

    Args:
        standing: the probability that its shadow gives each of the tokens, of shape (M,).
        threshold: what it has to reach.
        committed_before: tokens that the last step committed.
        committing: tokens that this one commits.

    Returns:
        bool of shape (M,).
    """
    doubted = standing < threshold
    if committing < 2:
        return torch.zeros_like(doubted)
    return doubted & least(standing, committed_before - 1)


def token_to_mask(standing: Tensor, threshold: float) -> Tensor:
    """What has become less probable than `threshold` where it stands (T2M, arXiv 2604.18738): (M,) -> bool (M,)."""
    return standing < threshold


def saber(standing: Tensor, confidence: Tensor, committing: int) -> Tensor:
    """Of the tokens that are less probable than when they were committed, those that fell most: an eighth as many as
    the step commits, rounded up, but not all (Saber, arXiv 2510.18165).

    Args:
        standing: the probability of each token now, of shape (M,).
        confidence: when it was committed, of shape (M,).
        committing: tokens that this step commits.

    Returns:
        bool of shape (M,).
    """
    rise = standing - confidence
    return (rise < 0) & least(rise, min(-(-committing // 8), committing - 1))


def least(values: Tensor, count: int) -> Tensor:
    """Mark the `count` smallest of `values`, or all where there are fewer: (M,) -> bool (M,).

    ReMDM's loop takes back the least likely tokens so, however likely they are (arXiv 2503.00307).
    """
    chosen = values.topk(max(0, min(count, len(values))), largest=False).indices
    return torch.zeros_like(values, dtype=torch.bool).index_fill(0, chosen, True)

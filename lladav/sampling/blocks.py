"""Where a block ends that is not of a fixed length."""

import torch
from torch import Tensor

WINDOW = 4  # a delimiter is looked for in the next so manieth part of the answer


def window_end(start: int, gen_length: int) -> int:
    """The end of the positions from `start` on in which a delimiter is looked for: a quarter of the answer."""
    return min(start + max(1, gen_length // WINDOW), gen_length)


def delimiter_end(
    positions: Tensor, x0: Tensor, confidence: Tensor, delimiters: Tensor, threshold: float
) -> int | None:
    """The position behind the surest proposed delimiter, or None where none is at least `threshold` sure.

    A block that ends where a sentence does leaves no half thought to the next (AdaBlock, arXiv 2509.26432).

    Args:
        positions, x0, confidence: the proposals of the window, each of shape (N,).
        delimiters: ids of shape (K,).
        threshold: of the confidence.
    """
    candidate = torch.isin(x0, delimiters) & (confidence >= threshold)
    if not candidate.any():
        return None
    return int(positions[confidence.where(candidate, -torch.inf).argmax()]) + 1

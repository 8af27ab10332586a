"""What orders proposals, beside the probability of each: a pure function a score, of values from 0 to 1."""

import math

import torch
from torch import Tensor

MOST_CALIBRATED = 10.0  # alpha of PC-Sampler
RAREST = 1e-9


def margin(top_probs: Tensor) -> Tensor:
    """How far the best token leads, p1 - p2 (arXiv 2502.06768): top_probs (N, K), best first -> (N,)."""
    return top_probs[:, 0] - top_probs[:, 1]


def certainty(entropies: Tensor, vocab_size: int) -> Tensor:
    """1 - H / log V, which is 1 for a distribution of one token and 0 for an even one: entropies in nats (N,) -> (N,).

    The order is that of the negative entropy (Dream, arXiv 2508.15487).
    """
    return (1 - entropies / math.log(vocab_size)).clamp(0, 1)


def earliness(positions: Tensor, gen_length: int) -> Tensor:
    """1 - i / G: the order of an autoregressive model; positions (N,) -> (N,)."""
    return 1 - positions.double() / gen_length


def pc_sampler(probabilities: Tensor, frequencies: Tensor, offsets: Tensor, decay: float) -> Tensor:
    """exp(-decay * i) * min(-p log f, alpha) / alpha with alpha = 10 (PC-Sampler, arXiv 2508.13021).

    Early positions come first, and words that are everywhere, which a model is soon sure of, come late.

    Args:
        probabilities: p of the proposals, of shape (N,).
        frequencies: f of the proposed tokens in text at large, of shape (N,).
        offsets: i, where each stands in its block, of shape (N,).
        decay: lambda; 0 calibrates only.
    """
    calibrated = (-probabilities * torch.log(frequencies.clamp(min=RAREST))).clamp(max=MOST_CALIBRATED)
    return torch.exp(-decay * offsets) * calibrated / MOST_CALIBRATED

"""What orders proposals, beside the probability of each: a pure function a score, of values from 0 to 1."""

import math

import torch
from torch import Tensor

MOST_CALIBRATED = 10.0  # alpha of PC-Sampler
RAREST = 1e-9
LEAST_MASS = 1e-8  # less is nothing


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


def vrcd(confidence: Tensor, looks: Tensor, count: int, power: float) -> Tensor:
    """p (1 + R)^-power for the 2n most confident proposals of which n are to be committed, and 0 for the others
    (VRCD, arXiv 2605.25820).

    R is how much of what a proposal looks at is what the other candidates look at, see `redundancy`: the mean over
    those that look at something in particular, weighted by their confidence. So words that rest on the same part of the
    picture are not all taken in one step.

    Args:
        confidence: p, of shape (N,).
        looks: the attention of each to the picture, of shape (N, P).
        count: n.
        power: alpha; at 0 the n most confident come first.
    """
    window = confidence.topk(min(2 * count, len(confidence))).indices
    candidates = confidence[window]
    overlap, is_visual = redundancy(looks[window])
    weights = candidates * is_visual * is_visual[:, None] * (1 - torch.eye(len(window)))  # (W, W)
    total = weights.sum(1)
    mean = (weights * overlap).sum(1) / total.where(total > 0, 1)
    return torch.zeros_like(confidence).index_copy(0, window, candidates * (1 + mean) ** -power)


def redundancy(looks: Tensor) -> tuple[Tensor, Tensor]:
    """How alike are the parts of the picture that candidates look at, as the share of pairs that are less alike.

    Of the attention a_i to each of P picture tokens, made to sum to 1, what exceeds 1 / P is kept and made to sum to 1
    again: s. Two are as alike as sum sqrt(s_i t_i), the Bhattacharyya coefficient.

    Args:
        looks: of shape (W, P).

    Returns:
        Ranks of pairs from 0 to 1, of shape (W, W), and which candidates look at something in particular, (W,).
    """
    attention = looks.double() / looks.double().sum(1, keepdim=True)
    support = (attention - 1 / max(1, looks.shape[1])).clamp(min=0)
    mass = support.sum(1, keepdim=True)
    is_visual = mass[:, 0] > LEAST_MASS
    alike = (support / mass.where(mass > LEAST_MASS, 1)).sqrt()
    first, second = torch.triu_indices(len(looks), len(looks), offset=1)
    kept = is_visual[first] & is_visual[second]
    first, second = first[kept], second[kept]
    ranks = torch.zeros(len(looks), len(looks), dtype=torch.float64)
    ranks[first, second] = percentile_ranks((alike @ alike.T)[first, second])
    return ranks + ranks.T, is_visual


def percentile_ranks(values: Tensor) -> Tensor:
    """The rank of each value from 0 to 1, of equal ones their mean; 0 where all are equal: (N,) -> (N,)."""
    if len(values) < 2 or values.max() - values.min() <= LEAST_MASS:
        return torch.zeros_like(values)
    _, which, counts = values.unique(return_inverse=True, return_counts=True)
    return ((counts.cumsum(0) - (counts + 1) / 2) / (len(values) - 1)).to(values)[which]

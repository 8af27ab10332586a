"""What earlier steps said of a position, where a method asks for it."""

import torch
from torch import Tensor

CREDIT_DECAY, CREDIT_POWER, CREDIT_WEIGHT = 0.8, 0.2, 0.7  # beta, gamma and alpha of CreditDecoding


class Credit:
    """What a token has earned at a position by having been the most probable there (CreditDecoding, arXiv 2510.06133).

    Every step: C <- beta C, and C[top-1] <- C[top-1] + p^gamma; then the logits gain alpha log(C + 1).

    Args:
        gen_length: positions of the answer.
    """

    def __init__(self, gen_length: int):
        self.token_ids = torch.zeros(gen_length, 0, dtype=torch.long)  # (G, steps)
        self.gains = torch.zeros(gen_length, 0, dtype=torch.float64)

    def fused(self, logits: Tensor, positions: Tensor) -> Tensor:
        """Logits (N, V) at `positions` (N,) with their credit, this step's included; to be called once a step."""
        best = logits.softmax(-1, dtype=torch.float64).max(-1)
        token_ids = torch.zeros(len(self.gains), 1, dtype=torch.long)
        token_ids[positions, 0] = best.indices.cpu()
        gains = torch.zeros(len(self.gains), 1, dtype=torch.float64)
        gains[positions, 0] = best.values.cpu() ** CREDIT_POWER
        self.token_ids = torch.cat([self.token_ids, token_ids], dim=1)
        self.gains = torch.cat([CREDIT_DECAY * self.gains, gains], dim=1)
        here, earned = (values[positions].to(logits.device) for values in (self.token_ids, self.gains))
        credit = torch.zeros_like(logits, dtype=torch.float64).scatter_add(1, here, earned)  # (N, V)
        return (logits + CREDIT_WEIGHT * credit.log1p()).to(logits.dtype)


class Settling:
    """For how many steps a position's distribution has hardly moved (KLASS, arXiv 2511.05664).

    A step in which the position was not asked about begins the count anew.

    Args:
        gen_length: positions of the answer.
        kl_threshold: what D(p_t || p_t-1), in nats, has to lie below.
    """

    def __init__(self, gen_length: int, kl_threshold: float):
        self.kl_threshold = kl_threshold
        self.steps = torch.zeros(gen_length, dtype=torch.long)
        self.before: tuple[Tensor, Tensor] | None = None  # positions (M,) and log-probabilities (M, V)

    def update(self, logits: Tensor, positions: Tensor) -> Tensor:
        """The number of such steps (N,) up to this one, from its logits (N, V) at `positions` (N,), ascending."""
        log_probs = logits.log_softmax(-1, dtype=torch.float64)
        steady = torch.zeros(len(positions), dtype=torch.bool)
        if self.before is not None:
            asked, before = self.before
            again = torch.isin(positions, asked)
            rows = torch.searchsorted(asked, positions[again])
            moved = divergence(log_probs[again.to(logits.device)], before[rows.to(logits.device)])
            steady[again] = moved.cpu() < self.kl_threshold
        steps = torch.where(steady, self.steps[positions] + 1, 0)
        self.steps = torch.zeros_like(self.steps).index_copy(0, positions, steps)
        self.before = positions, log_probs
        return steps


def divergence(log_probs: Tensor, before: Tensor) -> Tensor:
    """D(p || q) in nats of each row: log p and log q, of shape (N, V) -> (N,). A token neither ever says counts 0."""
    return (log_probs.exp() * (log_probs - before)).nansum(-1)

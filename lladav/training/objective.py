"""The training objectives: masked diffusion as LLaDA-V trains it, and next-token prediction for its causal twin."""

import torch
from torch import Tensor
from torch.nn import functional as F

from lladav.configuration import IGNORE

EPSILON = 1e-3  # no sample is left without masks


def forward_process(
    labels: Tensor, generator: torch.Generator | None = None, t: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Which tokens are masked: every labelled one independently with probability p = (1 - eps) t + eps, eps = 1e-3
    (LLaDA, arXiv 2502.09992, eq. 2).

    Args:
        labels: Targets of shape (B, L); IGNORE marks what is never masked.
        generator: Where t ~ U(0, 1) of shape (B,) and then the uniform noise of shape (B, L) are drawn from.
        t: Times to use instead of drawing them: shape (B,), or (B, L) where a row packs several samples.

    Returns:
        mask_index and p_mask, both of shape (B, L).
    """
    if t is None:
        t = torch.rand(len(labels), generator=generator, device=labels.device)
    if t.ndim == 1:
        t = t[:, None]
    p_mask = ((1 - EPSILON) * t + EPSILON).expand(labels.shape)
    noise = torch.rand(labels.shape, generator=generator, device=labels.device)
    return (noise < p_mask) & (labels != IGNORE), p_mask


def masked_diffusion_loss(
    logits: Tensor, labels: Tensor, mask_index: Tensor, p_mask: Tensor, weights: Tensor | None = None
) -> Tensor:
    """The bound of masked diffusion on visual instruction tuning (LLaDA-V, arXiv 2505.16933, eq. 3), not shifted.

    loss = 1/B sum_b 1/N_b sum_{masked i} CE(logits_i, label_i) / p_b, with N_b labelled positions in sample b.

    Args:
        logits: Of shape (B, L, V), at every position; or of shape (M, V), at the M masked positions only, row-major.
        labels: Of shape (B, L), IGNORE where there is no target.
        mask_index: Of shape (B, L).
        p_mask: Of shape (B, L).
        weights: Of shape (B, L), in place of 1 / (B N_b).

    Returns:
        A scalar; 0 where nothing is masked.
    """
    if logits.ndim == 3:
        logits = logits[mask_index]
    if weights is None:
        labelled = labels != IGNORE
        weights = (1 / (len(labels) * labelled.sum(1, keepdim=True).clamp(min=1))).expand(labels.shape)
    token_loss = F.cross_entropy(logits, labels[mask_index], reduction="none")  # (M,)
    return (token_loss * weights[mask_index] / p_mask[mask_index]).sum()


def next_token_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy of the labels of a left-to-right model.

    Args:
        logits: Of shape (M, V): at the position before each of the M labelled ones, row-major.
        labels: Of shape (B, L), IGNORE where there is no target; never at position 0.
        weights: Of shape (B, L).
    """
    labelled = labels != IGNORE
    return (F.cross_entropy(logits, labels[labelled], reduction="none") * weights[labelled]).sum()

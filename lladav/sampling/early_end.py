"""When to stop refining and fill in all that is left (Prophet, arXiv 2508.19982)."""

from torch import Tensor


def is_decided(top_probs: Tensor, thresholds: tuple[float, float, float], progress: float) -> bool:
    """Whether the best tokens lead by enough: the mean over the masks of log p1 - log p2, the gap of the logits.

    Args:
        top_probs: the most probable tokens at every mask, best first, of shape (N, K).
        thresholds: of the mean gap in the first, second and last third of the steps.
        progress: the share of the steps that has been taken, from 0 up.
    """
    gap = (top_probs[:, 0].log() - top_probs[:, 1].log()).mean()
    return bool(gap >= thresholds[min(2, int(3 * progress))])

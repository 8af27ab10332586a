"""How long an answer becomes that may grow (DAEDAL, arXiv 2508.00819).

At first the answer grows at its end until the model believes that it ends there. Later, wherever the model is at a loss
for a word, room is opened for more of them. It never becomes longer than `gen_length`.
"""

from torch import Tensor

END_WINDOW = 32  # the last positions, where the end is looked for
BELIEVED, SURELY_BELIEVED = 0.5, 0.9  # confidence in the end from which on the answer is long enough: at first, later
GROWTH = 8  # masks that are put behind the end, or in the place of one
LOST = 0.1  # confidence below which a mask becomes several


def end_confidence(end_probs: Tensor) -> float:
    """How surely the answer ends within its length: the mean over the last positions of the end's probability, (L,)."""
    return float(end_probs[-END_WINDOW:].mean())


def wants_more(end_probs: Tensor) -> bool:
    """Whether an answer that nothing is written of yet is too short; the end's probability (L,) at each position."""
    return end_confidence(end_probs) < BELIEVED


def lost_at(positions: Tensor, confidence: Tensor, end_probs: Tensor) -> int | None:
    """The least sure mask, where room is to be opened, or None.

    Args:
        positions, confidence: of the masks that this step leaves, each of shape (N,).
        end_probs: the end's probability at each position of the answer, 1 where it stands and 0 where another token
            does, of shape (L,).
    """
    if not len(positions) or end_confidence(end_probs) >= SURELY_BELIEVED:
        return None
    least = int(confidence.argmin())
    return int(positions[least]) if float(confidence[least]) < LOST else None

"""Ways to mask answers in training, beside LLaDA-V's own: what the model is given, what it must say, what that weighs.

A masking turns a batch's answers into one or more views of them. The loss of a view is the weighted cross-entropy at
its targets; that of a batch is the mean over its views.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from lladav.configuration import IGNORE
from lladav.training.objective import EPSILON

Predict = Callable[[Tensor], Tensor]  # input_ids (B, L) -> logits (B, L, V), without gradients


@dataclass(frozen=True)
class Answers:
    """The answers of a batch: input_ids, labels (IGNORE where none) and segments, each of shape (B, L)."""

    input_ids: Tensor
    labels: Tensor
    segments: Tensor
    mask_token_id: int

    @property
    def labelled(self) -> Tensor:
        """Where there is a target, of shape (B, L)."""
        return self.labels != IGNORE

    def masked(self, mask_index: Tensor) -> Tensor:
        """The ids with masks where `mask_index` (B, L) is true."""
        return self.input_ids.masked_fill(mask_index, self.mask_token_id)


@dataclass(frozen=True)
class View:
    """Answers as the model gets them: input_ids, where it is asked (targets, bool) and what that weighs (scale), each
    of shape (B, L)."""

    input_ids: Tensor
    targets: Tensor
    scale: Tensor


Masking = Callable[[Answers, Predict, torch.Generator], list[View]]


def stratified_times(segments: Tensor, generator: torch.Generator) -> Tensor:
    """A time for every conversation, spread evenly over (0, 1) within a batch, which lowers the variance of the loss.

    Args:
        segments: Of shape (B, L).
        generator: Of the times.

    Returns:
        Of shape (B, L), constant over a segment.
    """
    columns = int(segments.max()) + 1
    count = len(segments) * columns
    order = torch.randperm(count, generator=generator, device=segments.device)
    times = (order + torch.rand(count, generator=generator, device=segments.device)) / count
    return times.view(-1, columns).gather(1, segments.clamp(min=0))


def _draw(answers: Answers, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """LLaDA's forward process: where masks are, and their probability p, both of shape (B, L)."""
    p_mask = (1 - EPSILON) * stratified_times(answers.segments, generator) + EPSILON
    noise = torch.rand(p_mask.shape, generator=generator, device=p_mask.device)
    return (noise < p_mask) & answers.labelled, p_mask


def bound(answers: Answers, predict: Predict, generator: torch.Generator) -> list[View]:
    """The bound on the likelihood: tokens are masked with probability t ~ U(0, 1) and weigh 1 / t (LLaDA-V, eq. 3)."""
    mask_index, p_mask = _draw(answers, generator)
    return [View(answers.masked(mask_index), mask_index, 1 / p_mask)]


def complementary(answers: Answers, predict: Predict, generator: torch.Generator) -> list[View]:
    """Every answer under a mask and under its complement, so that each token is learnt (LaViDa, arXiv 2505.16839)."""
    mask_index, p_mask = _draw(answers, generator)
    other = answers.labelled & ~mask_index
    rest = (1 - p_mask).clamp(min=EPSILON)
    return [View(answers.masked(mask_index), mask_index, 1 / p_mask), View(answers.masked(other), other, 1 / rest)]


def middle(answers: Answers, predict: Predict, generator: torch.Generator) -> list[View]:
    """The bound's loss with times more often from the middle: the mean of two even draws."""
    times = (stratified_times(answers.segments, generator) + stratified_times(answers.segments, generator)) / 2
    p_mask = (1 - EPSILON) * times + EPSILON
    mask_index = (torch.rand(times.shape, generator=generator, device=times.device) < p_mask) & answers.labelled
    return [View(answers.masked(mask_index), mask_index, 1 / p_mask)]


def mean(answers: Answers, predict: Predict, generator: torch.Generator) -> list[View]:
    """The mean over an answer's masks: each weighs as many times more as there are fewer of them."""
    mask_index, _ = _draw(answers, generator)
    return [View(answers.masked(mask_index), mask_index, _share_of(mask_index, answers))]


def own_order(answers: Answers, predict: Predict, generator: torch.Generator) -> list[View]:
    """True tokens are revealed where the model is surest, as decoding would; the loss is the mean over the masks
    (after PUMA, arXiv 2602.10314, with one look at the empty answer in place of a chain of them)."""
    logits = predict(answers.masked(answers.labelled))
    confidence = logits.softmax(-1).amax(-1)  # (B, L)
    times = stratified_times(answers.segments, generator)
    mask_index = least_sure(confidence, answers, times)
    return [View(answers.masked(mask_index), mask_index, _share_of(mask_index, answers))]


def mixed(answers: Answers, predict: Predict, generator: torch.Generator) -> list[View]:
    """Every second conversation as in `own_order`, the others as in `bound`.

    Words revealed anywhere tell how the rest is laid out ("left" has one place or, behind "top", two), which decoding
    has to find out for itself; and the bound alone teaches to fill any gap.
    """
    (anywhere,), (surest,) = bound(answers, predict, generator), own_order(answers, predict, generator)
    own = answers.segments % 2 == 0
    targets = torch.where(own, surest.targets, anywhere.targets)
    return [View(answers.masked(targets), targets, torch.where(own, surest.scale, anywhere.scale))]


def corrected(answers: Answers, predict: Predict, generator: torch.Generator) -> list[View]:
    """The bound, and then the answer as the model itself would fill its masks, to be put right where it is wrong
    (after arXiv 2602.11590): this also teaches it to judge words that are committed."""
    (masks,) = bound(answers, predict, generator)
    filled = torch.where(masks.targets, predict(masks.input_ids).argmax(-1), masks.input_ids)
    return [masks, View(filled, answers.labelled, torch.ones_like(masks.scale))]


MASKINGS: dict[str, Masking] = {
    "bound": bound,
    "complementary": complementary,
    "middle": middle,
    "mean": mean,
    "own_order": own_order,
    "mixed": mixed,
    "corrected": corrected,
}


def _conversations(answers: Answers) -> Tensor:
    """A number for each conversation of the batch, of shape (B, L)."""
    columns = int(answers.segments.max()) + 1
    rows = torch.arange(len(answers.segments), device=answers.segments.device)[:, None]
    return rows * columns + answers.segments.clamp(min=0)


def _per_conversation(values: Tensor, answers: Answers) -> Tensor:
    """The sum of values (B, L) over the conversation of each position, of shape (B, L)."""
    index = _conversations(answers)
    sums = torch.zeros(int(index.max()) + 1, device=values.device).scatter_add_(0, index.flatten(), values.flatten())
    return sums[index]


def _share_of(mask_index: Tensor, answers: Answers) -> Tensor:
    """The factor that makes the masked tokens of a conversation weigh what all its labelled ones weigh: (B, L)."""
    masked = _per_conversation(mask_index.float(), answers)
    return _per_conversation(answers.labelled.float(), answers) / masked.clamp(min=1)


def least_sure(confidence: Tensor, answers: Answers, times: Tensor) -> Tensor:
    """The share `times` of each conversation's labelled tokens, at least one, where confidence is lowest.

    Args:
        confidence: Of shape (B, L).
        answers: Whose tokens they are.
        times: Of shape (B, L), constant over a conversation.
    """
    labelled = answers.labelled
    keys = confidence.masked_fill(~labelled, 2.0)
    same = answers.segments[:, :, None] == answers.segments[:, None, :]  # (B, L, L)
    rank = ((keys[:, None, :] < keys[:, :, None]) & same).sum(-1)  # how many of the conversation are less sure
    wanted = (times * _per_conversation(labelled.float(), answers)).ceil().clamp(min=1)
    return labelled & (rank < wanted)


def view_loss(logits: Tensor, labels: Tensor, weights: Tensor, view: View) -> Tensor:
    """The weighted cross-entropy at a view's targets: a scalar.

    Args:
        logits: Of shape (M, V), at the M targets, row-major.
        labels: Of shape (B, L).
        weights: Of shape (B, L): what an answer's tokens weigh, before the view's scale.
        view: Whose targets they are.
    """
    token_loss = F.cross_entropy(logits, labels[view.targets], reduction="none")  # (M,)
    return (token_loss * (weights * view.scale)[view.targets]).sum()

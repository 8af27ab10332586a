"""What a step does with a proposal: how many of its tokens it commits, and which committed ones it takes back."""

import torch
from torch import Tensor

from lladav.remasking import (
    count_above_mean,
    count_above_threshold,
    count_wide,
    count_within_entropy,
    count_within_factor,
    near_anchors,
    select_most_confident,
    select_sure,
)
from lladav.sampling import early_end, lengths, revision
from lladav.sampling.blocks import delimiter_end, window_end
from lladav.sampling.canvas import Canvas, Proposal, Task
from lladav.sampling.scores import vrcd


def decide(canvas: Canvas, task: Task, proposal: Proposal, delimiters: Tensor | None) -> None:
    """Take a step on the canvas.

    Args:
        canvas: as it is before the step.
        task: what the step is to do.
        proposal: for the masks before `task.reach`.
        delimiters: ids of shape (K,), where blocks end at those.
    """
    config = canvas.config
    if config.start_length is not None:
        _decide_and_grow(canvas, task, proposal)
        return
    if task.opens:
        assert delimiters is not None and config.delimiter_threshold is not None
        window = proposal.before(window_end(task.start, config.gen_length))
        end = delimiter_end(window.positions, window.x0, window.confidence, delimiters, config.delimiter_threshold)
        canvas.end_block(canvas.block_end if end is None else end)
    chosen = _choose(canvas, task, proposal)
    canvas.commit(proposal, chosen, _revoked(canvas, task, proposal, chosen) if config.revises else None)


def _choose(canvas: Canvas, task: Task, proposal: Proposal) -> Tensor:
    """Which of the N proposed tokens to commit, bool of shape (N,): at least what the schedule asks for, all that a
    policy is sure of, everything once the answer is decided."""
    thresholds = canvas.config.gap_thresholds
    if thresholds is not None and early_end.is_decided(
        proposal.top_probs, thresholds, canvas.steps_taken / canvas.planned_steps
    ):
        return torch.ones_like(proposal.positions, dtype=torch.bool)
    if task.revokes:
        return torch.zeros_like(proposal.positions, dtype=torch.bool)
    end = canvas.block_end if task.opens else task.end
    if task.reach == end:
        return _select(canvas, task, proposal)
    inside = _select(canvas, task, proposal.before(end))
    return torch.cat([inside, inside.new_zeros(len(proposal.positions) - len(inside))])


def _select(canvas: Canvas, task: Task, proposal: Proposal) -> Tensor:
    """Which of N tokens the schedule and the policy commit, bool of shape (N,)."""
    config, confidence = canvas.config, proposal.confidence
    if config.threshold is not None and config.kl_threshold is not None:
        assert proposal.settled is not None
        sure = (confidence > config.threshold) & (proposal.settled >= config.kl_steps)
        return select_sure(confidence, sure, task.floor)
    if config.threshold is not None and config.relaxed_threshold is not None:
        sure = near_anchors(
            proposal.positions, confidence, config.threshold, config.relaxed_threshold, config.anchor_radius
        )
        return select_sure(confidence, sure, task.floor)
    count = max(task.floor, _how_many(canvas, proposal))
    if config.remasking == "vrcd":
        assert proposal.looks is not None
        confidence = vrcd(confidence, proposal.looks, count, config.redundancy_power)
    return select_most_confident(confidence, count)


def _how_many(canvas: Canvas, proposal: Proposal) -> int:
    """How many tokens a policy is sure of."""
    config, confidence = canvas.config, proposal.confidence
    if config.threshold is not None:
        count = count_wide if config.revision == "wino" else count_above_threshold
        return count(confidence, config.threshold)
    if config.factor is not None:
        return count_within_factor(confidence, config.factor)
    if config.entropy_bound is not None:
        assert proposal.entropies is not None
        return count_within_entropy(confidence, proposal.entropies, config.entropy_bound)
    if config.mean_threshold:
        return count_above_mean(confidence, canvas.confidence[canvas.is_written])
    return 0


def _revoked(canvas: Canvas, task: Task, proposal: Proposal, chosen: Tensor) -> Tensor:
    """The positions (K,) whose tokens the step takes back."""
    config = canvas.config
    assert proposal.judged is not None and proposal.standing is not None
    judged, standing, committing = proposal.judged, proposal.standing, int(chosen.sum())
    if config.revision == "remdm":
        return judged[revision.least(standing, task.revokes)]
    allowed = canvas.revocations[judged] < config.max_revocations
    judged, standing = judged[allowed], standing[allowed]
    if config.revision == "saber":
        return judged[revision.saber(standing, canvas.confidence[judged], committing)]
    assert config.revision_threshold is not None
    if config.revision == "wino":
        before = int(canvas.transfer_index.sum())
        return judged[revision.wino(standing, config.revision_threshold, before, committing)]
    return judged[revision.token_to_mask(standing, config.revision_threshold)]


def _decide_and_grow(canvas: Canvas, task: Task, proposal: Proposal) -> None:
    """A step of an answer that may grow: at its end before anything is written, later where the model is at a loss."""
    assert proposal.end_probs is not None
    config, nothing = canvas.config, torch.zeros_like(proposal.positions, dtype=torch.bool)
    end_probs = (canvas.tokens[: canvas.length] == canvas.stop_sequences[0][0]).double()
    end_probs[proposal.positions] = proposal.end_probs
    if task.opens and canvas.length < config.gen_length and lengths.wants_more(end_probs):
        canvas.commit(proposal, nothing)
        canvas.grow(lengths.GROWTH)
        return
    chosen = _choose(canvas, task, proposal)
    canvas.commit(proposal, chosen)
    left = proposal.positions[~chosen]
    at = lengths.lost_at(left, proposal.confidence[~chosen], end_probs)
    count = min(lengths.GROWTH - 1, config.gen_length - canvas.length)
    canvas.open_room((at, count) if at is not None and count else None)

"""The answer while it is being filled, and the record of it that every view is a function of."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from lladav.remasking import num_transfer_tokens
from lladav.sampling.config import SamplingConfig

NUM_ALTERNATIVES = 5


@dataclass(frozen=True, eq=False)
class SamplingStep:
    """The state of a run after a step. Tensors are on the CPU and span the answer, G = gen_length positions.

    A masked position the model was not asked about in this step (it lies behind the active block, or the stop) has
    the mask token as `x0` and in `top_ids`, with `confidence` and `top_probs` 0. A committed position keeps what it
    had when it was committed; one that the template fixed has confidence 1.

    Attributes:
        step: 0 for the canvas of masks that no forward pass has touched yet.
        steps: how many steps are planned in all; a stop or tokens committed before their time may end
            the run sooner.
        block: the active block.
        tokens: ids of shape (G,), `mask_token_id` where masked.
        mask_index: bool of shape (G,), what is masked after this step.
        x0: ids of shape (G,), the token proposed for each position.
        confidence: float64 of shape (G,), what decided over committing `x0`.
        transfer_index: bool of shape (G,), what this step committed.
        top_ids: ids of shape (G, 5), the most probable tokens, best first.
        top_probs: float64 of shape (G, 5), their probabilities.
        nfe: forward passes so far (guidance runs its two rows in one).
        stop_position: where a stop string begins, or None; the answer is what stands before it.
        finish_reason: "stop" or "length" in the last step, else None.
    """

    step: int
    steps: int
    block: int
    tokens: Tensor
    mask_index: Tensor
    x0: Tensor
    confidence: Tensor
    transfer_index: Tensor
    top_ids: Tensor
    top_probs: Tensor
    nfe: int
    stop_position: int | None
    finish_reason: str | None

    @property
    def answer_ids(self) -> list[int]:
        """The ids before the stop, masks included."""
        return self.tokens[: self.stop_position].tolist()


@dataclass(frozen=True)
class Task:
    """A step to run: in `block`, commit at least `floor` of the masked positions before `end`."""

    block: int
    end: int
    floor: int


@dataclass(frozen=True)
class Proposal:
    """What the model would write at N masked positions; on the CPU."""

    positions: Tensor  # (N,)
    x0: Tensor  # (N,)
    confidence: Tensor  # (N,)
    top_ids: Tensor  # (N, 5)
    top_probs: Tensor  # (N, 5)
    entropies: Tensor | None = None  # (N,), where `entropy_bound` asks for them


class Canvas:
    """The answer while it is being filled, where it stops, and what the model last thought of each position."""

    def __init__(self, config: SamplingConfig, mask_token_id: int, stop_sequences: list[list[int]]):
        self.config = config
        self.mask_token_id = mask_token_id
        self.stop_sequences = [torch.tensor(ids) for ids in stop_sequences]
        self.stop_position: int | None = None
        template = config.template or (None,) * config.gen_length
        self.tokens = torch.tensor([mask_token_id if token is None else token for token in template])
        self.transfer_index = torch.zeros(config.gen_length, dtype=torch.bool)
        self.x0 = self.tokens.clone()
        self.confidence = (~self.mask_index).double()
        self.top_ids = torch.full((config.gen_length, NUM_ALTERNATIVES), mask_token_id)
        self.top_ids[:, 0] = self.tokens
        self.top_probs = torch.zeros(self.top_ids.shape, dtype=torch.float64)
        self.top_probs[:, 0] = self.confidence
        self._find_stop()
        blanks = self.mask_index & (torch.arange(config.gen_length) < self.end)  # those behind the stop stay
        counts = blanks.view(config.num_blocks, -1).sum(1)
        self.planned_steps = int(counts.clamp(max=config.steps_per_block).sum())

    @property
    def mask_index(self) -> Tensor:
        return self.tokens == self.mask_token_id

    def masked_before(self, end: int) -> Tensor:
        """The masked positions before `end`, ascending."""
        return self.mask_index[:end].nonzero().squeeze(1)

    @property
    def end(self) -> int:
        """Where the answer ends, as far as is known."""
        return self.config.gen_length if self.stop_position is None else self.stop_position

    def plan(self) -> Iterator[Task]:
        """The steps still to run, decided one at a time from the state of the canvas."""
        length = self.config.block_length
        for block, start in enumerate(range(0, self.config.gen_length, length)):
            if self.end <= start:
                return
            in_block = slice(start, start + length)
            blanks = int(self.mask_index[in_block].sum())
            for floor in num_transfer_tokens(blanks, self.config.steps_per_block, self.config.schedule_shift):
                if not self.mask_index[: self.end].any() or not self.mask_index[in_block].any():
                    break
                yield Task(block, min(start + length, self.end), floor)

    def commit(self, proposal: Proposal, chosen: Tensor) -> None:
        """Write down the proposal for N positions and commit those that `chosen`, bool of shape (N,), marks."""
        masked = self.mask_index
        self.x0.masked_fill_(masked, self.mask_token_id)
        self.confidence.masked_fill_(masked, 0.0)
        self.top_ids.masked_fill_(masked[:, None], self.mask_token_id)
        self.top_probs.masked_fill_(masked[:, None], 0.0)
        at = proposal.positions
        self.x0[at], self.confidence[at] = proposal.x0, proposal.confidence
        self.top_ids[at], self.top_probs[at] = proposal.top_ids, proposal.top_probs
        self.tokens[at[chosen]] = proposal.x0[chosen]
        self.transfer_index = torch.zeros_like(self.transfer_index).index_fill(0, at[chosen], True)
        self._find_stop()

    def _find_stop(self) -> None:
        """Look for each string in turn, but for none further down the list once there is a stop.

        Only positions before a stop are filled, so one that is found later stands further to the front.
        """
        for sequence in self.stop_sequences:
            position = _first_occurrence(self.tokens, sequence)
            if position is not None:
                self.stop_position = position
            if self.stop_position is not None:
                return

    def first_record(self) -> SamplingStep:
        """The canvas of masks, before any step; finished where there is nothing to fill."""
        return self.record(0, block=0, finished=next(self.plan(), None) is None)

    def record(self, step: int, block: int, finished: bool) -> SamplingStep:
        """The canvas as it stands after `step` steps, each of which took one forward pass."""
        return SamplingStep(
            step=step,
            steps=self.planned_steps,
            block=block,
            tokens=self.tokens.clone(),
            mask_index=self.mask_index,
            x0=self.x0.clone(),
            confidence=self.confidence.clone(),
            transfer_index=self.transfer_index,
            top_ids=self.top_ids.clone(),
            top_probs=self.top_probs.clone(),
            nfe=step,
            stop_position=self.stop_position,
            finish_reason=("length" if self.stop_position is None else "stop") if finished else None,
        )


def _first_occurrence(tokens: Tensor, sequence: Tensor) -> int | None:
    if len(sequence) > len(tokens):
        return None
    matches = (tokens.unfold(0, len(sequence), 1) == sequence).all(1).nonzero()
    return int(matches[0]) if len(matches) else None

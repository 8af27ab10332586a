"""The answer while it is being filled, and the record of it that every view is a function of."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lladav.remasking import num_transfer_tokens
from lladav.sampling.blocks import window_end
from lladav.sampling.config import SamplingConfig

NUM_ALTERNATIVES = 5


@dataclass(frozen=True, eq=False)
class SamplingStep:
    """The state of a run after a step. Tensors are on the CPU and span the answer, G = gen_length positions.

    A masked position the model was not asked about in this step (it lies behind the active block, or the stop) has
    the mask token as `x0` and in `top_ids`, with `confidence` and `top_probs` 0. A committed position keeps what it
    had when it was committed; one that the template fixed has confidence 1. One that was taken back is masked again,
    and nothing was asked about it.

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
        revoked_index: bool of shape (G,), what this step took back: committed before it, masked after it.
        room: the position that this step put masks behind, and how many: all that stood further right has moved by as
            many. None where it did not.
        top_ids: ids of shape (G, 5), the most probable tokens, best first.
        top_probs: float64 of shape (G, 5), their probabilities.
        nfe: forward passes so far (guidance runs its two rows in one).
        stop_position: where a stop string begins, or None; the answer is what stands before it. An answer that may
            grow and has not stopped ends here, too.
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
    revoked_index: Tensor
    room: tuple[int, int] | None
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
    """A step to run: in `block`, commit at least `floor` of the masked positions before `end`.

    Attributes:
        start: where the block begins.
        reach: the model is asked about masks before this position, `end` or one behind it.
        opens: whether the step decides where the block ends, or how long the answer is.
        revokes: take so many tokens back instead of committing any.
    """

    block: int
    start: int
    end: int
    floor: int
    reach: int
    opens: bool = False
    revokes: int = 0


@dataclass(frozen=True)
class Proposal:
    """What the model would write at N masked positions, and what it makes of M committed ones; on the CPU."""

    positions: Tensor  # (N,)
    x0: Tensor  # (N,)
    confidence: Tensor  # (N,)
    top_ids: Tensor  # (N, 5)
    top_probs: Tensor  # (N, 5)
    entropies: Tensor | None = None  # (N,), where a setting asks for them, and so on
    settled: Tensor | None = None  # (N,), steps since the distribution moved
    end_probs: Tensor | None = None  # (N,), of the token that ends an answer
    looks: Tensor | None = None  # (N, P), the attention to each token of the picture
    judged: Tensor | None = None  # (M,), committed positions
    standing: Tensor | None = None  # (M,), the probability of the tokens that stand there

    def before(self, end: int) -> "Proposal":
        """The part of it for masks before `end`."""
        count = int((self.positions < end).sum())
        names = ("positions", "x0", "confidence", "top_ids", "top_probs", "entropies", "settled", "end_probs", "looks")
        parts = {name: getattr(self, name) for name in names}
        return replace(self, **{name: part[:count] for name, part in parts.items() if part is not None})


class Canvas:
    """The answer while it is being filled, where it stops, and what the model last thought of each position."""

    def __init__(self, config: SamplingConfig, mask_token_id: int, stop_sequences: list[list[int]]):
        self.config = config
        self.mask_token_id = mask_token_id
        self.stop_sequences = [torch.tensor(ids) for ids in stop_sequences]
        self.stop_position: int | None = None
        self.length = config.start_length or config.gen_length  # which an answer that may grow exceeds later
        template = config.template or (None,) * config.gen_length
        self.tokens = torch.tensor([mask_token_id if token is None else token for token in template])
        self.is_fixed = ~self.mask_index
        self.transfer_index = torch.zeros(config.gen_length, dtype=torch.bool)
        self.revoked_index = torch.zeros_like(self.transfer_index)
        self.revocations = torch.zeros(config.gen_length, dtype=torch.long)
        self.room: tuple[int, int] | None = None
        self.x0 = self.tokens.clone()
        self.confidence = self.is_fixed.double()
        self.top_ids = torch.full((config.gen_length, NUM_ALTERNATIVES), mask_token_id)
        self.top_ids[:, 0] = self.tokens
        self.top_probs = torch.zeros(self.top_ids.shape, dtype=torch.float64)
        self.top_probs[:, 0] = self.confidence
        self._find_stop()
        blanks = self.mask_index & (torch.arange(config.gen_length) < self.end)  # those behind the stop stay
        counts = blanks.view(config.num_blocks, -1).sum(1)
        self.planned_steps = int(counts.clamp(max=config.steps_per_block).sum())
        self.block_end = 0
        self.steps_taken = 0

    @property
    def mask_index(self) -> Tensor:
        return self.tokens == self.mask_token_id

    @property
    def is_written(self) -> Tensor:
        """Where the run has committed a token, bool of shape (G,)."""
        return ~self.mask_index & ~self.is_fixed

    def masked_before(self, end: int) -> Tensor:
        """The masked positions before `end`, ascending."""
        return self.mask_index[:end].nonzero().squeeze(1)

    def committed_in(self, task: Task) -> Tensor:
        """The positions whose tokens may be taken back in a step, ascending: those that the run has written in the
        active block, up to the first token of the stop."""
        last = self.block_end if self.stop_position is None else min(self.block_end, self.stop_position + 1)
        return task.start + self.is_written[task.start : last].nonzero().squeeze(1)

    @property
    def end(self) -> int:
        """Where the answer ends, as far as is known."""
        return self.length if self.stop_position is None else self.stop_position

    def plan(self) -> Iterator[Task]:
        """The steps still to run, decided one at a time from the state of the canvas."""
        block = start = 0
        if self.config.start_length is not None:
            yield from self._growing_tasks()
        while start < self.end:
            adaptive = self.config.delimiter_threshold is not None
            yield from self._adaptive_tasks(block, start) if adaptive else self._tasks(block, start)
            block, start = block + 1, self.block_end

    def _tasks(self, block: int, start: int) -> Iterator[Task]:
        """The steps of a block of the fixed length: its schedule, and what taking tokens back makes necessary."""
        config = self.config
        self.block_end = start + config.block_length
        in_block = slice(start, self.block_end)
        schedule = num_transfer_tokens(
            int(self.mask_index[in_block].sum()), config.steps_per_block, config.schedule_shift
        )
        rate, waiting = schedule[0], config.revision == "remdm"
        for floor in schedule:
            if waiting and self._filled(start) >= config.revision_from:
                waiting = False
                yield from self._rounds(block, start, rate)
            if not self.mask_index[: self.end].any() or not self.mask_index[in_block].any():
                break
            yield self._task(block, start, floor)
        if waiting:
            yield from self._rounds(block, start, rate)
        if config.revises or config.start_length is not None:
            yield from self._rest(block, start, rate)

    def _adaptive_tasks(self, block: int, start: int) -> Iterator[Task]:
        """The steps of a block that the first of them, which also commits, finds the end of."""
        config = self.config
        self.block_end = min(start + config.block_length, config.gen_length)
        if not self._masks(start):
            return
        reach = max(self.block_end, window_end(start, config.gen_length))
        yield replace(self._task(block, start, config.rate), reach=min(reach, self.end), opens=True)
        yield from self._rest(block, start, config.rate)

    def _growing_tasks(self) -> Iterator[Task]:
        """Steps that make the answer longer; the last of them finds it long enough, and commits."""
        self.block_end, length = self.config.block_length, 0
        while length < self.length:
            length = self.length
            yield replace(self._task(0, 0, self.config.rate), opens=True)

    def _rest(self, block: int, start: int, rate: int) -> Iterator[Task]:
        """Steps that fill what is still masked. A model may write a mask: there are at most as many steps as there are
        masks, and more only for those that come in between; and never so many that `SamplingConfig.most_steps` would
        leave no step for each position behind the block."""
        spent, added, most = 0, self._added, self.config.most_steps
        masks = self._masks(start)
        while self._masks(start) and spent < masks + self._added - added:
            if self.steps_taken + max(0, self.end - self.block_end) >= most:
                return
            yield self._task(block, start, rate)
            spent += 1

    def _rounds(self, block: int, start: int, count: int) -> Iterator[Task]:
        """ReMDM's loop: take back `count` tokens in one step and fill as many in the next."""
        for _ in range(self.config.revision_rounds):
            looking = replace(self._task(block, start, 0), revokes=count)
            if not len(self.committed_in(looking)):
                return
            yield looking
            yield self._task(block, start, count)

    def _task(self, block: int, start: int, floor: int) -> Task:
        end = min(self.block_end, self.end)
        return Task(block, start, end, floor, reach=end if self.config.gap_thresholds is None else self.end)

    def _masks(self, start: int) -> int:
        return int(self.mask_index[start : min(self.block_end, self.end)].sum())

    @property
    def _added(self) -> int:
        """How many masks a run has made so far."""
        return int(self.revocations.sum()) + self.length

    def _filled(self, start: int) -> float:
        blanks = int((~self.is_fixed[start : self.block_end]).sum())
        return 1 - self._masks(start) / blanks if blanks else 1.0

    def end_block(self, end: int) -> None:
        """End the active block at `end`, before what was to be its end or behind it."""
        self.block_end = end

    def grow(self, count: int) -> None:
        """Put `count` masks behind the answer, or as many as there is room for."""
        self.length = min(self.length + count, self.config.gen_length)

    def commit(self, proposal: Proposal, chosen: Tensor, revoked: Tensor | None = None) -> None:
        """Write down the proposal for N positions, commit those that `chosen`, bool of shape (N,), marks, and in a run
        that revises mask the positions `revoked`, of shape (K,), again."""
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
        self.steps_taken += 1
        if revoked is not None:
            self._revoke(revoked)
        self._find_stop()

    def _revoke(self, positions: Tensor) -> None:
        """Mask positions again, of which nothing is known then. Without the stop, another string may be found."""
        self.tokens[positions], self.x0[positions], self.top_ids[positions] = (self.mask_token_id,) * 3
        self.confidence[positions], self.top_probs[positions] = 0.0, 0.0
        self.revocations[positions] += 1
        self.revoked_index = torch.zeros_like(self.revoked_index).index_fill(0, positions, True)
        if self.stop_position is not None and self.tokens[self.stop_position] == self.mask_token_id:
            self.stop_position = None

    def open_room(self, room: tuple[int, int] | None) -> None:
        """After a commit, put masks behind a position, as `SamplingStep.room` says; None opens none."""
        self.room = room
        if room is None:
            return
        position, count = room
        for values, blank in (
            (self.tokens, self.mask_token_id), (self.x0, self.mask_token_id), (self.top_ids, self.mask_token_id),
            (self.confidence, 0.0), (self.top_probs, 0.0), (self.transfer_index, False),
        ):  # fmt: skip
            values[position + 1 + count :] = values[position + 1 : -count].clone()
            values[position + 1 : position + 1 + count] = blank
        self.grow(count)
        self.stop_position = None
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
        return self.record(0, block=0, finished=not self.mask_index[: self.end].any())

    def record(self, step: int, block: int, finished: bool) -> SamplingStep:
        """The canvas as it stands after `step` steps, each of which took one forward pass."""
        return SamplingStep(
            step=step,
            steps=max(self.planned_steps, step if finished else step + 1),
            block=block,
            tokens=self.tokens.clone(),
            mask_index=self.mask_index,
            x0=self.x0.clone(),
            confidence=self.confidence.clone(),
            transfer_index=self.transfer_index,
            revoked_index=self.revoked_index,
            room=self.room,
            top_ids=self.top_ids.clone(),
            top_probs=self.top_probs.clone(),
            nfe=step,
            stop_position=self.end if self.end < self.config.gen_length else None,
            finish_reason=("length" if self.stop_position is None else "stop") if finished else None,
        )


def _first_occurrence(tokens: Tensor, sequence: Tensor) -> int | None:
    if len(sequence) > len(tokens):
        return None
    matches = (tokens.unfold(0, len(sequence), 1) == sequence).all(1).nonzero()
    return int(matches[0]) if len(matches) else None

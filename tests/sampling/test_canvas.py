"""The answer while it is filled: which steps are planned, and what becomes of what is known of a position."""

from itertools import islice

import pytest
import torch
from scripted import Neighbors, traced

from lladav.sampling import Canvas, Proposal, SamplingConfig
from lladav.sampling.canvas import Task

MASK, END = 0, 9


def canvas(gen_length: int, stop: bool = True, **settings) -> Canvas:
    """In one block, a token a step, if nothing else is said."""
    config = SamplingConfig(
        **{"gen_length": gen_length, "block_length": gen_length, "steps": gen_length, "stop": (str(END),)} | settings
    )
    return Canvas(config, MASK, [[END]] * stop)


def proposal(tokens: dict[int, int], confidence: float = 0.5) -> Proposal:
    """Tokens by position, of which all are as sure."""
    x0 = torch.tensor(list(tokens.values()))
    sure = torch.full((len(tokens),), confidence, dtype=torch.float64)
    top_ids = torch.stack([x0 + i for i in range(5)], dim=1)
    top_probs = torch.stack([sure / (1 + i) for i in range(5)], dim=1)
    return Proposal(torch.tensor(list(tokens)), x0, sure, top_ids, top_probs, entropies=sure, end_probs=sure)


def everything(one: Proposal) -> torch.Tensor:
    return torch.ones_like(one.positions, dtype=torch.bool)


@pytest.mark.parametrize(("end", "count"), [(0, 0), (3, 0), (4, 1), (5, 2), (9, 3)])
def test_the_part_of_a_proposal_before_a_position_leaves_that_out(end: int, count: int):
    part = proposal({3: 1, 4: 2, 6: 3}).before(end)
    assert part.positions.tolist() == [3, 4, 6][:count] and part.x0.tolist() == [1, 2, 3][:count]
    assert {len(values) for values in vars(part).values() if values is not None} == {count}


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({}, 8),
        ({"steps": 4}, 4),
        ({"block_length": 4}, 8),
        ({"template": (None, None, END, *[None] * 5)}, 2),  # what stands behind the stop stays masked
        ({"template": (3, None, 3, *[None] * 5)}, 6),
        ({"start_length": 4}, 4),
    ],
)
def test_a_run_has_a_step_for_each_token_at_most(settings: dict, steps: int):
    assert canvas(8, **settings).record(0, 0, finished=False).steps == steps


def test_a_run_that_takes_longer_than_planned_has_one_more_step_until_it_ends():
    one = canvas(8, steps=2)
    assert [one.record(step, 0, finished=False).steps for step in (0, 1, 2, 3)] == [2, 2, 3, 4]
    assert [one.record(step, 0, finished=True).steps for step in (1, 2, 3)] == [2, 2, 3]


def test_the_first_record_is_sure_of_what_the_template_fixed():
    first = canvas(3, template=(None, 4, None)).record(0, 0, finished=False)
    assert first.top_ids.tolist() == [[MASK] * 5, [4, *[MASK] * 4], [MASK] * 5]
    assert first.top_probs.tolist() == [[0.0] * 5, [1.0, *[0.0] * 4], [0.0] * 5]
    assert first.confidence.tolist() == [0.0, 1.0, 0.0] and not first.transfer_index.dtype.is_floating_point


class TestPlan:
    def test_a_step_asks_about_the_masks_of_its_block(self):
        (first, *_) = canvas(8, block_length=4).plan()
        assert first == Task(block=0, start=0, end=4, floor=1, reach=4)

    def test_a_step_that_may_end_the_answer_asks_about_all_of_it(self):
        first = next(canvas(8, block_length=4, gap_thresholds=(1.0, 1.0, 1.0)).plan())
        assert first == Task(block=0, start=0, end=4, floor=1, reach=8)

    @pytest.mark.parametrize(("block_length", "reach"), [(16, 16), (4, 8)])
    def test_a_step_that_finds_the_end_of_its_block_asks_about_the_next_quarter(self, block_length: int, reach: int):
        first = next(canvas(32, block_length=block_length, delimiter_threshold=0.5).plan())
        assert first == Task(block=0, start=0, end=block_length, floor=1, reach=reach, opens=True)

    def test_nothing_behind_the_stop_is_asked_about(self):
        one = canvas(32, block_length=4, delimiter_threshold=0.5, template=(*[None] * 2, END, *[None] * 29))
        assert next(one.plan()) == Task(block=0, start=0, end=2, floor=1, reach=2, opens=True)

    def test_an_answer_that_grows_begins_with_what_there_is_of_it(self):
        one = canvas(16, start_length=4)
        plan = one.plan()
        assert next(plan) == Task(block=0, start=0, end=4, floor=1, reach=4, opens=True)
        one.grow(8)
        assert next(plan) == Task(block=0, start=0, end=12, floor=1, reach=12, opens=True)
        assert next(plan) == Task(block=0, start=0, end=12, floor=1, reach=12)

    def test_a_model_that_writes_masks_has_a_step_for_each(self):
        steps = list(islice(canvas(4, delimiter_threshold=0.5).plan(), 20))
        assert steps == [Task(0, 0, 4, floor=1, reach=4, opens=True), *[Task(0, 0, 4, floor=1, reach=4)] * 4]

    def test_a_step_that_takes_back_commits_nothing(self):
        one = canvas(4, revision="remdm", revision_from=0.5, revision_rounds=2, steps=1)
        one.commit(known := proposal({0: 3, 2: 4}), everything(known), torch.tensor([], dtype=torch.long))
        there_and_back = [Task(0, 0, 4, floor=0, reach=4, revokes=2), Task(0, 0, 4, floor=2, reach=4)]
        assert list(islice(one.plan(), 4)) == there_and_back * 2


@pytest.mark.parametrize("stop", [False, True])
def test_masks_that_are_put_in_move_what_stands_behind_them(stop: bool):
    one = canvas(10, stop, start_length=6)
    words = proposal({0: 3, 1: 4, 2: 5, 3: 6, 4: END, 5: 8})
    one.commit(words, words.x0 != 4)
    one.open_room((1, 3))
    step = one.record(1, 0, finished=False)
    assert step.tokens.tolist() == [3, MASK, MASK, MASK, MASK, 5, 6, END, 8, MASK]
    assert step.x0.tolist() == [3, 4, MASK, MASK, MASK, 5, 6, END, 8, MASK]
    known = torch.tensor([True, True, False, False, False, True, True, True, True, False])
    assert step.confidence.tolist() == (0.5 * known).tolist()
    assert step.top_ids[~known].unique().tolist() == [MASK] and step.top_probs[~known].unique().tolist() == [0.0]
    assert torch.equal(step.top_ids[known], words.top_ids) and torch.equal(step.top_probs[known], words.top_probs)
    assert step.transfer_index.tolist() == (known & ~step.mask_index).tolist()
    assert step.room == (1, 3) and step.stop_position == (7 if stop else 9)


def test_without_room_nothing_moves():
    one = canvas(6, start_length=4)
    words = proposal({0: 3, 1: 4, 2: 5, 3: 6})
    one.commit(words, everything(words))
    before = one.record(1, 0, finished=False)
    one.open_room(None)
    after = one.record(1, 0, finished=False)
    assert torch.equal(before.tokens, after.tokens) and after.room is None and after.stop_position == 4


@pytest.mark.parametrize(
    "settings",
    [
        {"delimiter_threshold": 1.1, "block_length": 1},
        {"delimiter_threshold": 1.1, "block_length": 4, "steps": 2},
        {"start_length": 8},
        {"start_length": 1},
        {"revision": "remdm", "block_length": 4, "revision_rounds": 2},
    ],
    ids=str,
)
def test_a_model_that_writes_nothing_but_masks_ends_within_the_bound_of_a_run(settings: dict):
    bias = torch.zeros(8, 12)
    bias[:, MASK] = 9.0
    model = Neighbors(bias, torch.zeros(12, 12))
    model.config.suppress_token_ids = []
    config = canvas(8, **{"delimiters": (str(END),)} | settings).config
    steps, _ = traced(model, config)
    assert steps[-1].mask_index.all() and steps[-1].finish_reason == "length"
    assert model.passes == len(steps) - 1 <= config.most_steps


class TestCommitted:
    """What may be taken back in a step."""

    def test_only_what_the_run_wrote_in_the_active_block(self):
        one = canvas(8, block_length=4, template=(1, *[None] * 7))
        one.commit(whole := proposal({1: 3, 2: 4, 5: 6}), everything(whole))
        first, second = (Task(block, 4 * block, 4 * block + 4, 1, reach=4 * block + 4) for block in (0, 1))
        next(one.plan())
        assert one.committed_in(first).tolist() == [1, 2]
        one.block_end = 8
        assert one.committed_in(second).tolist() == [5]

    def test_nothing_behind_the_stop(self):
        one = canvas(8)
        one.commit(whole := proposal({1: 3, 2: END, 3: 6, 5: 6}), everything(whole))
        first = next(one.plan())
        assert one.committed_in(first).tolist() == [1, 2]

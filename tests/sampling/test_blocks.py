"""Where blocks end that end at delimiters."""

import pytest
import torch
from scripted import Neighbors, traced

from lladav import SamplingConfig
from lladav.sampling.blocks import delimiter_end, window_end

POSITIONS = torch.tensor([4, 5, 6, 7])


@pytest.mark.parametrize(("start", "end"), [(0, 8), (8, 16), (28, 32), (31, 32)])
def test_a_delimiter_is_looked_for_in_the_next_quarter(start: int, end: int):
    assert window_end(start, 32) == end


def test_a_window_is_never_empty():
    assert window_end(0, 3) == 1


@pytest.mark.parametrize(("start", "gen_length", "end"), [(0, 7, 1), (7, 30, 14), (28, 30, 30)])
def test_a_quarter_that_is_no_whole_number_is_rounded_down(start: int, gen_length: int, end: int):
    assert window_end(start, gen_length) == end


@pytest.mark.parametrize(
    ("delimiters", "threshold", "expected"),
    [([9], 0.3, 7), ([9], 0.5, 7), ([9], 0.6, None), ([9, 8], 0.3, 6), ([3], 0.0, None)],
)
def test_the_surest_delimiter_ends_a_block(delimiters: list[int], threshold: float, expected: int | None):
    x0, confidence = torch.tensor([9, 8, 9, 7]), torch.tensor([0.4, 0.8, 0.5, 0.9])
    assert delimiter_end(POSITIONS, x0, confidence, torch.tensor(delimiters), threshold) == expected


def test_a_delimiter_is_seen_behind_the_longest_block_but_not_behind_the_window():
    bias = torch.zeros(32, 12)
    bias[:, 7], bias[5, 6], bias[9, 6] = 9.0, 20.0, 30.0
    lengths = {"gen_length": 32, "block_length": 4, "stop": (), "delimiters": ("6",)}
    steps, _ = traced(Neighbors(bias, torch.zeros(12, 12)), SamplingConfig.method("adablock", **lengths))
    assert steps[1].x0.tolist() == [7] * 5 + [6, 7, 7] + [0] * 24
    assert steps[1].transfer_index.nonzero().flatten().tolist() == [0, 1, 2, 3, 4, 5]


def test_a_block_that_a_template_has_filled_takes_no_step():
    lengths = {"gen_length": 12, "block_length": 4, "stop": (), "delimiters": ("6",)}
    config = SamplingConfig.method("adablock", **lengths, template=(None, *[7] * 7, None, *[7] * 3))
    model = Neighbors.at_random(40, seed=3)
    steps, _ = traced(model, config)
    assert [step.block for step in steps] == [0, 0, 2] and model.passes == 2
    (only,), _ = traced(model, SamplingConfig.method("adablock", **lengths, template=(7,) * 12))
    assert only.finish_reason == "length" and model.passes == 2


def test_a_mask_that_was_left_costs_later_blocks_no_step_of_their_own():
    bias = torch.zeros(4, 12)
    bias[0, 0], bias[1:, 7] = 1.0, 9.0  # the first word should stay masked
    model = Neighbors(bias, torch.zeros(12, 12))
    model.config.suppress_token_ids = []
    lengths = {"gen_length": 4, "block_length": 2, "stop": (), "delimiters": ("6",)}
    steps, _ = traced(model, SamplingConfig.method("adablock", **lengths))
    assert [step.block for step in steps[1:]] == [0, 0, 1]
    assert steps[-1].mask_index.tolist() == [True, False, False, False]


def test_blocks_follow_each_other_without_a_gap():
    config = SamplingConfig.method("adablock", gen_length=12, stop=(), threshold=0.7, delimiters=("6", "8"))
    steps, _ = traced(Neighbors.at_random(40, seed=3), config)
    blocks: dict[int, set[int]] = {}
    for step in steps[1:]:
        blocks.setdefault(step.block, set()).update(step.transfer_index.nonzero().flatten().tolist())
    assert len(blocks) > 2
    assert [at for number in sorted(blocks) for at in sorted(blocks[number])] == list(range(12))

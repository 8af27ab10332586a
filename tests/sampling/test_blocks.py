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


@pytest.mark.parametrize(
    ("delimiters", "threshold", "expected"), [([9], 0.3, 7), ([9], 0.6, None), ([9, 8], 0.3, 6), ([3], 0.0, None)]
)
def test_the_surest_delimiter_ends_a_block(delimiters: list[int], threshold: float, expected: int | None):
    x0, confidence = torch.tensor([9, 8, 9, 7]), torch.tensor([0.4, 0.8, 0.5, 0.9])
    assert delimiter_end(POSITIONS, x0, confidence, torch.tensor(delimiters), threshold) == expected


def test_blocks_follow_each_other_without_a_gap():
    config = SamplingConfig.method("adablock", gen_length=12, stop=(), threshold=0.7, delimiters=("6", "8"))
    steps, _ = traced(Neighbors.at_random(40, seed=3), config)
    blocks: dict[int, set[int]] = {}
    for step in steps[1:]:
        blocks.setdefault(step.block, set()).update(step.transfer_index.nonzero().flatten().tolist())
    assert len(blocks) > 2
    assert [at for number in sorted(blocks) for at in sorted(blocks[number])] == list(range(12))

import math

import pytest
import torch

from lladav.remasking import (
    count_above_mean,
    count_above_threshold,
    count_wide,
    count_within_entropy,
    count_within_factor,
    entropy,
    low_confidence,
    near_anchors,
    num_transfer_tokens,
    random_confidence,
    select_most_confident,
    select_sure,
)


@pytest.mark.parametrize(
    ("masked", "steps", "expected"),
    [(32, 5, [7, 7, 6, 6, 6]), (4, 4, [1, 1, 1, 1]), (3, 5, [1, 1, 1, 0, 0]), (0, 2, [0, 0]), (7, 1, [7])],
)
def test_the_first_steps_take_what_does_not_divide(masked: int, steps: int, expected: list[int]):
    assert num_transfer_tokens(masked, steps) == expected


@pytest.mark.parametrize(
    ("masked", "steps", "shift", "expected"),
    [
        (32, 5, 1 / 3, [3, 4, 5, 7, 13]),
        (32, 5, 3.0, [13, 7, 5, 4, 3]),
        (8, 8, 1 / 3, [1] * 8),
        (3, 5, 1 / 3, [1, 1, 1, 0, 0]),
        (0, 2, 1 / 3, [0, 0]),
    ],
)
def test_a_shifted_schedule(masked: int, steps: int, shift: float, expected: list[int]):
    assert num_transfer_tokens(masked, steps, shift) == expected


@pytest.mark.parametrize("shift", [1e-9, 0.1, 1 / 3, 0.9, 1.0, 2.0, 1e9])
@pytest.mark.parametrize(("masked", "steps"), [(64, 32), (64, 7), (33, 32), (128, 1)])
def test_a_schedule_commits_everything_and_something_at_every_step(masked: int, steps: int, shift: float):
    counts = num_transfer_tokens(masked, steps, shift)
    assert sum(counts) == masked and len(counts) == steps and min(counts) >= 1
    assert counts == sorted(counts, reverse=shift >= 1)


def test_a_third_leaves_three_quarters_to_the_second_half():
    counts = num_transfer_tokens(4100, 100, 1 / 3)
    assert sum(counts[:50]) == 50 + (4100 - 100) // 4


def test_low_confidence_is_the_probability_of_the_proposal():
    probabilities = torch.tensor([[0.1, 0.9], [0.6, 0.4]])
    assert low_confidence(probabilities, torch.tensor([[1], [1]])).flatten().tolist() == pytest.approx([0.9, 0.4])


def test_random_confidence_is_the_published_draw():
    torch.manual_seed(3)
    expected = torch.rand((1, 9))[0]
    assert torch.equal(random_confidence(9, torch.Generator().manual_seed(3)), expected)


def test_the_most_confident_are_selected():
    confidence = torch.tensor([0.2, 0.9, 0.1, 0.5])
    assert select_most_confident(confidence, 2).tolist() == [False, True, False, True]
    assert select_most_confident(confidence, 0).sum() == 0
    assert select_most_confident(confidence, 9).all()


def test_count_above_threshold():
    confidence = torch.tensor([0.2, 0.9, 0.95])
    assert count_above_threshold(confidence, 0.9) == 1
    assert count_above_threshold(confidence, 1.1) == 0


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(0.0, 0), (0.01, 0), (0.021, 1), (0.31, 2), (100.0, 4)],  # (n + 1)(1 - c): 0.02, 0.3, 2.0, 4.5
)
def test_count_within_factor(factor: float, expected: int):
    assert count_within_factor(torch.tensor([0.5, 0.99, 0.1, 0.9], dtype=torch.float64), factor) == expected


def test_entropy_is_in_nats():
    found = entropy(torch.tensor([[0.25, 0.25, 0.25, 0.25], [0.0, 1.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0]]))
    assert found.tolist() == pytest.approx([math.log(4), 0, math.log(2)])


@pytest.mark.parametrize(
    ("bound", "expected"),
    [(0.0, 0), (0.001, 1), (0.125, 1), (0.126, 2), (0.375, 2), (0.376, 3), (0.875, 3), (0.876, 4)],
)
def test_count_within_entropy(bound: float, expected: int):
    """In order of confidence the entropies are 1/8, 1/2, 1/4 and 1: all but the largest sum to 0, 1/8, 3/8 and 7/8."""
    confidence = torch.tensor([0.5, 0.99, 0.1, 0.9], dtype=torch.float64)
    entropies = torch.tensor([0.25, 0.125, 1.0, 0.5], dtype=torch.float64)
    assert count_within_entropy(confidence, entropies, bound) == expected


def test_a_bound_of_zero_asks_for_nothing_even_of_the_certain():
    certain = torch.ones(3, dtype=torch.float64)
    assert count_within_entropy(certain, torch.zeros(3, dtype=torch.float64), 0.0) == 0


def test_the_bound_of_a_factor_is_not_within_it_and_positions_are_weighed_by_their_rank():
    confidence = torch.tensor([0.75, 0.5])
    assert [count_within_factor(confidence, factor) for factor in (0.5, 1.25, 1.5, 1.75)] == [0, 1, 1, 2]


@pytest.mark.parametrize(("masks", "sure", "expected"), [(4, 4, 4), (10, 10, 7), (7, 7, 5), (40, 40, 20), (40, 3, 3)])
def test_a_wide_step_takes_at_most_seven_tenths_of_many_masks(masks: int, sure: int, expected: int):
    confidence = torch.tensor([0.7] * sure + [0.5] * (masks - sure))
    assert count_wide(confidence, 0.6) == expected


def test_what_is_committed_sets_the_mean_to_beat():
    confidence = torch.tensor([0.6, 0.7, 0.8], dtype=torch.float64)
    assert count_above_mean(confidence, torch.tensor([0.5, 0.8], dtype=torch.float64)) == 2  # above 0.65
    assert count_above_mean(confidence, confidence[:0]) == 0


def test_anchors_relax_the_threshold_beside_them():
    positions = torch.tensor([0, 1, 3, 4, 9])
    confidence = torch.tensor([0.8, 0.95, 0.8, 0.8, 0.8])
    near = near_anchors(positions, confidence, 0.9, 0.75, radius=2)
    assert near.tolist() == [True, True, True, False, False]
    assert near_anchors(positions, confidence, 0.9, 0.85, radius=2).tolist() == [False, True, False, False, False]
    assert not near_anchors(positions, confidence, 0.96, 0.1, radius=9).any()


@pytest.mark.parametrize(("floor", "expected"), [(0, [1, 3]), (2, [1, 3]), (3, [0, 1, 3]), (9, [0, 1, 2, 3])])
def test_the_sure_are_chosen_first_though_others_are_more_confident(floor: int, expected: list[int]):
    confidence = torch.tensor([0.9, 0.2, 0.3, 0.4])
    chosen = select_sure(confidence, torch.tensor([False, True, False, True]), floor)
    assert chosen.nonzero().flatten().tolist() == expected

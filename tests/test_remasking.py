import pytest
import torch

from lladav.remasking import (
    count_above_threshold,
    count_within_factor,
    low_confidence,
    num_transfer_tokens,
    random_confidence,
    select_most_confident,
)


@pytest.mark.parametrize(
    ("masked", "steps", "expected"),
    [(32, 5, [7, 7, 6, 6, 6]), (4, 4, [1, 1, 1, 1]), (3, 5, [1, 1, 1, 0, 0]), (0, 2, [0, 0]), (7, 1, [7])],
)
def test_the_first_steps_take_what_does_not_divide(masked: int, steps: int, expected: list[int]):
    assert num_transfer_tokens(masked, steps) == expected


def test_low_confidence_is_the_probability_of_the_proposal():
    probabilities = torch.tensor([[0.1, 0.9], [0.6, 0.4]])
    assert low_confidence(probabilities, torch.tensor([1, 1])).tolist() == pytest.approx([0.9, 0.4])


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

"""When an answer is decided."""

import math

import pytest
import torch

from lladav.sampling.early_end import is_decided

LEADS = torch.tensor([[math.exp(-1), math.exp(-4)], [math.exp(-1), math.exp(-6)]], dtype=torch.float64)  # by 3 and 5


@pytest.mark.parametrize(
    ("progress", "expected"), [(0.0, False), (0.3, False), (0.34, True), (0.66, True), (0.7, False), (1.5, False)]
)
def test_the_mean_lead_is_held_against_the_bound_of_the_third(progress: float, expected: bool):
    assert is_decided(LEADS, (4.1, 3.9, 5.0), progress) is expected


def test_a_lead_as_large_as_the_bound_is_enough():
    assert is_decided(torch.tensor([[0.4, 0.4]]), (0.0, 0.1, 0.1), 0.0)
    assert not is_decided(torch.tensor([[0.4, 0.4]]), (0.0, 0.1, 0.1), 0.5)

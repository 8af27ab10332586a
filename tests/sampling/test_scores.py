"""Each score on a worked example."""

import math

import pytest
import torch

from lladav.sampling.scores import certainty, earliness, margin, pc_sampler, percentile_ranks, redundancy, vrcd


def test_the_margin_is_the_lead_of_the_best():
    assert margin(torch.tensor([[0.5, 0.25, 0.1], [0.4, 0.4, 0.1]])).tolist() == [0.25, 0.0]


def test_certainty_is_one_for_one_token_and_none_for_an_even_spread():
    entropies = torch.tensor([0.0, math.log(8) / 2, math.log(8)], dtype=torch.float64)
    assert certainty(entropies, 8).tolist() == pytest.approx([1, 0.5, 0])


def test_certainty_stays_within_its_bounds_though_entropies_are_rounded():
    entropies = torch.tensor([-1e-9, math.log(8) + 1e-9], dtype=torch.float64)
    assert certainty(entropies, 8).tolist() == [1.0, 0.0]


def test_left_to_right_prefers_the_first():
    assert earliness(torch.tensor([0, 3]), 4).tolist() == [1.0, 0.25]


def test_pc_sampler_prefers_the_early_and_the_rare():
    probabilities = torch.tensor([0.5, 0.5, 0.5, 0.5], dtype=torch.float64)
    frequencies = torch.tensor([math.exp(-4), math.exp(-2), math.exp(-4), 0.0], dtype=torch.float64)
    scores = pc_sampler(probabilities, frequencies, torch.tensor([0, 0, 4, 0]), decay=0.25)
    assert scores.tolist() == pytest.approx([0.2, 0.1, 0.2 * math.exp(-1), 1.0])  # the last is cut off at alpha
    assert pc_sampler(probabilities, frequencies, torch.tensor([0, 0, 4, 0]), decay=0.0)[2] == pytest.approx(0.2)


def test_vrcd_prefers_words_that_look_elsewhere():
    looks = torch.tensor([[8.0, 0, 0, 0], [2, 0, 0, 0], [0, 0, 1, 0], [1, 1, 1, 1], [0, 9, 0, 0]])
    confidence = torch.tensor([0.9, 0.8, 0.7, 0.5, 0.4], dtype=torch.float64)
    # Of three pairs the first two words are most alike, rank 1, the others equally little, rank (0 + 0.5) / 2.
    overlap = [(0.8 * 1 + 0.7 * 0.25) / 1.5, (0.9 * 1 + 0.7 * 0.25) / 1.6, 0.25, 0.0]
    scores = vrcd(confidence, looks, count=2, power=1.5)
    expected = [p * (1 + r) ** -1.5 for p, r in zip(confidence.tolist(), overlap, strict=False)]
    assert scores.tolist() == pytest.approx([*expected, 0.0])  # the last is not among the four most probable
    assert vrcd(confidence, looks, count=2, power=0.0).tolist() == pytest.approx([0.9, 0.8, 0.7, 0.5, 0.0])
    assert vrcd(confidence, looks[:, :0], count=2, power=1.5).tolist() == pytest.approx([0.9, 0.8, 0.7, 0.5, 0.0])


def test_ranks_of_equal_values_are_their_mean():
    assert percentile_ranks(torch.tensor([0.3, 0.1, 0.3, 0.9])).tolist() == pytest.approx([0.5, 0, 0.5, 1])
    assert percentile_ranks(torch.tensor([0.3, 0.3])).tolist() == [0, 0]
    assert percentile_ranks(torch.tensor([0.9, 0.3])).tolist() == [1, 0]
    assert percentile_ranks(torch.tensor([0.9])).tolist() == [0]


def test_how_sure_all_candidates_are_changes_no_overlap():
    looks = torch.tensor([[8.0, 0, 0, 0], [2, 0, 0, 0], [0, 0, 1, 0], [0, 3, 1, 0]])
    confidence = torch.tensor([0.9, 0.8, 0.7, 0.5], dtype=torch.float64)
    scores = vrcd(confidence, looks, count=2, power=1.5)
    assert vrcd(confidence / 16, looks, count=2, power=1.5).tolist() == pytest.approx((scores / 16).tolist())


def test_words_are_alike_by_where_they_look_not_by_how_hard():
    """The first two at the same place, one of them hardly; the third also elsewhere; the fourth at nothing special."""
    looks = torch.tensor([[8.0, 0, 0, 0], [5, 1, 1, 1], [4, 4, 0, 0], [1, 1, 1, 1]])
    ranks, is_visual = redundancy(looks)
    assert is_visual.tolist() == [True, True, True, False]
    assert ranks.tolist() == [[0, 1, 0.25, 0], [1, 0, 0.25, 0], [0.25, 0.25, 0, 0], [0, 0, 0, 0]]


def test_a_picture_of_one_token_has_no_parts_to_look_at():
    _, is_visual = redundancy(torch.tensor([[0.5], [0.1], [0.9]]))
    assert not is_visual.any()

"""What earlier steps said, on worked examples."""

import math

import pytest
import torch

from lladav.sampling.history import Credit, Settling, divergence

ALL = torch.tensor([0, 1])


def logits(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64).log()


class TestCredit:
    def test_a_token_that_stays_on_top_earns_more(self):
        credit = Credit(2)
        first = credit.fused(logits([0.5, 0.3, 0.2]), ALL[:1])
        second = credit.fused(logits([0.5, 0.3, 0.2]), ALL[:1])
        once = 0.5**0.2
        assert (first - logits([0.5, 0.3, 0.2])).tolist() == [pytest.approx([0.7 * math.log(once + 1), 0, 0])]
        assert second[0, 0] - math.log(0.5) == pytest.approx(0.7 * math.log(0.8 * once + once + 1))

    def test_each_position_has_its_own_and_every_step_lets_it_fade(self):
        credit = Credit(2)
        credit.fused(logits([0.6, 0.4], [0.1, 0.9]), ALL)
        credit.fused(logits([0.2, 0.8]), ALL[1:])
        fused = credit.fused(logits([0.3, 0.7]), ALL[:1])
        expected = [0.7 * math.log(0.64 * 0.6**0.2 + 1), 0.7 * math.log(0.7**0.2 + 1)]
        assert (fused - logits([0.3, 0.7])).tolist() == [pytest.approx(expected)]

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
    def test_logits_keep_their_precision(self, dtype: torch.dtype):
        assert Credit(2).fused(logits([0.6, 0.4]).to(dtype), ALL[:1]).dtype == dtype


class TestSettling:
    def test_steps_are_counted_while_nothing_moves(self):
        settling = Settling(2, kl_threshold=0.01)
        still, moving = [0.5, 0.5], [[0.9, 0.1], [0.5, 0.5], [0.5, 0.5]]
        counts = [settling.update(logits(still, row), ALL).tolist() for row in moving]
        assert counts == [[0, 0], [1, 0], [2, 1]]

    def test_a_step_that_does_not_ask_begins_the_count_anew(self):
        settling = Settling(2, kl_threshold=0.01)
        for positions in (ALL, ALL, ALL[:1], ALL):
            counts = settling.update(logits(*[[0.5, 0.5]] * len(positions)), positions)
        assert counts.tolist() == [3, 0]

    def test_a_threshold_of_zero_is_never_met(self):
        settling = Settling(1, kl_threshold=0.0)
        assert [settling.update(logits([0.5, 0.5]), ALL[:1]).item() for _ in range(3)] == [0, 0, 0]

    def test_a_hardly_moving_distribution_is_told_from_one_that_stands_still(self):
        """Though the logits are in single precision, where the divergence would come out below zero."""
        settling = Settling(1, kl_threshold=0.0)
        rows = [torch.tensor([[0.0, 20.0]]), torch.tensor([[0.0, 20.1]]), torch.tensor([[0.0, 20.0]])]
        assert [settling.update(row, ALL[:1]).item() for row in rows] == [0, 0, 0]

    def test_the_divergence_of_what_is_never_said(self):
        found = divergence(logits([0.5, 0.5, 0.0], [1.0, 0.0, 0.0]), logits([0.25, 0.75, 0.0], [0.0, 1.0, 0.0]))
        assert found.tolist() == pytest.approx([0.5 * math.log(2) + 0.5 * math.log(2 / 3), math.inf])

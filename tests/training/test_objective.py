"""The training objectives."""

import numpy as np
import pytest
import torch

from lladav.configuration import IGNORE
from lladav.training.objective import forward_process, masked_diffusion_loss, next_token_loss


def test_nothing_masked_costs_nothing():
    labels = torch.tensor([[IGNORE, 3]])
    logits = torch.randn(1, 2, 5, requires_grad=True)
    loss = masked_diffusion_loss(logits, labels, torch.zeros(1, 2, dtype=torch.bool), torch.full((1, 2), 0.5))
    assert loss.item() == 0


def test_the_loss_by_hand():
    labels = torch.tensor([[IGNORE, 1, 0], [2, IGNORE, IGNORE]])
    mask_index = torch.tensor([[False, True, False], [True, False, False]])
    p_mask = torch.tensor([[0.5] * 3, [0.25] * 3])
    logits = torch.zeros(2, 3, 4)
    expected = (np.log(4) / 0.5 / 2 + np.log(4) / 0.25 / 1) / 2
    assert masked_diffusion_loss(logits, labels, mask_index, p_mask).item() == pytest.approx(expected)
    assert masked_diffusion_loss(logits[mask_index], labels, mask_index, p_mask).item() == pytest.approx(expected)


def test_the_masking_rate_is_t():
    labels = torch.zeros(4, 20_000, dtype=torch.long)
    times = torch.tensor([0.0, 0.3, 0.6, 1.0])
    mask_index, p_mask = forward_process(labels, torch.Generator().manual_seed(0), times)
    rates = mask_index.float().mean(1)
    torch.testing.assert_close(rates, p_mask[:, 0], atol=0.01, rtol=0)
    assert mask_index[0].any() and mask_index[3].all()
    assert not forward_process(labels + IGNORE, t=times)[0].any()


def test_next_token_loss_reads_the_position_before():
    labels = torch.tensor([[IGNORE, 2, 0]])
    logits = torch.full((2, 3), -30.0)
    logits[0, 2] = logits[1, 0] = 30.0
    assert next_token_loss(logits, labels, torch.full((1, 3), 0.5)).item() == pytest.approx(0, abs=1e-6)

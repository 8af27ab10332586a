"""What the stage is sent of a token's attention."""

import base64

import pytest
import torch

from lladav.attention import Attention, PictureTokens
from lladav.ui.attention import attention_view


@pytest.fixture
def attention() -> Attention:
    """Of two layers and two pictures: each layer looks at one of the two halves of the first, and a little at both."""
    halves = [(0.0, 0.0, 24.0, 24.0), (24.0, 0.0, 48.0, 24.0)]
    pictures = [PictureTokens(1, (48, 24), halves), PictureTokens(3, (48, 48), [(0.0, 0.0, 48.0, 48.0), None])]
    layers = [[0.1, 0.4, 0.0, 0.2, 0.1, 0.2], [0.4, 0.0, 0.3, 0.0, 0.1, 0.2]]
    return Attention(torch.tensor(layers)[:, None], [5], pictures)


def values(maps: dict) -> torch.Tensor:
    """Of shape (1 + layers, rows, columns)."""
    return torch.frombuffer(bytearray(base64.b64decode(maps["data"])), dtype=torch.uint8).view(
        -1, maps["rows"], maps["columns"]
    )


def test_maps_say_where_and_shares_how_much(attention: Attention):
    view = attention_view(attention, 5, " red", step=3)
    assert (view["position"], view["word"], view["step"]) == (5, " red", 3)
    assert view["shares"] == pytest.approx([0.55, 0.7, 0.4])
    first, second = map(values, view["maps"])
    assert first.shape == (3, 24, 48) and second.shape == (3, 48, 48)
    mean, one, two = first
    assert (one[:, :24] == 255).all() and (one[:, 24:] == 0).all()
    assert (two[:, :24] == 0).all() and (two[:, 24:] == 255).all()
    assert (mean[:, :24] == 255).all() and (mean[:, 24:] == round(255 * 0.15 / 0.2)).all()
    assert (second[1] == round(255 * 0.2 / 4 / 0.4)).all(), "four times as large, half as much"

"""What a word looked at, as the stage shows it: small maps of every layer, so that its slider asks for nothing more."""

import base64
from typing import Any, TypedDict

import torch
from torch import Tensor

from lladav.attention import CELLS, Attention


class PictureMaps(TypedDict):
    """The maps of one picture: `data` is base64 of (1 + layers) x rows x columns bytes, 255 the most of a layer."""

    columns: int
    rows: int
    data: str


class AttentionView(TypedDict):
    """What a token looked at in one step; static/attention.js paints it.

    Attributes:
        position, word: of the token.
        step: whose pass it was.
        shares: how much of its attention went to the pictures: the mean over layers, then each layer.
        maps: one entry a picture.
    """

    position: int
    word: str
    step: int
    shares: list[float]
    maps: list[PictureMaps]


def attention_view(attention: Attention, position: int, word: str, step: int, cells: int = CELLS) -> AttentionView:
    """The view of a position that `attention` holds, its maps `cells` long; see `AttentionView`."""
    numbers: list[Any] = [*range(len(attention.pictures))]
    maps = [with_mean(attention.maps(position, picture, cells)) for picture in numbers]
    row = attention.positions.index(position)
    on_pictures = torch.stack([attention.on_picture(picture)[:, row].sum(-1) for picture in numbers]).sum(0)
    most = torch.stack([each.amax((1, 2)) for each in maps]).amax(0)  # of each layer, on any picture
    return {
        "position": position,
        "word": word,
        "step": step,
        "shares": [round(share, 3) for share in with_mean(on_pictures).tolist()],
        "maps": [scaled_to_bytes(each / most[:, None, None].where(most[:, None, None] > 0, 1)) for each in maps],
    }


def with_mean(layers: Tensor) -> Tensor:
    """Values (layers, ...) with their mean before them."""
    return torch.cat([layers.mean(0, keepdim=True), layers])


def scaled_to_bytes(maps: Tensor) -> PictureMaps:
    """Maps (layers, rows, columns) of values up to 1."""
    _, rows, columns = maps.shape
    data = base64.b64encode((255 * maps).round().to(torch.uint8).numpy().tobytes()).decode()
    return {"columns": columns, "rows": rows, "data": data}

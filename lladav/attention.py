"""What the words of an answer look at: attention weights, and where on a picture they fall."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers.models.llama.modeling_llama import LlamaAttention, eager_attention_forward

from lladav.anyres import Box, Size

CELLS = 48  # along the longer side of a map

Rows = Tensor | slice | None


@dataclass(frozen=True)
class PictureTokens:
    """The tokens of a picture or video in a sequence.

    Attributes:
        start: position of the first.
        size: width and height of the picture in pixels.
        boxes: where each of the tokens lies on it, in its pixels; None for one that lies nowhere, as a newline.
    """

    start: int
    size: Size
    boxes: Sequence[Box | None]


@dataclass(frozen=True, eq=False)
class Attention:
    """What N positions of an answer attend to in one forward pass, layer by layer.

    Attributes:
        weights: of shape (layers, N, L), the mean over heads, in float32 on the CPU. Each row runs over the whole
            sequence of prompt, answer and suffix, and sums to 1.
        positions: those N of the answer.
        pictures: the pictures and videos of the prompt, in order.
    """

    weights: Tensor
    positions: Sequence[int]
    pictures: Sequence[PictureTokens]

    def on_picture(self, picture: int = 0) -> Tensor:
        """The weights of the P tokens of a picture, of shape (layers, N, P): part of each row."""
        tokens = self.pictures[picture]
        return self.weights[:, :, tokens.start : tokens.start + len(tokens.boxes)]

    def maps(self, position: int, picture: int = 0, cells: int = CELLS) -> Tensor:
        """Where on a picture a position looks, of shape (layers, rows, columns), see `spread`."""
        tokens = self.pictures[picture]
        weights = self.on_picture(picture)[:, self.positions.index(position)]
        return spread(weights, tokens.boxes, tokens.size, cells)


def attention_weights(attention: LlamaAttention, queries: Tensor, keys: Tensor, mask: Tensor | None = None) -> Tensor:
    """How much queries (B, heads, K, head_dim) attend to keys (B, heads, L, head_dim), whatever implementation is run.

    Args:
        attention: of the layer.
        queries: rotated, as `keys` are.
        keys: of every position that is seen; they may have fewer heads.
        mask: added to the scores, of shape (B, 1, K, L), or None where every position is seen.

    Returns:
        The mean over heads, float32 of shape (B, K, L); each row sums to 1.
    """
    keys = keys.float()
    _, weights = eager_attention_forward(attention, queries.float(), keys, keys, mask, attention.scaling)
    return weights.mean(1)


class AttentionRecorder:
    """Keeps how much some positions attend to every one; what comes out of the model stays what it is.

    The weights of those rows are worked out beside the attention that is run, so that it may be of any implementation
    and no square of the whole sequence is ever held.

    Args:
        rows: whose attention is kept; None for all.
        mask: added to the scores, of shape (B, 1, L, L'), or None where every position is seen.

    Attributes:
        weights: a layer each, of shape (B, K, L'), the mean over heads in float32; each row sums to 1.
    """

    def __init__(self, rows: Rows, mask: Tensor | None):
        self.rows, self.mask = rows, mask
        self.weights: list[Tensor] = []

    def record(self, attention: LlamaAttention, queries: Tensor, keys: Tensor) -> None:
        """Keep the weights of a layer: queries (B, heads, K, head_dim) of the rows, keys (B, heads, L', head_dim)."""
        mask = self.mask if self.mask is None or self.rows is None else self.mask[:, :, self.rows]
        self.weights.append(attention_weights(attention, queries, keys, mask))


def spread(weights: Tensor, boxes: Sequence[Box | None], size: Size, cells: int = CELLS) -> Tensor:
    """Lay the weights of P tokens over a picture, each evenly over its box.

    Args:
        weights: of shape (layers, P).
        boxes: of each token, in pixels; what lies beside the picture is left out, as is a token without a box.
        size: width and height of the picture in pixels.
        cells: how many stand along the longer side of a map.

    Returns:
        Maps of shape (layers, rows, columns) of cells that are about square.
    """
    columns, rows = (max(1, round(cells * length / max(size))) for length in size)
    placed = [index for index, box in enumerate(boxes) if box is not None]
    left, top, right, bottom = torch.tensor([box for box in boxes if box is not None]).view(-1, 4).T
    across = shares(left * columns / size[0], right * columns / size[0], columns)  # (P, columns)
    down = shares(top * rows / size[1], bottom * rows / size[1], rows)  # (P, rows)
    return torch.einsum("lp,pr,pc->lrc", weights[:, placed], down, across)


def shares(starts: Tensor, ends: Tensor, count: int) -> Tensor:
    """The share of each span, from starts to ends (P,), that lies in each cell [i, i + 1) of `count`: (P, count)."""
    cells = torch.arange(count)
    inside = torch.minimum(ends[:, None], cells + 1) - torch.maximum(starts[:, None], cells)
    return inside.clamp(min=0) / (ends - starts)[:, None]


def within(maps: Tensor, box: Box) -> Tensor:
    """How much of maps (layers, rows, columns) lies in a box, given as fractions of width and height: (layers,)."""
    left, top, right, bottom = box
    down, across = (
        count * (end - start) * shares(torch.tensor([count * start]), torch.tensor([count * end]), count)[0]
        for start, end, count in ((top, bottom, maps.shape[1]), (left, right, maps.shape[2]))
    )  # the part of each row and column that lies in the box
    return torch.einsum("lrc,r,c->l", maps, down, across)


def centre_of_gravity(maps: Tensor) -> Tensor:
    """The centre of maps (layers, rows, columns), as fractions of width and height: (layers, 2)."""
    rows, columns = ((torch.arange(count) + 0.5) / count for count in maps.shape[1:])
    total = maps.sum((1, 2))
    return torch.stack([(maps.sum(1) * columns).sum(1) / total, (maps.sum(2) * rows[None]).sum(1) / total], dim=1)

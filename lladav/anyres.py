"""How pictures become tiles, and tiles become tokens: the arithmetic of LLaVA's "anyres", without a tensor in sight.

Sizes are (width, height) in pixels or (columns, rows) in tiles, unless a name says `_hw`.
"""

import re
from collections.abc import Sequence
from enum import IntEnum
from math import ceil, sqrt

from transformers.image_processing_utils import select_best_resolution

Size = tuple[int, int]

SHRINK_THRESHOLD = 1.1  # a grid is pooled only if its side is more than this many times too long
VIDEO_POOLING = 2  # a video frame keeps half of its rows and columns of features


class ImageLayout(IntEnum):
    """How the features of one picture are laid out as tokens."""

    ANYRES = 0  # base tile, then the unpadded grid with a newline after every row
    TILE = 1  # one tile, nothing added
    TILE_NEWLINE = 2  # one tile and one newline
    VIDEO = 3  # per frame: pooled features with a newline after every row


def parse_pinpoints(pinpoints: str | Sequence[Sequence[int]] | None, tile: int) -> list[list[int]]:
    """The candidate canvases as (width, height) in pixels.

    `pinpoints` is their list, or a range of grids such as "(1x1),...,(6x6)" (columns x rows), or None for that very
    range, which is the published one.
    """
    if pinpoints is None:
        pinpoints = "(1x1),...,(6x6)"
    if not isinstance(pinpoints, str):
        return [[int(width), int(height)] for width, height in pinpoints]
    grids = [(int(columns), int(rows)) for columns, rows in re.findall(r"\((\d+)x(\d+)\)", pinpoints)]
    if not grids:
        raise ValueError(
            f'image_grid_pinpoints must be pairs of pixels or a range such as "(1x1),...,(6x6)", got {pinpoints!r}'
        )
    (first_column, first_row), (last_column, last_row) = grids[0], grids[-1]
    return [
        [columns * tile, rows * tile]
        for columns in range(first_column, last_column + 1)
        for rows in range(first_row, last_row + 1)
    ]


def max_tiles(image_aspect_ratio: str) -> int | None:
    """N of "anyres_max_N": the number of tiles' worth of grid tokens above which a grid is pooled; None: never."""
    match = re.fullmatch(r"anyres_max_(\d+)", image_aspect_ratio)
    return int(match[1]) if match else None


def best_canvas(size: Size, pinpoints: Sequence[Sequence[int]]) -> Size:
    """The canvas of `pinpoints` that keeps most of a picture's pixels and, among equals, wastes least."""
    width, height = size
    canvas_height, canvas_width = select_best_resolution((height, width), [(h, w) for w, h in pinpoints])
    return canvas_width, canvas_height


def fitted_size(size: Size, canvas: Size) -> Size:
    """The size of a picture scaled to touch the canvas on one axis and stay inside it on the other."""
    width, height = size
    canvas_width, canvas_height = canvas
    scale_x, scale_y = canvas_width / width, canvas_height / height
    if scale_x < scale_y:
        return canvas_width, min(ceil(height * scale_x), canvas_height)
    return min(ceil(width * scale_y), canvas_width), canvas_height


def padding(size: Size, grid: Size) -> Size:
    """Columns and rows of a feature grid to drop on each side, because they show only the canvas around the picture."""
    width, height = size
    columns, rows = grid
    if width / height > columns / rows:
        return 0, (rows - int(height * (columns / width))) // 2
    return (columns - int(width * (rows / height))) // 2, 0


def shrunk_size(grid: Size, side: int, limit: int | None) -> Size:
    """The size a grid of features is pooled to when it holds clearly more than `limit` tiles of `side` x `side`."""
    if limit is None:
        return grid
    columns, rows = grid
    times = sqrt(columns * rows / (limit * side**2))
    if times <= SHRINK_THRESHOLD:
        return grid
    return int(columns // times), int(rows // times)


def anyres_grid(size: Size, tile: int, side: int, pinpoints: Sequence[Sequence[int]], limit: int | None) -> Size:
    """Columns and rows of features left of the grid of one anyres picture (unpadded, pooled)."""
    width, height = best_canvas(size, pinpoints)
    columns, rows = width // tile * side, height // tile * side
    drop_columns, drop_rows = padding(size, (columns, rows))
    return shrunk_size((columns - 2 * drop_columns, rows - 2 * drop_rows), side, limit)

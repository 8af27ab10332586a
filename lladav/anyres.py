"""How pictures become tiles, and tiles become tokens: the arithmetic of LLaVA's "anyres", without a tensor in sight.

Sizes are (width, height) in pixels, or (columns, rows) of features. `tile` is the side of a tile in pixels, `side` that
of its features.
"""

import re
from collections.abc import Sequence
from enum import IntEnum
from math import ceil, sqrt

from transformers import image_processing_utils

Size = tuple[int, int]
Span = tuple[float, float]  # from, to
Box = tuple[float, float, float, float]  # left, top, right, bottom

SHRINK_THRESHOLD = 1.1  # a grid is pooled only if its sides are more than this many times too long
VIDEO_POOLING = 2  # a video frame keeps half of its rows and columns of features
# Of prompts: the tiles of all pictures, and of each picture its size, how many tiles it has, and its layout.
PICTURE_INPUTS = ("pixel_values", "image_sizes", "tile_counts", "image_layouts")


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
    """N of "anyres_max_N": a grid is pooled when its tokens are clearly more than those of N tiles; None: never."""
    if image_aspect_ratio in ("anyres", "pad", "square"):
        return None
    match = re.fullmatch(r"anyres_max_(\d+)", image_aspect_ratio)
    if match is None:
        raise ValueError(
            f'image_aspect_ratio must be "anyres_max_N", "anyres", "pad" or "square", got {image_aspect_ratio!r}'
        )
    return int(match[1])


def select_best_resolution(size: Size, pinpoints: Sequence[Sequence[int]]) -> Size:
    """The canvas of `pinpoints` that keeps most of a picture's pixels and, among equals, wastes least."""
    width, height = size
    canvas_height, canvas_width = image_processing_utils.select_best_resolution(
        (height, width), [(h, w) for w, h in pinpoints]
    )
    return canvas_width, canvas_height


def fitted_size(size: Size, canvas: Size) -> Size:
    """The size of a picture scaled to touch the canvas on one axis and stay inside it on the other."""
    width, height = size
    canvas_width, canvas_height = canvas
    scale_x, scale_y = canvas_width / width, canvas_height / height
    if scale_x < scale_y:
        return canvas_width, min(ceil(height * scale_x), canvas_height)
    return min(ceil(width * scale_y), canvas_width), canvas_height


def feature_grid(size: Size, pinpoints: Sequence[Sequence[int]], tile: int, side: int) -> Size:
    """Columns and rows of features of a picture's whole canvas, of which every tile has `side` x `side`."""
    width, height = select_best_resolution(size, pinpoints)
    return width // tile * side, height // tile * side


def unpad_image(size: Size, grid: Size) -> tuple[slice, slice]:
    """The columns and rows of a feature grid that show the picture and not the canvas around it."""
    width, height = size
    columns, rows = grid
    if width / height > columns / rows:
        margin = (rows - int(height * (columns / width))) // 2
        return slice(0, columns), slice(margin, rows - margin)
    margin = (columns - int(width * (rows / height))) // 2
    return slice(margin, columns - margin), slice(0, rows)


def shrunk_size(grid: Size, side: int, limit: int | None) -> Size:
    """The size to which a grid of features is pooled: its own, unless it clearly exceeds `limit` tiles."""
    columns, rows = grid
    times = sqrt(columns * rows / (limit * side**2)) if limit else 0
    return grid if times <= SHRINK_THRESHOLD else (int(columns // times), int(rows // times))


def anyres_tokens(size: Size, pinpoints: Sequence[Sequence[int]], tile: int, side: int, limit: int | None) -> int:
    """The number of tokens of one anyres picture: its base tile, and a newline after every row of its grid."""
    grid = feature_grid(size, pinpoints, tile, side)
    kept = (len(range(grid[axis])[part]) for axis, part in enumerate(unpad_image(size, grid)))
    columns, rows = shrunk_size((next(kept), next(kept)), side, limit)
    return side**2 + rows * (columns + 1)


def even_spans(start: float, end: float, count: int) -> list[Span]:
    """The line from `start` to `end` in `count` equal parts."""
    length = (end - start) / count
    return [(start + index * length, start + (index + 1) * length) for index in range(count)]


def grid_boxes(columns: Sequence[Span], rows: Sequence[Span], size: Size, newlines: bool) -> list[Box | None]:
    """Where the tokens of a grid lie, row by row; None for those that lie beside a picture of `size`.

    Args:
        columns, rows: what each of them covers, in pixels of the picture; they may reach over its edges, as boxes may.
        newlines: whether a newline, which lies nowhere, ends every row.
    """
    width, height = size
    boxes: list[Box | None] = []
    for top, bottom in rows:
        for left, right in columns:
            is_on_it = left < width and top < height and right > 0 and bottom > 0
            boxes.append((left, top, right, bottom) if is_on_it else None)
        boxes += [None] * newlines
    return boxes


def squashed_boxes(size: Size, side: int, newlines: bool = False) -> list[Box | None]:
    """The boxes of a tile that shows the whole picture, squashed to a square."""
    width, height = size
    return grid_boxes(even_spans(0, width, side), even_spans(0, height, side), size, newlines)


def padded_boxes(size: Size, side: int) -> list[Box | None]:
    """The boxes of a tile with the picture in the middle of a square: see `imaging.padded_tile`."""
    longest = max(size)
    columns, rows = (even_spans(-((longest - length) // 2), longest - (longest - length) // 2, side) for length in size)
    return grid_boxes(columns, rows, size, newlines=False)


def anyres_boxes(
    size: Size, pinpoints: Sequence[Sequence[int]], tile: int, side: int, limit: int | None
) -> list[Box | None]:
    """The boxes of the tokens that `anyres_tokens` counts: those of the base tile, then those of the grid's rows."""
    canvas, grid = select_best_resolution(size, pinpoints), feature_grid(size, pinpoints, tile, side)
    fitted = fitted_size(size, canvas)
    kept = [range(grid[axis])[part] for axis, part in enumerate(unpad_image(size, grid))]
    counts = shrunk_size((len(kept[0]), len(kept[1])), side, limit)
    spans = []
    for axis in (0, 1):
        margin, scale = (canvas[axis] - fitted[axis]) // 2, size[axis] / fitted[axis]
        start, end = (scale * (edge * tile / side - margin) for edge in (kept[axis].start, kept[axis].stop))
        spans.append(even_spans(start, end, counts[axis]))
    columns, rows = spans
    return squashed_boxes(size, side) + grid_boxes(columns, rows, size, newlines=True)

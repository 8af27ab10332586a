"""Where the tokens of a picture lie on it, for every layout and shape of picture."""

import pytest
import torch
from PIL import Image
from torch import Tensor

from lladav import LladaVForMaskedDiffusion
from lladav.anyres import Size, padded_boxes, squashed_boxes
from lladav.attention import centre_of_gravity, spread
from lladav.image_processing import LladaVImageProcessor
from lladav.messages import Picture

SHAPES = {"wide": (900, 300), "tall": (200, 700), "square": (500, 500), "odd": (637, 411), "small": (30, 20)}
SPOTS = [(0.25, 0.3), (0.8, 0.6)]  # the middle of a bright square, as a share of the picture


def with_spot(size: Size, spot: tuple[float, float]) -> tuple[Image.Image, list[float]]:
    """A black picture with a white square, a quarter as high and wide as it is, and the middle of that."""
    picture = Image.new("RGB", size)
    sides = [length // 4 for length in size]
    corner = [round((at - 0.125) * length) for at, length in zip(spot, size, strict=True)]
    picture.paste("white", (*corner, corner[0] + sides[0], corner[1] + sides[1]))
    return picture, [(start + side / 2) / length for start, side, length in zip(corner, sides, size, strict=True)]


def brightness(model: LladaVForMaskedDiffusion, inputs, patch: int) -> Tensor:
    """How bright the patch of each token of a picture is, laid out as the model lays features out, of shape (P,)."""
    tiles = (inputs["pixel_values"].mean(1) + 1).unfold(1, patch, patch).unfold(2, patch, patch).mean((3, 4))
    hidden = model.config.text_config.hidden_size
    features = tiles.flatten(1)[:, :, None].expand(-1, -1, hidden)
    (size,), (layout,) = inputs["image_sizes"].tolist(), inputs["image_layouts"].tolist()
    return model.model.lay_out(features, tuple(size), layout)[:, 0]


@torch.no_grad()
@pytest.mark.parametrize("spot", SPOTS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("aspect", ["anyres_max_4", "anyres", "pad", "square", "video"])
def test_what_is_bright_lies_where_it_is_bright(golden_model, aspect: str, shape: str, spot: tuple[float, float]):
    """Whatever squashes, pads, cuts, unpads and pools a picture on its way to tokens is undone."""
    processor = LladaVImageProcessor("pad" if aspect == "video" else aspect)
    picture, middle = with_spot(SHAPES[shape], spot)
    inputs = processor.tile([Picture(None, aspect == "video", (picture, picture))], "eval")
    boxes = processor.token_boxes(
        picture.size, int(inputs["tile_counts"]), int(inputs["image_layouts"]), aspect != "video", "eval"
    )
    weights = brightness(golden_model, inputs, processor.patch_size)
    assert (
        len(boxes)
        == len(weights)
        == processor.count_tokens(picture.size, int(inputs["tile_counts"]), int(inputs["image_layouts"]))
    )
    maps = spread(weights[None], boxes, picture.size)
    maps = maps * (maps > 0.6 * maps.max())  # what is interpolated at the edges, and the grey of padding
    sides = torch.tensor([[box[2] - box[0], box[3] - box[1]] for box in boxes if box]) / torch.tensor(picture.size)
    off = (centre_of_gravity(maps)[0] - torch.tensor(middle)).abs()
    assert (off <= 0.01 + sides.amax(0) / 2).all(), "half of a token's box is as near as it gets"


@pytest.mark.parametrize(
    ("size", "index", "box"),
    [
        ((400, 200), 4 * 1 + 2, (200, 0, 300, 100)),  # the second of four rows begins where the picture does
        ((400, 200), 4 * 0 + 2, None),
        ((200, 400), 4 * 3 + 1, (0, 300, 100, 400)),
        ((200, 400), 4 * 3 + 0, None),
        ((400, 400), 4 * 3 + 3, (300, 300, 400, 400)),
        ((400, 300), 0, (0, -50, 100, 50)),  # half of it is padding
    ],
)
def test_a_patch_of_a_padded_picture(size: Size, index: int, box: tuple[float, ...] | None):
    assert padded_boxes(size, 4)[index] == box


def test_a_newline_lies_nowhere():
    assert squashed_boxes((200, 100), 2, newlines=True) == [
        (0, 0, 100, 50), (100, 0, 200, 50), None, (0, 50, 100, 100), (100, 50, 200, 100), None,
    ]  # fmt: skip


def test_anyres_has_the_whole_picture_first_and_then_its_parts():
    processor = LladaVImageProcessor("anyres")
    size, layout = (900, 300), 0  # on a canvas of three tiles side by side
    boxes = processor.token_boxes(size, 4, layout, True, "eval")
    side = 27
    assert boxes[: side**2] == squashed_boxes(size, side)
    rows = boxes[side**2 :]
    assert [index for index, box in enumerate(rows) if box is None][:2] == [81, 163]
    assert rows[0][:2] == (0, 0) and rows[80][2] == pytest.approx(900) and rows[-2][3] == pytest.approx(300)
    assert rows[40][0] == pytest.approx(400 * 10 / 9, abs=7)

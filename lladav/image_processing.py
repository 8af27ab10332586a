"""Pictures and videos as the tower takes them: tiles, how many there are of each, and how they are laid out."""

from collections.abc import Sequence
from math import ceil
from typing import Any

import torch
from PIL import Image
from transformers import AutoImageProcessor, BatchFeature
from transformers.configuration_utils import PreTrainedConfig
from transformers.image_processing_utils import BaseImageProcessor
from transformers.processing_utils import ImagesKwargs

from lladav import imaging
from lladav.anyres import (
    PICTURE_INPUTS,
    VIDEO_POOLING,
    Box,
    ImageLayout,
    anyres_boxes,
    anyres_tokens,
    max_tiles,
    padded_boxes,
    parse_pinpoints,
    squashed_boxes,
)
from lladav.checks import require
from lladav.configuration import LladaVConfig, PublishedConfig
from lladav.messages import Picture

IMAGE_OPTIONS = ("image_aspect_ratio", "image_grid_pinpoints", "image_size", "patch_size")
MULTI_IMAGE = ("eval", "train", "anyres")


class LladaVImagesKwargs(ImagesKwargs, total=False):
    """The options of `LladaVImageProcessor`."""

    image_aspect_ratio: str
    image_grid_pinpoints: Any
    image_size: int
    patch_size: int


class LladaVImageProcessor(BaseImageProcessor):
    """Cuts pictures and videos into tiles for `LladaVForMaskedDiffusion`.

    Args:
        image_aspect_ratio, image_grid_pinpoints: how a picture is shown, see `LladaVConfig`.
        image_size, patch_size: sides of a tile and of its patches, in pixels.
    """

    valid_kwargs = LladaVImagesKwargs
    model_input_names = [*PICTURE_INPUTS]  # noqa: RUF012

    def __init__(
        self,
        image_aspect_ratio: str = "anyres_max_4",
        image_grid_pinpoints: str | Sequence[Sequence[int]] | None = None,
        image_size: int = 384,
        patch_size: int = 14,
        **kwargs: Any,
    ):
        max_tiles(image_aspect_ratio)  # refuses one that it does not know
        super().__init__(**kwargs)
        self.image_aspect_ratio = image_aspect_ratio
        self.image_grid_pinpoints = parse_pinpoints(image_grid_pinpoints, image_size)
        self.image_size = image_size
        self.patch_size = patch_size

    @classmethod
    def get_image_processor_dict(cls, pretrained_model_name_or_path, **kwargs):
        """The options saved beside a model, or, for a published checkpoint, those it was evaluated with."""
        try:
            return super().get_image_processor_dict(pretrained_model_name_or_path, **kwargs)
        except OSError:
            flat, _ = PreTrainedConfig.get_config_dict(pretrained_model_name_or_path, **kwargs)
            if flat.get("model_type") != PublishedConfig.model_type:
                raise
            return published_image_options(LladaVConfig.from_dict(flat)), kwargs

    def preprocess(  # type: ignore[override]
        self, images: Any, *args: Any, multi_image: str = "eval", return_tensors: str = "pt", **kwargs: Any
    ) -> BatchFeature:
        """Cut the pictures of one conversation into tiles.

        Args:
            images: one of what `imaging.load_image` takes, or a list of them.
            multi_image: how they are shown if there are several. "eval": one padded tile each, as in the published
                evaluation; "train": the same and a newline, as in its training (a lone picture of one tile gets it,
                too); "anyres": each as if it were alone.
            return_tensors: "pt" is all there is.

        Returns:
            pixel_values of shape (ΣT, 3, S, S), image_sizes (N, 2), tile_counts (N,) and image_layouts (N,), as
            `LladaVForMaskedDiffusion.get_image_features` takes them.

        Raises:
            ValueError: a picture cannot be read.
        """
        require(return_tensors == "pt", "return_tensors", '"pt"', return_tensors)
        images = images if isinstance(images, (list, tuple)) else [images]
        return self.tile([Picture(image, frames=(imaging.load_image(image),)) for image in images], multi_image)

    def tile(self, pictures: Sequence[Picture], multi_image: str) -> BatchFeature:
        """Cut the pictures and videos of one conversation, which have been read; see `preprocess`."""
        alone = is_alone([picture.is_video for picture in pictures])
        tiles: list[Image.Image] = []
        sizes, counts, layouts = [], [], []
        for picture in pictures:
            size, layout, picture_tiles = self._tiles(picture, alone, multi_image)
            tiles += picture_tiles
            sizes.append(size)
            counts.append(len(picture_tiles))
            layouts.append(layout)
        return BatchFeature({
            "pixel_values": torch.from_numpy(imaging.to_pixel_values(tiles)),
            "image_sizes": torch.tensor(sizes),
            "tile_counts": torch.tensor(counts),
            "image_layouts": torch.tensor(layouts),
        })  # fmt: skip

    def _tiles(
        self, picture: Picture, alone: bool, multi_image: str
    ) -> tuple[tuple[int, int], ImageLayout, list[Image.Image]]:
        """The size of a picture or video, its layout and its tiles."""
        image = picture.frames[0]
        if picture.is_video:
            tiles = [imaging.square_tile(frame, self.image_size) for frame in picture.frames]
            return image.size, ImageLayout.VIDEO, tiles
        shown_as = self._shown_as(alone, multi_image)
        if shown_as.startswith("anyres"):
            tiles = imaging.anyres_tiles(image, self.image_grid_pinpoints, self.image_size)
            return image.size, ImageLayout.ANYRES, tiles
        to_tile = imaging.padded_tile if shown_as == "pad" else imaging.square_tile
        layout = ImageLayout.TILE_NEWLINE if multi_image == "train" else ImageLayout.TILE
        return image.size, layout, [to_tile(image, self.image_size)]

    def _shown_as(self, alone: bool, multi_image: str) -> str:
        return self.image_aspect_ratio if alone or multi_image == "anyres" else "pad"

    def token_boxes(
        self, size: tuple[int, int], tiles: int, layout: int, alone: bool, multi_image: str
    ) -> list[Box | None]:
        """Where each token of a picture or video of `size` lies on it, in its pixels; None for one that lies nowhere,
        such as a newline, or what pads the picture.

        Args:
            size, tiles, layout: as `count_tokens` takes them.
            alone: whether it is the only picture, see `is_alone`.
            multi_image: how it was tiled, see `preprocess`.
        """
        side = self.image_size // self.patch_size
        if layout == ImageLayout.ANYRES:
            limit = max_tiles(self.image_aspect_ratio)
            return anyres_boxes(size, self.image_grid_pinpoints, self.image_size, side, limit)
        if layout == ImageLayout.VIDEO:
            return squashed_boxes(size, ceil(side / VIDEO_POOLING), newlines=True) * tiles
        boxes = padded_boxes(size, side) if self._shown_as(alone, multi_image) == "pad" else squashed_boxes(size, side)
        return boxes + [None] * (layout == ImageLayout.TILE_NEWLINE)

    def count_tokens(self, size: tuple[int, int], tiles: int, layout: int) -> int:
        """The tokens of a picture or video of `size` (width, height) in pixels that was cut into `tiles`."""
        side = self.image_size // self.patch_size
        if layout == ImageLayout.ANYRES:
            limit = max_tiles(self.image_aspect_ratio)
            return anyres_tokens(size, self.image_grid_pinpoints, self.image_size, side, limit)
        if layout == ImageLayout.VIDEO:
            pooled = ceil(side / VIDEO_POOLING)
            return tiles * pooled * (pooled + 1)
        return side**2 + (layout == ImageLayout.TILE_NEWLINE)


def is_alone(are_videos: Sequence[bool]) -> bool:
    """Whether there is one picture among the pictures and videos of a conversation."""
    return sum(not is_video for is_video in are_videos) == 1


def published_image_options(config: LladaVConfig) -> dict[str, Any]:
    """The options of `LladaVImageProcessor` with which the published checkpoint was evaluated."""
    return {
        "image_aspect_ratio": config.image_aspect_ratio,
        "image_grid_pinpoints": config.image_grid_pinpoints,
        "image_size": config.vision_config.image_size,
        "patch_size": config.vision_config.patch_size,
    }


AutoImageProcessor.register(LladaVConfig, image_processor_classes={"pil": LladaVImageProcessor})

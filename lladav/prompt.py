"""What is asked, ready for the model: made once, before a GPU is asked for, and cheap to hand to another process."""

from dataclasses import dataclass

from torch import Tensor
from transformers import BatchFeature

from lladav.anyres import PICTURE_INPUTS


@dataclass(frozen=True, eq=False)
class Prompt:
    """Messages as the model reads them; it holds no original picture and no path.

    Attributes:
        inputs: what `LladaVForMaskedDiffusion.embed_prompt` takes, on the CPU.
        text: the prompt's text, with a placeholder for each picture.
        length: positions that it takes, picture tokens included.
        question: the text of the last message, without its pictures.
        thumbnails: a data URL of a small JPEG for each picture, and for each video of its first frame.
        image_hashes: SHA-256 of the tiles of each picture or video.
    """

    inputs: BatchFeature
    text: str
    length: int
    question: str
    thumbnails: list[str]
    image_hashes: list[str]

    @property
    def pictures(self) -> list[dict[str, Tensor]]:
        """What `get_image_features` takes, for each picture or video by itself."""
        return split_pictures(self.inputs)


def split_pictures(inputs: BatchFeature) -> list[dict[str, Tensor]]:
    """The part of `inputs` that each picture or video has by itself."""
    pixels, *figures = PICTURE_INPUTS
    if pixels not in inputs:
        return []
    parts = {name: inputs[name].split(1) for name in figures}
    parts[pixels] = inputs[pixels].split(inputs["tile_counts"].tolist())
    return [dict(zip(parts, picture, strict=True)) for picture in zip(*parts.values(), strict=True)]

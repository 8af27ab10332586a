"""The pictures among a prompt's positions, and which of their tokens need not be run after the first step."""

from collections.abc import Mapping
from math import ceil
from typing import Any

import torch
from torch import Tensor

from lladav.anyres import PICTURE_INPUTS


def with_features(model: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs of `model.embed_prompt` with the features of their pictures, so that it is known how many they are."""
    given = dict(inputs)
    if "pixel_values" in given:
        given["image_features"] = model.get_image_features(**{name: given.pop(name) for name in PICTURE_INPUTS})
    given["image_features"] = list(given.get("image_features", ()))
    return given


def picture_masks(model: Any, inputs: Mapping[str, Any]) -> list[Tensor]:
    """Which positions of each prompt of a batch are a picture's once it is embedded, bool of shape (L,), no padding.

    Args:
        model: see `sample`.
        inputs: what `with_features` returned, or `inputs_embeds`, of whose positions `image_mask` (B, L) says it.
    """
    if "inputs_embeds" in inputs:
        masks = inputs.get("image_mask", torch.zeros(inputs["inputs_embeds"].shape[:2], dtype=torch.bool))
        kept = inputs.get("attention_mask", torch.ones_like(masks)).bool()
        return [mask[row] for mask, row in zip(masks, kept, strict=True)]
    is_image = inputs["input_ids"] == model.config.image_token_id  # (B, L)
    counts = is_image.long()
    lengths = [len(features) for features in inputs["image_features"]]
    counts[is_image] = torch.tensor(lengths, dtype=torch.long, device=counts.device)
    kept = inputs.get("attention_mask", torch.ones_like(counts)).bool()
    rows = zip(is_image, counts.where(is_image, 1), kept, strict=True)
    return [mask[row].repeat_interleave(times[row]) for mask, times, row in rows]


def without_least(is_picture: Tensor, attention: Tensor, share: float) -> Tensor:
    """Which positions stay where of a picture's P tokens only ceil(share * P) do, those that are looked at most
    (RedVTP, arXiv 2511.12428).

    Args:
        is_picture: bool of shape (L,).
        attention: to the first L' positions, among them all of the picture's, of shape (L',).
        share: of the tokens.

    Returns:
        bool of shape (L,).
    """
    columns = is_picture.nonzero().squeeze(1)
    dropped = len(columns) - ceil(share * len(columns))
    least = columns[attention[columns].topk(dropped, largest=False).indices]
    return torch.ones_like(is_picture).index_fill(0, least, False)

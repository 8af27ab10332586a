"""Doubting committed tokens without asking them: WINO's shadow block (arXiv 2507.18578)."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lladav.sampling.config import SamplingConfig
from lladav.sampling.denoiser import Denoiser


class ShadowDenoiser(Denoiser):
    """Judges committed tokens by a block of masks behind the sequence; see `Denoiser`.

    A shadow has the position of a token of the active block, sees every other token and all shadows, but not the token
    itself. Nothing else sees a shadow, so proposals are what they are without. They are run only where something is
    judged.
    """

    def __init__(self, model: Any, prompts: Sequence[Tensor], suffix: list[int], config: SamplingConfig):
        shadows = [model.config.mask_token_id] * config.block_length
        super().__init__(model, prompts, suffix + shadows, config)
        self.lengths = [length - len(shadows) for length in self.lengths]
        self.blocks: dict[int, int] = {}  # where the judged block of an answer begins

    def _judging_columns(self, judged: Mapping[int, Tensor]) -> Mapping[int, Tensor]:
        """The columns of the shadows."""
        size = self.config.block_length
        self.blocks = {row: int(at[0]) // size * size for row, at in judged.items() if len(at)}
        shadows = self.embeds.shape[1] - size - self.first
        return {row: shadows + at % size for row, at in judged.items()}

    def _run(self, embeds: Tensor, start: int, rows: Tensor | slice, is_watched: bool = False) -> Tensor:
        visible = embeds.shape[1] - self.config.block_length
        padding = {"attention_mask": self.attention_mask, "position_ids": self.position_ids}
        if not self.blocks:
            options = {name: values[:, :visible] for name, values in padding.items()} if self.is_padded else {}
            return self.model(
                inputs_embeds=embeds[:, :visible], past_key_values=None, logits_to_keep=rows, **options
            ).logits
        seen = self.attention_mask.bool()[:, None, None].repeat(1, 1, embeds.shape[1], 1)  # (B or 2B, 1, L, L)
        seen[:, :, :visible, visible:] = False
        position_ids = self.position_ids.clone()
        shadows = torch.arange(visible, embeds.shape[1], device=embeds.device)
        for row in range(len(embeds)):
            own = self.first + self.blocks.get(row % len(self.prompts), 0) + shadows - visible
            seen[row, 0, shadows, own] = False
            position_ids[row, shadows] = position_ids[row, own]
        return self.model(
            inputs_embeds=embeds,
            past_key_values=None,
            logits_to_keep=rows,
            attention_mask=seen,
            position_ids=position_ids,
        ).logits

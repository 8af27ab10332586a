"""Left to right: how the autoregressive twin fills an answer, in the same loop and with the same records.

A causal model sees only what stands before a position, and says at each position what comes next. So every step asks
for the first blank, runs only what was written since the last step, and keeps all keys and values for good: they
depend on nothing that comes later.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache

from lladav.sampling.config import SamplingConfig
from lladav.sampling.denoiser import Denoiser

HONOURED = ("gen_length", "temperature", "stop", "seed", "suffix", "template", "suppress_token_ids")


def left_to_right(config: SamplingConfig) -> SamplingConfig:
    """`config` as a causal model honours it: one step a token, and the settings of denoising at their defaults.

    Blocks, steps, remasking and the policies say which masks to fill first, and here the next one is. The cache is
    exact and always on. Guidance compares with a prompt of masks, which a causal model has never seen. A token that the
    template fixes is read once everything before it is written; the suffix is never read.
    """
    settings = {name: getattr(config, name) for name in HONOURED}
    return SamplingConfig(**settings, block_length=config.gen_length, steps=config.gen_length)


def is_causal(model: Any) -> bool:
    """Whether the model is an autoregressive twin; one whose config does not say is not."""
    return getattr(model.config, "is_causal", False)


def effective_config(model: Any, config: SamplingConfig) -> SamplingConfig:
    """What `sample` makes of `config` with this model: the same, or what `left_to_right` leaves of it."""
    return left_to_right(config) if is_causal(model) else config


class CausalDenoiser(Denoiser):
    """Proposes the next token of B answers, which advance side by side; see `Denoiser`."""

    def __init__(self, model: Any, prompts: Sequence[Tensor], suffix: list[int], config: SamplingConfig):
        super().__init__(model, prompts, suffix, config)
        never = torch.tensor([model.config.mask_token_id], device=self.suppressed.device)
        self.suppressed = torch.cat([self.suppressed, never])  # a mask is no word to it
        self.keys_and_values = DynamicCache()
        self.read = 0  # columns that have been run

    def _askable(self, positions: Mapping[int, Tensor]) -> Mapping[int, Tensor]:
        """The first of the positions of each answer; it is the same one in all of them."""
        return {row: at[:1] for row, at in positions.items()}

    def _logits(self, tokens: Tensor, asked: Tensor, index: int, length: int | None) -> Tensor:
        """Logits (B, 1, V) at the one position `asked` (1,), made where its predecessor stands."""
        written = int(asked)
        new = slice(self.read, self.first + written)
        self.embeds[:, self.first : new.stop] = self.embed(tokens[:, :written].to(self.embeds.device))
        self.read = new.stop
        padding = {"attention_mask": self.attention_mask[:, : new.stop], "position_ids": self.position_ids[:, new]}
        logits = self.model(
            inputs_embeds=self.embeds[:, new],
            past_key_values=self.keys_and_values,
            logits_to_keep=1,
            **(padding if self.is_padded else {}),
        ).logits.index_fill_(-1, self.suppressed, -torch.inf)
        return logits.cpu() if logits.device.type == "mps" else logits  # which has no float64

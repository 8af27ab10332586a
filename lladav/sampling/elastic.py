"""Running only what has moved: Elastic-Cache (arXiv 2510.14973).

A pass runs the first `window_length` masks, what was written or taken back since the last one, and the tokens T that
masks looked at most in the last one; all else is as the layers left it. What is looked at most moves least. Where even
that looks elsewhere than before, all that comes later is stale: with S the attention of layer l in step t,

    s(t, l) = cos(S(t-1, l)[T], S(t, l)[T]),    l* = min {l : s(t, l) < drift_threshold},

and the layers behind l* run the whole sequence, from what last entered them. For the next step T holds, of each layer,
the token, masks aside, that the masks of the window attend to most.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lladav.attention import AttentionRecorder, attention_weights
from lladav.cache import ColumnCache
from lladav.sampling.config import SamplingConfig
from lladav.sampling.denoiser import Denoiser


class ElasticDenoiser(Denoiser):
    """Runs one sequence, and under guidance the unconditional one, in the columns that have moved; see `Denoiser`.

    No cosine reaches a threshold above 1: with one, every step runs everything.
    """

    def __init__(self, model: Any, prompts: Sequence[Tensor], suffix: list[int], config: SamplingConfig):
        super().__init__(model, prompts, suffix, config)
        assert config.drift_threshold is not None
        self.threshold = config.drift_threshold
        self.decoder = model.model.language_model
        columns = torch.arange(self.embeds.shape[1], device=self.embeds.device)  # (L,)
        self.kept = ColumnCache(columns)
        self.rotation = self.decoder.rotation(self.embeds, columns[None])
        self.is_mask = torch.zeros_like(columns, dtype=torch.bool)
        self.tracked = columns[:0]  # T, ascending

    def _askable(self, positions: Mapping[int, Tensor]) -> Mapping[int, Tensor]:
        """The window: the first masks of the answer."""
        return {row: at[: self.config.window_length] for row, at in positions.items()}

    def _logits(self, tokens: Tensor, asked: Tensor, index: int, length: int | None) -> Tensor:
        self.is_mask[self.first : self.first + tokens.shape[1]] = tokens[0] == self.model.config.mask_token_id
        return super()._logits(tokens, asked, index, length)

    def _run(self, embeds: Tensor, start: int, rows: Tensor | slice, is_watched: bool = False) -> Tensor:
        """Logits (1 or 2, K, V) in the columns `rows` (K,)."""
        assert isinstance(rows, Tensor)
        self.kept.columns = self._moved(embeds, rows)
        hidden = embeds[:, self.kept.columns]
        looked_at = []
        for index in range(len(self.decoder.layers)):
            hidden, attention = self._run_layer(index, hidden, rows)
            looked_at.append(most_attended(attention, self.is_mask))
        self.tracked = torch.stack(looked_at).unique()
        return self.model.get_output_embeddings()(self.decoder.norm(hidden)).float()

    def _moved(self, embeds: Tensor, rows: Tensor) -> Tensor:
        """The columns (K,) that the first layer has to run, ascending; all of them in the first step."""
        if not self.kept.hidden or self.threshold > 1:
            return self.kept.all_columns
        changed = (embeds != self.kept.hidden[0]).any(-1).any(0).nonzero().squeeze(1)
        return torch.cat([self.tracked, changed, rows]).unique()

    def _run_layer(self, index: int, hidden: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Run a layer on what enters it (B, K, D) in the columns that are run; the next one runs all of them where the
        attention of this one has drifted.

        Returns:
            What enters the next layer, or of the last one what leaves it in `rows`; and the attention (B, n, L) of the
            masks among `rows`.
        """
        kept, layer, is_last = self.kept, self.decoder.layers[index], index == len(self.decoder.layers) - 1
        tracked = self.tracked[:0] if kept.runs_all or is_last else self.tracked
        before = self._attention(layer, index, tracked) if len(tracked) else None
        kept.enter(hidden, index)
        watched = torch.cat([tracked, rows[self.is_mask[rows]]])
        recorder = AttentionRecorder(torch.searchsorted(kept.columns, watched), mask=None)
        wanted = torch.searchsorted(kept.columns, rows) if is_last else None
        hidden = layer(hidden, self._rotation(kept.columns), None, kept, wanted, recorder)
        after, attention = recorder.weights[0].tensor_split([len(tracked)], dim=1)
        if before is not None and similarity(before, after) < self.threshold:
            hidden = kept.enter(hidden, index + 1)
            kept.columns = kept.all_columns
        return hidden, attention

    def _attention(self, layer: Any, index: int, columns: Tensor) -> Tensor:
        """What `columns` (n,) attended to in a layer when it was last run, of shape (B, n, L)."""
        hidden = layer.input_layernorm(self.kept.hidden[index][:, columns])
        queries = layer.self_attn.queries(hidden, *self._rotation(columns))
        return attention_weights(layer.self_attn, queries, self.kept.keys_and_values[index][0])

    def _rotation(self, columns: Tensor) -> tuple[Tensor, Tensor]:
        cos, sin = self.rotation
        return cos[:, :, columns], sin[:, :, columns]


def similarity(before: Tensor, after: Tensor) -> float:
    """The cosine between attentions (B, n, L), all their rows taken as one vector."""
    return torch.cosine_similarity(before.flatten(), after.flatten(), dim=0).item()


def most_attended(attention: Tensor, is_mask: Tensor) -> Tensor:
    """The column that masks (B, n, L) attend to most, of those that are none themselves, bool of shape (L,): ()."""
    return attention.sum((0, 1)).masked_fill(is_mask, -1.0).argmax()

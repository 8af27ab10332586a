"""The language model: Llama's blocks, whose last one runs only where somebody asks.

Transformers' `LlamaModel` runs every block for every position. What comes out of the last block is read at masked
positions of the answer alone, so there the others need only their keys and values: no query, no feed-forward layer.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Cache, DynamicCache, LlamaConfig, LlamaPreTrainedModel
from transformers.masking_utils import create_causal_mask
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutputWithPast
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.llama.modeling_llama import (
    LlamaAttention,
    LlamaMLP,
    LlamaRotaryEmbedding,
    eager_attention_forward,
)

from lladav.attention import AttentionRecorder, Rows


class LladaVAttention(LlamaAttention):
    """Attention of some rows, or of all, to every row."""

    def forward(  # type: ignore[override]
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        rows: Rows = None,
        recorder: AttentionRecorder | None = None,
    ) -> Tensor:
        cos, sin = position_embeddings  # (B, 1, L, head_dim)
        keys = rotated(self._heads(self.k_proj(hidden_states)), cos, sin)
        values = self._heads(self.v_proj(hidden_states))
        if past_key_values is not None:
            keys, values = past_key_values.update(keys, values, self.layer_idx)
        if recorder is not None:
            recorder.record(self, self.queries(hidden_states, cos, sin, recorder.rows), keys)
        queries = self.queries(hidden_states, cos, sin, rows)
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(self.config._attn_implementation, eager_attention_forward)
        dropout = self.attention_dropout if self.training else 0.0
        output, _ = attend(self, queries, keys, values, attention_mask, dropout=dropout, scaling=self.scaling)
        return self.o_proj(output.flatten(2))  # (B, K, D)

    def queries(self, hidden_states: Tensor, cos: Tensor, sin: Tensor, rows: Rows = None) -> Tensor:
        """The rotated queries (B, heads, K, head_dim) of some rows of normalized hidden states (B, L, D), or of all."""
        if rows is not None:
            hidden_states, cos, sin = hidden_states[:, rows], cos[:, :, rows], sin[:, :, rows]
        return rotated(self._heads(self.q_proj(hidden_states)), cos, sin)  # (B, heads, K, head_dim)

    def _heads(self, states: Tensor) -> Tensor:
        return states.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)  # (B, heads, L, head_dim)


class LladaVDecoderLayer(GradientCheckpointingLayer):
    """A block: the whole sequence in, (B, L, D); out of it `rows`, (B, K, D), or all."""

    def __init__(self, config: LlamaConfig, layer_idx: int):
        super().__init__()
        self.self_attn = LladaVAttention(config, layer_idx)
        self.mlp = LlamaMLP(config)
        self.input_layernorm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)

    def forward(
        self,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor],
        attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        rows: Rows = None,
        recorder: AttentionRecorder | None = None,
    ) -> Tensor:
        attended = self.self_attn(
            self.input_layernorm(hidden_states), position_embeddings, attention_mask, past_key_values, rows, recorder
        )
        hidden_states = attended + (hidden_states if rows is None else hidden_states[:, rows])
        return hidden_states + self.mlp(self.post_attention_layernorm(hidden_states))


class LladaVLanguageModel(LlamaPreTrainedModel):
    """`LlamaModel`, weight for weight, which may be asked for some rows only."""

    def __init__(self, config: LlamaConfig):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, config.pad_token_id)
        self.layers = nn.ModuleList(LladaVDecoderLayer(config, index) for index in range(config.num_hidden_layers))
        self.norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.rotary_emb = LlamaRotaryEmbedding(config)
        self.gradient_checkpointing = False
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool = False,
        rows: Rows = None,
        output_attentions: bool = False,
        **_: object,
    ) -> BaseModelOutputWithPast:
        """Hidden states of `rows`, (B, K, D), or of all, (B, L, D); the rest as `LlamaModel` has it.

        Args:
            rows: a slice or indices (K,) of positions.
            output_attentions: also return the attention of `rows`, see `AttentionRecorder.weights`.
        """
        hidden_states = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache(config=self.config)
        if position_ids is None:
            seen = 0 if past_key_values is None else past_key_values.get_seq_length()
            position_ids = torch.arange(seen, seen + hidden_states.shape[1], device=hidden_states.device)[None]
        rotation = self.rotation(hidden_states, position_ids)
        mask: Any = None
        if hides := self.config.is_causal or attention_mask is not None:
            mask = create_causal_mask(self.config, hidden_states, attention_mask, past_key_values, position_ids)
        recorder = None
        if output_attentions:
            added: Any = None  # the same mask as numbers, whatever form it has for the implementation that is run
            if hides:
                eager = copy.copy(self.config)
                eager._attn_implementation = "eager"
                added = create_causal_mask(eager, hidden_states, attention_mask, past_key_values, position_ids)
            recorder = AttentionRecorder(rows, added)
        for layer in self.layers[:-1]:
            hidden_states = layer(hidden_states, rotation, mask, past_key_values, None, recorder)
        # a mask, which may be implied, is one for all rows: where there is one, all of them go to the end
        last_rows = None if hides else rows
        hidden_states = self.layers[-1](hidden_states, rotation, mask, past_key_values, last_rows, recorder)
        if hides and rows is not None:
            hidden_states = hidden_states[:, rows]
        attentions: Any = None if recorder is None else tuple(recorder.weights)
        return BaseModelOutputWithPast(self.norm(hidden_states), past_key_values, attentions=attentions)

    def rotation(self, hidden_states: Tensor, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        """What `rotated` takes, cosine and sine (B, 1, L, head_dim), for positions (B, L), as hidden states have it."""
        cos, sin = self.rotary_emb(hidden_states, position_ids)
        first, second = sin[:, None].chunk(2, dim=-1)
        return cos[:, None], torch.cat([-first, second], dim=-1)


def rotated(states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary position embedding of queries or keys (B, heads, L, head_dim); `sin` is negative in its first half."""
    first, second = states.chunk(2, dim=-1)
    return torch.addcmul(states * cos, torch.cat([second, first], dim=-1), sin)

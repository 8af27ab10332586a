"""The prompt's keys and values, kept between refreshes.

In a bidirectional model they depend on the answer and go slowly stale, so every `refresh_interval`-th step runs the
whole sequence and takes them anew. In between only the answer and the suffix are run, against the kept ones.
"""

from torch import Tensor
from transformers.cache_utils import Cache


class PromptCache(Cache):
    """Keys and values (B, heads, L, head_dim) of every layer, of which the first `prompt_length` outlive a step."""

    def __init__(self, prompt_length: int, refresh_interval: int):
        super().__init__(layers=[])
        self.prompt_length = prompt_length
        self.refresh_interval = refresh_interval
        self.refreshing = True
        self.keys_and_values: dict[int, tuple[Tensor, Tensor]] = {}

    def begin_step(self, index: int) -> bool:
        """Announce step `index` (from 0) of a run; True when it must run the whole sequence."""
        self.refreshing = index % self.refresh_interval == 0
        return self.refreshing

    def update(self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args, **kwargs):
        """Take the whole sequence when refreshing, else write the answer's part behind the prompt's, in place."""
        if self.refreshing:
            self.keys_and_values[layer_idx] = key_states, value_states
        keys, values = self.keys_and_values[layer_idx]
        if not self.refreshing:
            keys[:, :, self.prompt_length :] = key_states
            values[:, :, self.prompt_length :] = value_states
        return keys, values

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """How many positions stand before the ones being run."""
        return 0 if self.refreshing else self.prompt_length

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        """How many positions are seen, and the first of them."""
        return self.get_seq_length(layer_idx) + query_length, 0

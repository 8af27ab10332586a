"""The prompt's keys and values, kept between refreshes.

In a bidirectional model they depend on the answer and go slowly stale, so every `refresh_interval`-th step runs
the whole sequence and takes them anew. In between only the answer and the suffix are run, against the kept ones.
"""

from functools import partial

from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin


class PromptCacheLayer(CacheLayerMixin):
    """Keys and values of one layer, of shape (B, heads, L, head_dim); the first `prompt_length` outlive a step."""

    def __init__(self, prompt_length: int):
        super().__init__()
        self.prompt_length = prompt_length
        self.refreshing = True

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        self.keys, self.values = key_states, value_states
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args, **kwargs):
        """Take the whole sequence when refreshing, else write the answer's part behind the prompt's, in place."""
        if self.refreshing:
            self.lazy_initialization(key_states, value_states)
        else:
            self.keys[:, :, self.prompt_length :] = key_states
            self.values[:, :, self.prompt_length :] = value_states
        return self.keys, self.values

    def get_seq_length(self) -> int:
        """How many positions stand before the ones being run."""
        return 0 if self.refreshing else self.prompt_length

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self.get_seq_length() + query_length, 0

    def get_max_length(self) -> int:
        return -1


class PromptCache(Cache):
    """Holds what a prompt of `prompt_length` positions left behind, for `refresh_interval` steps at a time."""

    def __init__(self, prompt_length: int, refresh_interval: int):
        super().__init__(layer_class_to_replicate=partial(PromptCacheLayer, prompt_length))
        self.refresh_interval = refresh_interval

    def begin_step(self, index: int) -> bool:
        """Announce step `index` (from 0) of a run; True when it must run the whole sequence."""
        refreshing = index % self.refresh_interval == 0
        for layer in self.layers:
            layer.refreshing = refreshing
        return refreshing

"""What need not be worked out again: keys and values, and the features of a prompt's pictures.

In a bidirectional model keys and values depend on the answer and go slowly stale, so every `refresh_interval`-th step
runs the whole sequence and takes them anew. In between only the answer and the suffix are run, against the kept ones.
Features depend on nothing but the picture, and serve for as long as a conversation lasts.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from torch import Tensor
from transformers.cache_utils import Cache


class PromptCache(Cache):
    """Keys and values (B, heads, L, head_dim) of every layer, of which the first `prompt_length` outlive a step.

    They stay in the tensors of the first step for a whole run, as a recorded step must find them there.
    """

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

    def update(self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any):
        """Write the whole sequence when refreshing, else the answer's part behind the prompt's, in place."""
        if layer_idx not in self.keys_and_values:
            self.keys_and_values[layer_idx] = key_states, value_states
        else:
            for kept, states in zip(self.keys_and_values[layer_idx], (key_states, value_states), strict=True):
                kept[:, :, self.get_seq_length() :] = states
        return self.keys_and_values[layer_idx]

    def keep(self, columns: Tensor, prompt_length: int) -> None:
        """Keep of the sequence only the `columns` (B, L) of each row, the first `prompt_length` a prompt's."""
        self.prompt_length = prompt_length
        for layer, kept in self.keys_and_values.items():
            heads, width = kept[0].shape[1], kept[0].shape[3]
            index = columns[:, None, :, None].expand(-1, heads, -1, width)
            self.keys_and_values[layer] = kept[0].gather(2, index), kept[1].gather(2, index)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """How many positions stand before the ones being run."""
        return 0 if self.refreshing else self.prompt_length

    def get_mask_sizes(self, query_length: int, layer_idx: int) -> tuple[int, int]:
        """How many positions are seen, and the first of them."""
        return self.get_seq_length(layer_idx) + query_length, 0


class ColumnCache(Cache):
    """What each layer last made of every column of a sequence, of which a pass may run only some.

    Args:
        columns: all of the sequence's (L,), which are run first.

    Attributes:
        columns: those that are run (K,), ascending; all that a layer is given and makes stands in them.
        hidden: for each layer what last entered it, (B, L, D).
        keys_and_values: for each layer its keys and values, (B, heads, L, head_dim).
    """

    def __init__(self, columns: Tensor):
        super().__init__(layers=[])
        self.columns = self.all_columns = columns
        self.hidden: dict[int, Tensor] = {}
        self.keys_and_values: dict[int, tuple[Tensor, Tensor]] = {}

    @property
    def runs_all(self) -> bool:
        return len(self.columns) == len(self.all_columns)

    def enter(self, hidden_states: Tensor, layer_idx: int) -> Tensor:
        """Write down what enters a layer in the columns that are run, (B, K, D), and return it for all of them."""
        if self.runs_all:
            self.hidden[layer_idx] = hidden_states
        else:
            self.hidden[layer_idx][:, self.columns] = hidden_states
        return self.hidden[layer_idx]

    def update(self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any):
        """Write keys and values of the columns that are run, and return those of all of them."""
        if self.runs_all:
            self.keys_and_values[layer_idx] = key_states, value_states
        else:
            for kept, states in zip(self.keys_and_values[layer_idx], (key_states, value_states), strict=True):
                kept[:, :, self.columns] = states
        return self.keys_and_values[layer_idx]


class FeatureCache:
    """The features of the pictures in a conversation, by content; whoever holds the conversation holds it.

    The published model makes at most about 4400 tokens of a picture, 36 MB in bfloat16.

    Args:
        maxsize: how many pictures or videos are kept; beyond, the one unused for longest is dropped.

    Raises:
        ValueError: there is no room for even one.
    """

    def __init__(self, maxsize: int = 8):
        if maxsize < 1:
            raise ValueError(f"maxsize must be at least 1, got {maxsize}: without a cache pass none")
        self.maxsize = maxsize
        self._features: OrderedDict[Hashable, Tensor] = OrderedDict()

    def __reduce__(self):
        """A copy, in this process or another, starts empty: features belong to one conversation, on one device."""
        return FeatureCache, (self.maxsize,)

    def get(self, key: Hashable, compute: Callable[[], Tensor]) -> Tensor:
        """The features (n, D) kept under `key`, or else those that `compute` returns, which are kept from now on."""
        if key not in self._features:
            self._features[key] = compute()
        self._features.move_to_end(key)
        if len(self._features) > self.maxsize:
            self._features.popitem(last=False)
        return self._features[key]

"""Models whose every word is known, for runs of which one can say beforehand what has to happen."""

from itertools import pairwise
from types import SimpleNamespace

import torch
from torch import Tensor

from lladav import SamplingConfig, SamplingStep, sample
from lladav.trace import Trace, trace_step


class Neighbors:
    """A model of one layer: every token that is seen adds a row of `says` to what is said of each position, the less
    the further away it stands; a mask adds nothing.

    Args:
        bias: logits (L, V) of an answer that nothing is known of.
        says: of shape (V, V).
        prompt_length: positions before the answer.
        looks: of shape (L, prompt_length), what each position of the answer attends to; by default all the same.
    """

    def __init__(self, bias: Tensor, says: Tensor, prompt_length: int = 3, mask: int = 0, looks: Tensor | None = None):
        self.looks = torch.full((len(bias), prompt_length), 1 / prompt_length) if looks is None else looks
        self.bias, self.says = bias, says.index_fill(0, torch.tensor([mask]), 0.0)
        self.prompt_length = prompt_length
        self.config = SimpleNamespace(mask_token_id=mask, suppress_token_ids=[mask])
        self.embedding = torch.nn.Embedding.from_pretrained(torch.eye(len(says)))
        self.passes = 0

    @classmethod
    def at_random(cls, length: int, vocab_size: int = 12, seed: int = 0) -> "Neighbors":
        """One with an opinion on everything."""
        draw = torch.Generator().manual_seed(seed)
        bias, says = (torch.randn(n, vocab_size, generator=draw) for n in (length, vocab_size))
        return cls(2 * bias, 3 * says)

    def get_input_embeddings(self) -> torch.nn.Embedding:
        return self.embedding

    def __call__(
        self, inputs_embeds, past_key_values, logits_to_keep, attention_mask=None, position_ids=None,
        output_attentions=False,
    ):  # fmt: skip
        self.passes += 1
        length = inputs_embeds.shape[1]
        places = torch.arange(length) if position_ids is None else position_ids[0]
        seen = torch.ones(length, length) if attention_mask is None else attention_mask[0, 0].float()
        weight = seen * 0.5 ** (places[:, None] - places).abs().clamp(min=1)
        logits = weight @ (inputs_embeds[0] @ self.says)
        answer = (places - self.prompt_length).clamp(0, len(self.bias) - 1)
        attention = torch.cat([self.looks, torch.zeros(len(self.bias), length)], dim=1)[answer][:, places]
        return SimpleNamespace(
            logits=(logits + self.bias[answer])[None, logits_to_keep],
            attentions=(attention[None, logits_to_keep],) if output_attentions else None,
        )


def hasty() -> Neighbors:
    """A model that would begin with the second word where the first is right, until it sees the third and the fourth;
    it believes what is written, and is slow to say the last two words."""
    right, wrong, a, b, c = range(1, 6)
    bias = torch.zeros(6, 6)
    bias[0, [right, wrong]] = torch.tensor([2.0, 3.0])
    bias[[1, 2, 3], [a, b, c]] = 60.0
    says = torch.zeros(6, 6)
    says[[a, b], right], says[c, a], says[wrong, wrong] = 24.0, 40.0, 60.0
    return Neighbors(bias, says)


WORDS = SimpleNamespace(encode=lambda text, add_special_tokens: [int(word) for word in text.split()])  # "7 8"


def traced(model: Neighbors, config: SamplingConfig) -> tuple[list[SamplingStep], Trace]:
    """A run, and its trace."""
    steps = list(sample(model, {"inputs_embeds": torch.zeros(1, model.prompt_length, len(model.says))}, config, WORDS))
    changed = [trace_step(before, after) for before, after in pairwise(steps)]
    pieces = {token: f" {token}" for token in range(len(model.says))}
    stops = [[int(word) for word in text.split()] for text in config.stop]
    seconds, mask = [float(step.step) for step in steps], model.config.mask_token_id
    return steps, Trace(
        "neighbors", "", [], 3, config, mask, stops, changed, seconds, pieces, "", steps[-1].finish_reason
    )

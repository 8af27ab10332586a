"""From the model's logits to proposals: guidance, suppression, temperature and confidence."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from lladav.cache import PromptCache
from lladav.remasking import low_confidence, random_confidence
from lladav.sampling.canvas import NUM_ALTERNATIVES, Proposal
from lladav.sampling.config import SamplingConfig


@dataclass
class Denoiser:
    """Runs the model on prompt, answer and suffix and reads its proposals for the masked positions."""

    model: Any
    prompt: Tensor  # (1, L, D)
    suffix: list[int]
    config: SamplingConfig
    embeds: Tensor = field(init=False)  # (B, L + G + suffix, D); B = 2 under guidance

    def __post_init__(self):
        self.prompt_length = self.prompt.shape[1]
        self.embed = self.model.get_input_embeddings()
        rows = [self.prompt]
        if self.config.cfg_scale > 0:
            rows.append(self._embed([self.model.config.mask_token_id]).expand_as(self.prompt))
        tail = self._embed([self.model.config.mask_token_id] * self.config.gen_length + self.suffix)
        self.embeds = torch.stack([torch.cat([row[0], tail]) for row in rows])
        interval = self.config.refresh_interval
        self.cache = PromptCache(self.prompt_length, interval) if interval else None
        self.noise = UniformNoise(self.config.seed)

    def _embed(self, ids: list[int]) -> Tensor:
        return self.embed(torch.tensor(ids, device=self.prompt.device))  # (len(ids), D)

    def propose(self, tokens: Tensor, positions: Tensor, index: int) -> Proposal:
        """Run step `index` on the answer `tokens` (G,) and propose a token at each of `positions` (N,)."""
        logits = self._logits(tokens, positions, index)  # (N, V)
        length = self.embeds.shape[1]
        rows = positions + self.prompt_length
        x0 = logits.argmax(-1)
        if self.config.temperature > 0:
            noise = self.noise.uniform(rows, length, logits.shape[-1]).to(logits.device)
            x0 = perturb(logits, noise, self.config.temperature).argmax(-1)
        probabilities = logits.double().softmax(-1)
        if self.config.remasking == "random":
            confidence = random_confidence(length, self.noise.generator)[rows].double()
        else:
            confidence = low_confidence(probabilities, x0)
        top_probs, top_ids = probabilities.topk(NUM_ALTERNATIVES)
        return Proposal(positions, x0.cpu(), confidence.cpu(), top_ids.cpu(), top_probs.cpu())

    def _logits(self, tokens: Tensor, positions: Tensor, index: int) -> Tensor:
        """Logits (N, V) at `positions` of the answer, guided, with what an answer never holds at minus infinity."""
        first = self.prompt_length
        self.embeds[:, first : first + len(tokens)] = self.embed(tokens.to(self.embeds.device))
        start = 0 if self.cache is None or self.cache.begin_step(index) else first
        keep = (positions + first - start).to(self.embeds.device)
        output = self.model(inputs_embeds=self.embeds[:, start:], past_key_values=self.cache, logits_to_keep=keep)
        logits = suppress(guide(output.logits, self.config.cfg_scale), self.model.config.suppress_token_ids)
        return logits.cpu() if logits.device.type == "mps" else logits  # which has no float64


def guide(logits: Tensor, cfg_scale: float) -> Tensor:
    """Classifier-free guidance: (1, N, V), or (2, N, V) with the unconditional row second -> (N, V)."""
    if len(logits) == 1:
        return logits[0]
    conditional, unconditional = logits
    return unconditional + (cfg_scale + 1) * (conditional - unconditional)


def suppress(logits: Tensor, token_ids: Sequence[int]) -> Tensor:
    """Put the columns `token_ids` of `logits` (N, V) at minus infinity, in place."""
    return logits.index_fill_(-1, torch.tensor(token_ids, dtype=torch.long, device=logits.device), -torch.inf)


def perturb(logits: Tensor, uniform: Tensor, temperature: float) -> Tensor:
    """Scores whose argmax is a draw from softmax(logits / temperature), all of shape (N, V).

    The Gumbel-max trick, as exp(l) / (-log u)^T with u uniform; in float64, since low precision here lowers the
    temperature that was asked for (arXiv 2409.02908).
    """
    return logits.double().exp() / (-uniform.log()) ** temperature


class UniformNoise:
    """Uniform noise, the same for a seed on every device.

    The published loop draws it for the whole sequence, (1, L, V), though it uses only the rows of the masked
    positions. To agree with it for every seed, the same numbers are passed over here, but only those rows are kept.
    """

    _CHUNK = 1 << 20  # words passed over at a time

    def __init__(self, seed: int | None):
        self.generator = torch.default_generator if seed is None else torch.Generator().manual_seed(seed)

    def uniform(self, rows: Tensor, length: int, vocab_size: int) -> Tensor:
        """Rows `rows` (N,), ascending, of uniform float64 noise of shape (length, vocab_size)."""
        noise = torch.empty(len(rows), vocab_size, dtype=torch.float64)
        drawn = 0
        for out, row in zip(noise, rows.tolist(), strict=True):
            self._skip((row - drawn) * vocab_size)
            out.uniform_(generator=self.generator)
            drawn = row + 1
        self._skip((length - drawn) * vocab_size)
        return noise

    def _skip(self, count: int) -> None:
        """Pass over `count` float64 draws, each of which takes two 32-bit words."""
        words = torch.empty(min(2 * count, self._CHUNK), dtype=torch.int32)
        for start in range(0, 2 * count, self._CHUNK):
            words[: 2 * count - start].random_(generator=self.generator)

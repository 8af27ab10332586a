"""From the model's logits to proposals: guidance, suppression, temperature and confidence."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lladav.cache import PromptCache
from lladav.remasking import entropy, low_confidence, random_confidence
from lladav.sampling.canvas import NUM_ALTERNATIVES, Proposal
from lladav.sampling.config import SamplingConfig

CACHED_WORDS = 1 << 17  # in float64 1 MB, about what the second level cache of a CPU's core holds


class Denoiser:
    """Runs the model on B sequences of prompt, answer and suffix and reads its proposals for the masked positions.

    The sequences stand in `embeds`, where from step to step only the answers change. A shorter prompt is padded on
    the left, so that all answers begin in the same column. Under guidance B more stand behind them, the unconditional.

    Args:
        model: see `sample`.
        prompts: B embeddings of shape (L, D), each with an L of its own.
        suffix: ids.
        config: how to sample.
    """

    def __init__(self, model: Any, prompts: Sequence[Tensor], suffix: list[int], config: SamplingConfig):
        self.model, self.prompts, self.config = model, prompts, config
        self.embed = model.get_input_embeddings()
        device = prompts[0].device
        tail = self.embed(torch.tensor([model.config.mask_token_id] * config.gen_length + suffix, device=device))
        rows = [torch.cat([prompt, tail]) for prompt in prompts]
        if config.cfg_scale > 0:
            rows += [torch.cat([tail[:1].expand_as(prompt), tail]) for prompt in prompts]
        self.embeds = pad_sequence(rows, batch_first=True, padding_side="left")  # (B or 2B, L + G + suffix, D)
        self.first = self.embeds.shape[1] - len(tail)  # the column where the answers begin
        self.lengths = [len(row) for row in rows]
        padding = self.embeds.shape[1] - torch.tensor(self.lengths, device=device)[:, None]
        columns = torch.arange(self.embeds.shape[1], device=device)
        self.is_padded = bool(padding.any())
        self.attention_mask = (columns >= padding).long()  # (B or 2B, L + G + suffix)
        self.position_ids = (columns - padding).clamp(min=0)
        self.suppressed = torch.tensor(model.config.suppress_token_ids, dtype=torch.long, device=device)
        self.cache = PromptCache(self.first, config.refresh_interval) if config.refresh_interval else None
        self.noises = [UniformNoise(config.seed) for _ in prompts]

    def propose(self, tokens: Tensor, positions: Mapping[int, Tensor], index: int) -> dict[int, Proposal]:
        """Run step `index` on the answers `tokens` (B, G) and propose tokens in some of them.

        Args:
            positions: for the number of each of those answers, the positions that are asked about (N,), ascending.
        """
        asked = torch.cat(list(positions.values())).unique()  # (K,)
        logits = self._logits(tokens, asked, index)
        proposals = {}
        for row, at in positions.items():
            own = logits[row] if len(at) == len(asked) else logits[row, torch.isin(asked, at).to(logits.device)]
            proposals[row] = self._read(row, own, at)
        return proposals

    def _logits(self, tokens: Tensor, asked: Tensor, index: int) -> Tensor:
        """Logits (B, K, V) where asked for, guided, with what an answer never holds at minus infinity."""
        device = self.embeds.device
        answers = slice(self.first, self.first + self.config.gen_length)
        self.embeds.unflatten(0, (-1, len(tokens)))[:, :, answers] = self.embed(tokens.to(device))
        start = 0 if self.cache is None or self.cache.begin_step(index) else self.first
        padding = {"attention_mask": self.attention_mask, "position_ids": self.position_ids[:, start:]}
        logits = self.model(
            inputs_embeds=self.embeds[:, start:],
            past_key_values=self.cache,
            logits_to_keep=(asked + self.first - start).to(device),
            **(padding if self.is_padded else {}),
        ).logits
        logits = guide(logits, self.config.cfg_scale).index_fill_(-1, self.suppressed, -torch.inf)
        return logits.cpu() if device.type == "mps" else logits  # which has no float64

    def _read(self, row: int, logits: Tensor, positions: Tensor) -> Proposal:
        """What the logits (N, V) of one answer propose at its `positions` (N,)."""
        config, noise, length = self.config, self.noises[row], self.lengths[row]
        in_sequence = positions + len(self.prompts[row])
        x0 = logits.max(-1).indices  # the first of equal ones, like argmax, in half the time
        if config.temperature > 0:
            uniform = noise.uniform(in_sequence, length, logits.shape[-1]).to(logits.device)
            x0 = perturb(logits, uniform, config.temperature).argmax(-1)
        confidence, top_probs, top_ids, *entropies = beliefs(logits, x0, config.entropy_bound is not None)
        if config.remasking == "random":
            confidence = random_confidence(length, noise.generator)[in_sequence].double()
        return Proposal(positions, x0.cpu(), confidence, top_ids, top_probs, *entropies)


def beliefs(logits: Tensor, x0: Tensor, with_entropies: bool) -> list[Tensor]:
    """What is read off the float64 probabilities that logits (N, V) stand for, on the CPU.

    A CPU takes only so many rows at a time that they never leave its cache: of a large vocabulary, one.

    Returns:
        The probability of each of `x0` (N,); the largest probabilities (N, 5) and their ids; entropies (N,) if wanted.
    """
    rows = max(1, CACHED_WORDS // logits.shape[-1]) if logits.device.type == "cpu" else len(logits)
    found = []
    for some, words in zip(logits.split(rows), x0.split(rows), strict=True):
        probabilities = some.double().softmax(-1)
        entropies = [entropy(probabilities)] if with_entropies else []
        found.append((low_confidence(probabilities, words), *probabilities.topk(NUM_ALTERNATIVES), *entropies))
    return [torch.cat(parts).cpu() for parts in zip(*found, strict=True)]


def guide(logits: Tensor, cfg_scale: float) -> Tensor:
    """Classifier-free guidance: (2B, K, V), the unconditional rows second -> (B, K, V); nothing at a scale of 0."""
    if cfg_scale == 0:
        return logits
    conditional, unconditional = logits.chunk(2)
    return unconditional + (cfg_scale + 1) * (conditional - unconditional)


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

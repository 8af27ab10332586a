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
from lladav.sampling.graph import StepGraph

CACHED_LOGITS = 1 << 17  # in float64 1 MB, about what the second level cache of a CPU's core holds
BLOCK_SIZE = 128  # token ids whose most probable one stands for them at first


class Denoiser:
    """Runs the model on B sequences of prompt, answer and suffix and reads its proposals for the masked positions.

    The sequences stand in `embeds`, where from step to step only the answers change. A shorter prompt is padded on
    the left, so that all answers begin in the same column. Under guidance B more stand behind them, the unconditional.

    Args:
        model: see `sample`.
        prompts: B embeddings of shape (L, D), each with an L of its own.
        suffix: ids.
        config: how to sample.
        compiled: see `sample`.
    """

    def __init__(
        self, model: Any, prompts: Sequence[Tensor], suffix: list[int], config: SamplingConfig, compiled: bool = False
    ):
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
        suppressed = [*model.config.suppress_token_ids, *config.suppress_token_ids]
        self.suppressed = torch.tensor(suppressed, dtype=torch.long, device=device)
        self.cache = PromptCache(self.first, config.refresh_interval) if config.refresh_interval else None
        self.graph = StepGraph(self._run_answers) if compiled else None
        self.noises = [UniformNoise(config.seed) for _ in prompts]

    def propose(self, tokens: Tensor, positions: Mapping[int, Tensor], index: int) -> dict[int, Proposal]:
        """Run step `index` on the answers `tokens` (B, G) and propose tokens in some of them.

        Args:
            positions: for the number of each of those answers, the positions that are asked about (N,), ascending.
        """
        asked, *others = positions.values()
        if others:
            asked = torch.cat([asked, *others]).unique()  # (K,)
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
        asked = asked.to(device)
        if self.cache is None or self.cache.begin_step(index):
            logits = self._run(self.embeds, 0, asked + self.first)
        elif self.graph is None:
            logits = self._run(self.embeds, self.first, asked)
        else:
            logits = self.graph(self.embeds)[:, asked]
        logits = apply_cfg(logits, self.config.cfg_scale).index_fill_(-1, self.suppressed, -torch.inf)
        return logits.cpu() if device.type == "mps" else logits  # which has no float64

    def _run(self, embeds: Tensor, start: int, rows: Tensor | slice) -> Tensor:
        """Logits (B or 2B, K, V) in `rows` of what begins in column `start` of `embeds`."""
        padding = {"attention_mask": self.attention_mask, "position_ids": self.position_ids[:, start:]}
        return self.model(
            inputs_embeds=embeds[:, start:],
            past_key_values=self.cache,
            logits_to_keep=rows,
            **(padding if self.is_padded else {}),
        ).logits

    def _run_answers(self, embeds: Tensor) -> Tensor:
        """Logits (B or 2B, G, V) of all answers, behind the kept prompts."""
        return self._run(embeds, self.first, slice(self.config.gen_length))

    def _read(self, row: int, logits: Tensor, positions: Tensor) -> Proposal:
        """What the logits (N, V) of one answer propose at its `positions` (N,)."""
        config, noise, length = self.config, self.noises[row], self.lengths[row]
        in_sequence = positions + len(self.prompts[row])
        top_ids = most_probable(logits, NUM_ALTERNATIVES)
        x0 = top_ids[:, 0]
        if config.temperature > 0:
            uniform = noise.uniform(in_sequence, length, logits.shape[-1]).to(logits.device)
            x0 = add_gumbel_noise(logits, uniform, config.temperature).argmax(-1)
        token_ids = torch.cat([x0[:, None], top_ids], dim=1)
        probabilities, *entropies = token_probs(logits, token_ids, config.entropy_bound is not None)
        confidence, top_probs = probabilities[:, 0], probabilities[:, 1:]
        if config.remasking == "random":
            confidence = random_confidence(length, noise.generator)[in_sequence].double()
        token_ids = token_ids.cpu()
        return Proposal(positions, token_ids[:, 0], confidence, token_ids[:, 1:], top_probs, *entropies)


def most_probable(logits: Tensor, count: int) -> Tensor:
    """The ids (N, count) of the largest of each row of logits (N, V), the largest first; of equal ones the first.

    The largest of a long row lie in those blocks of it whose own largest ones are: it is read once, and not sorted.
    """
    length = logits.shape[-1]
    if length < 4 * count * BLOCK_SIZE:
        values, ids = logits.topk(count)
    else:
        offsets = torch.arange(length, device=logits.device)
        rest = length % BLOCK_SIZE
        blocks = logits[:, : length - rest].unflatten(1, (-1, BLOCK_SIZE))
        best = blocks.amax(-1).topk(count).indices  # (N, count)
        inside = best[:, :, None].expand(-1, -1, BLOCK_SIZE)
        candidates = torch.cat([blocks.gather(1, inside).flatten(1), logits[:, length - rest :]], dim=1)
        places = (best[:, :, None] * BLOCK_SIZE + offsets[:BLOCK_SIZE]).flatten(1)
        places = torch.cat([places, offsets[length - rest :].expand(len(logits), -1)], dim=1)
        values, found = candidates.topk(count)
        ids = places.gather(1, found)
    if (values[:, 1:] == values[:, :-1]).any():  # equal ones come in no order
        ids, order = ids.sort()
        ids = ids.gather(1, values.gather(1, order).sort(descending=True, stable=True).indices)
    return ids


def token_probs(logits: Tensor, token_ids: Tensor, with_entropies: bool) -> list[Tensor]:
    """What is read off the float64 probabilities that logits (N, V) stand for, on the CPU.

    A CPU takes only so many rows at a time that they never leave its cache: of a large vocabulary, one.

    Returns:
        The probabilities (N, W) of the `token_ids` (N, W) of each row; entropies (N,) if wanted.
    """
    rows = max(1, CACHED_LOGITS // logits.shape[-1]) if logits.device.type == "cpu" else len(logits)
    found = []
    for some, ids in zip(logits.split(rows), token_ids.split(rows), strict=True):
        probabilities = some.softmax(-1, dtype=torch.float64)
        entropies = [entropy(probabilities)] if with_entropies else []
        found.append((low_confidence(probabilities, ids), *entropies))
    return [torch.cat(parts).cpu() for parts in zip(*found, strict=True)]


def apply_cfg(logits: Tensor, cfg_scale: float) -> Tensor:
    """Classifier-free guidance: (2B, K, V), the unconditional rows second -> (B, K, V); nothing at a scale of 0."""
    if cfg_scale == 0:
        return logits
    conditional, unconditional = logits.chunk(2)
    return unconditional + (cfg_scale + 1) * (conditional - unconditional)


def add_gumbel_noise(logits: Tensor, uniform: Tensor, temperature: float) -> Tensor:
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

    _CHUNK = 1 << 20  # 32-bit draws passed over at a time

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
        """Pass over `count` float64 draws, each of which takes two of 32 bits."""
        skipped = torch.empty(min(2 * count, self._CHUNK), dtype=torch.int32)
        for start in range(0, 2 * count, self._CHUNK):
            skipped[: 2 * count - start].random_(generator=self.generator)

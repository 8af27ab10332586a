"""From the model's logits to proposals: guidance, suppression, temperature and confidence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lladav.cache import PromptCache
from lladav.remasking import entropy, low_confidence, random_confidence
from lladav.sampling.canvas import NUM_ALTERNATIVES, Proposal
from lladav.sampling.config import SamplingConfig
from lladav.sampling.graph import StepGraph
from lladav.sampling.history import Credit, Settling
from lladav.sampling.picture import without_least
from lladav.sampling.scores import certainty, earliness, margin, pc_sampler

NONE: Mapping[int, Tensor] = MappingProxyType({})
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
        end_token_id: ends an answer, where the proposals are to tell its probability.
        pictures: for each prompt which of its positions are a picture's, bool of shape (L,), where that matters.
    """

    def __init__(
        self,
        model: Any,
        prompts: Sequence[Tensor],
        suffix: list[int],
        config: SamplingConfig,
        compiled: bool = False,
        end_token_id: int | None = None,
        pictures: Sequence[Tensor] = (),
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
        self.graph = StepGraph(self._run_answers) if compiled and config.remasking != "vrcd" else None
        self.is_picture = padded(
            [torch.cat([mask.to(device), mask.new_zeros(len(tail), device=device)]) for mask in pictures]
        )  # (B, L + G + suffix)
        self.is_thinned = False
        self.attentions: tuple[Tensor, ...] | None = None  # of the last step, see `LladaVOutput`, where it is watched
        self.noises = [UniformNoise(config.seed) for _ in prompts]
        self.end_token_id = end_token_id
        self.frequencies = token_frequencies(model) if config.remasking == "pc_sampler" else torch.empty(0)
        self.credits = [Credit(config.gen_length) for _ in prompts if config.remasking == "credit"]
        self.settling = [
            Settling(config.gen_length, bound) for _ in prompts if (bound := config.kl_threshold) is not None
        ]

    def propose(
        self,
        tokens: Tensor,
        positions: Mapping[int, Tensor],
        index: int,
        judged: Mapping[int, Tensor] = NONE,
        length: int | None = None,
    ) -> dict[int, Proposal]:
        """Run step `index` on the answers `tokens` (B, G) and propose tokens in some of them.

        Args:
            positions: for the number of each of those answers, the positions that are asked about (N,), ascending.
            judged: for some of them, committed positions (M,), ascending, of whose tokens the probability is asked.
            length: how much of a single answer there is so far, where it may grow.
        """
        positions, columns = self._askable(positions), self._judging_columns(judged)
        asked, *others = [*positions.values(), *columns.values()]
        if others:
            asked = torch.cat([asked, *others]).unique()  # (K,)
        logits = self._logits(tokens, asked, index, length)
        proposals = {}
        for row, at in positions.items():
            proposals[row] = self._read(row, _rows(logits[row], asked, at), at)
            if row in judged:
                own, standing = _rows(logits[row], asked, columns[row]), tokens[row, judged[row], None]
                (standing_probs,) = token_probs(own, standing.to(own.device), False)
                proposals[row] = replace(proposals[row], judged=judged[row], standing=standing_probs[:, 0])
            if self.config.remasking == "vrcd":
                assert self.attentions is not None
                attention = _rows(self.attentions[-1][row], asked, at)[:, self.is_picture[row]]
                proposals[row] = replace(proposals[row], looks=attention.cpu())
        if self.config.keep_image_tokens < 1 and index == 0:
            self._thin_out(positions, asked)
        return proposals

    def _thin_out(self, positions: Mapping[int, Tensor], asked: Tensor) -> None:
        """Run no longer what the masks at `positions` have looked at least: see `without_least`.

        What stays keeps its place in the rotary embedding, and in the cache its keys and values.
        """
        assert self.attentions is not None
        stays = self.attention_mask[: len(self.prompts)].bool()
        for row, at in positions.items():
            attention = torch.stack([_rows(layer[row], asked, at) for layer in self.attentions]).mean((0, 1))
            stays[row] &= without_least(self.is_picture[row], attention, self.config.keep_image_tokens)
        columns = [row.nonzero().squeeze(1) for row in stays]
        self.is_picture = padded([mask[at] for mask, at in zip(self.is_picture, columns, strict=True)])
        columns *= len(self.embeds) // len(self.prompts)
        answer = self.embeds.shape[1] - self.first
        self.attention_mask = padded([torch.ones_like(at) for at in columns])
        self.is_padded, self.is_thinned = not self.attention_mask.all(), True
        index = padded(columns)  # (B or 2B, shorter)
        self.position_ids = self.position_ids.expand(len(index), -1).gather(1, index)
        self.embeds = self.embeds.gather(1, index[:, :, None].expand(-1, -1, self.embeds.shape[-1]))
        self.first = self.embeds.shape[1] - answer
        if self.cache is not None:
            self.cache.keep(index, self.first)

    def _askable(self, positions: Mapping[int, Tensor]) -> Mapping[int, Tensor]:
        """Those of the positions that a step can be asked about."""
        return positions

    def _judging_columns(self, judged: Mapping[int, Tensor]) -> Mapping[int, Tensor]:
        """Where the tokens at the positions `judged` are judged, counted from the beginning of the answer."""
        return judged

    def _logits(self, tokens: Tensor, asked: Tensor, index: int, length: int | None) -> Tensor:
        """Logits (B, K, V) where asked for, guided, with what an answer never holds at minus infinity."""
        device = self.embeds.device
        answers = slice(self.first, self.first + self.config.gen_length)
        self.embeds.unflatten(0, (-1, len(tokens)))[:, :, answers] = self.embed(tokens.to(device))
        asked = asked.to(device)
        if self.cache is None or self.cache.begin_step(index):
            there = self.embeds if length is None else self.embeds[:, : self.first + length]
            logits = self._run(there, 0, asked + self.first, self._is_watched(index))
        elif self.graph is None:
            logits = self._run(self.embeds, self.first, asked, self._is_watched(index))
        else:
            logits = self.graph(self.embeds)[:, asked]
        logits = apply_cfg(logits, self.config.cfg_scale).index_fill_(-1, self.suppressed, -torch.inf)
        return logits.cpu() if device.type == "mps" else logits  # which has no float64

    def _is_watched(self, index: int) -> bool:
        """Whether step `index` has to say what it attends to."""
        return self.config.remasking == "vrcd" or (self.config.keep_image_tokens < 1 and index == 0)

    def _run(self, embeds: Tensor, start: int, rows: Tensor | slice, is_watched: bool = False) -> Tensor:
        """Logits (B or 2B, K, V) in `rows` of what begins in column `start` of `embeds`."""
        options: dict[str, Any] = {"output_attentions": True} if is_watched else {}
        if self.is_padded:
            options["attention_mask"] = self.attention_mask
        if self.is_padded or self.is_thinned:
            options["position_ids"] = self.position_ids[:, start : embeds.shape[1]]
        output = self.model(inputs_embeds=embeds[:, start:], past_key_values=self.cache, logits_to_keep=rows, **options)
        self.attentions = output.attentions if is_watched else None
        return output.logits

    def _run_answers(self, embeds: Tensor) -> Tensor:
        """Logits (B or 2B, G, V) of all answers, behind the kept prompts."""
        return self._run(embeds, self.first, slice(self.config.gen_length))

    def _read(self, row: int, logits: Tensor, positions: Tensor) -> Proposal:
        """What the logits (N, V) of one answer propose at its `positions` (N,)."""
        config, noise, length = self.config, self.noises[row], self.lengths[row]
        in_sequence = positions + len(self.prompts[row])
        settled = self.settling[row].update(logits, positions) if self.settling else None
        if self.credits:
            logits = self.credits[row].fused(logits, positions)
        top_ids = most_probable(logits, NUM_ALTERNATIVES)
        x0 = top_ids[:, 0]
        if config.temperature > 0:
            uniform = noise.uniform(in_sequence, length, logits.shape[-1]).to(logits.device)
            x0 = add_gumbel_noise(logits, uniform, config.temperature).argmax(-1)
        token_ids = torch.cat([x0[:, None], top_ids], dim=1)
        if self.end_token_id is not None:
            token_ids = torch.cat([token_ids, torch.full_like(x0, self.end_token_id)[:, None]], dim=1)
        with_entropies = config.entropy_bound is not None or config.remasking == "entropy"
        probabilities, *entropies = token_probs(logits, token_ids, with_entropies)
        confidence, end_probs = probabilities[:, 0], probabilities[:, 1 + NUM_ALTERNATIVES :]
        if config.remasking == "random":
            confidence = random_confidence(length, noise.generator)[in_sequence].double()
        token_ids, alternatives = token_ids.cpu(), slice(1, 1 + NUM_ALTERNATIVES)
        proposal = Proposal(
            positions=positions,
            x0=token_ids[:, 0],
            confidence=confidence,
            top_ids=token_ids[:, alternatives],
            top_probs=probabilities[:, alternatives],
            entropies=entropies[0] if entropies else None,
            settled=settled,
            end_probs=None if self.end_token_id is None else end_probs[:, 0],
        )
        return self._scored(proposal, logits.shape[-1])

    def _scored(self, proposal: Proposal, vocab_size: int) -> Proposal:
        """The proposal, ordered by what the configuration says."""
        config, positions = self.config, proposal.positions
        if config.remasking == "margin":
            return replace(proposal, confidence=margin(proposal.top_probs))
        if config.remasking == "entropy":
            assert proposal.entropies is not None
            return replace(proposal, confidence=certainty(proposal.entropies, vocab_size))
        if config.remasking == "left_to_right":
            return replace(proposal, confidence=earliness(positions, config.gen_length))
        if config.remasking == "pc_sampler":
            frequencies, offsets = self.frequencies[proposal.x0], positions % config.block_length
            score = pc_sampler(proposal.confidence, frequencies, offsets, config.position_decay)
            return replace(proposal, confidence=score)
        return proposal


def padded(rows: Sequence[Tensor]) -> Tensor:
    """Rows of shape (n_i,) as (B, max n), zero on the left; (0, 0) for none."""
    return pad_sequence(list(rows), batch_first=True, padding_side="left") if rows else torch.zeros(0, 0)


def _rows(logits: Tensor, asked: Tensor, at: Tensor) -> Tensor:
    """Of the logits (K, V) of the positions `asked` (K,), those of the positions `at` (N,) among them."""
    return logits if len(at) == len(asked) else logits[torch.isin(asked, at).to(logits.device)]


def token_frequencies(model: Any) -> Tensor:
    """How frequent each of V tokens is in text, by the `token_frequencies` of the model's config, of shape (V,).

    Where it says nothing all are as frequent, and only the position calibrates.
    """
    vocab_size = len(model.get_input_embeddings().weight)
    known = getattr(model.config, "token_frequencies", None)
    return torch.tensor([1 / vocab_size] * vocab_size if known is None else known, dtype=torch.float64)


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

"""What is trained: the model, and two helpers that exist in training only and are thrown away with it.

`Symbols` says in the language model's own word vectors what each patch of a scene shows. It stands in for pictures
while the language model learns to look things up, and it is what the projector is then taught to produce. `DenseHead`
reads a patch's name off the vision tower, so that the tower learns from every patch, not from one answer a picture.
"""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import DynamicCache, PreTrainedTokenizerBase

from lladav.configuration import IGNORE
from lladav.modeling import LladaVForMaskedDiffusion
from lladav.scenes import COLORS, STRANGER
from lladav.scenes.signs import CHARACTERS
from lladav.training.data import NO_SEGMENT, PREFIX, Batch, conversations, things
from lladav.training.masking import MASKINGS, Answers, view_loss
from lladav.training.objective import next_token_loss

LOUDNESS = 10  # of a character's word: what a trained projector says of a patch is about 15 times as long as a word


class Symbols(nn.Module):
    """Patches as words: strength * (name + colour + place) + row + column, and a mark where an object has its centre.

    Names, colours and places are word vectors. A place is a blend of "top" or "bottom" and "left" or "right", so that
    where something is can be read off it as its name can. Rows and columns set every patch apart, bare ground as well.
    """

    words: Tensor
    ends: Tensor
    share: Tensor

    def __init__(self, tokenizer: PreTrainedTokenizerBase, hidden_size: int, side: int):
        super().__init__()
        said = ["know" if thing == STRANGER else thing for thing in things()]
        words = [tokenizer.encode(f" {word}", add_special_tokens=False)[0] for word in (*said, *COLORS)]
        ends = [tokenizer.encode(f" {word}")[0] for word in ("top", "bottom", "left", "right")]
        self.register_buffer("words", torch.tensor(words))
        self.register_buffer("ends", torch.tensor(ends))
        self.register_buffer("share", torch.linspace(1, -1, side).clamp(min=0)[:, None])  # of the first of two ends
        self.row = nn.Parameter(torch.randn(side, hidden_size) * 0.04)
        self.column = nn.Parameter(torch.randn(side, hidden_size) * 0.04)
        self.center = nn.Parameter(torch.randn(hidden_size) * 0.1)

    def forward(self, batch: Batch, embedding: nn.Module) -> Tensor:
        """Of shape (B, P, D)."""
        vectors = embedding(self.words)  # (things + colours, D)
        count, nothing = len(things()), torch.zeros_like(vectors[:1])
        name = torch.cat([nothing, vectors[:count]])[batch.names]
        color = torch.cat([nothing, vectors[count:]])[batch.colors]
        top, bottom, left, right = embedding(self.ends)
        across = self.share * top + self.share.flip(0) * bottom  # (side, D)
        along = self.share * left + self.share.flip(0) * right
        place, patch = ((r[:, None] + c[None]).flatten(0, 1) for r, c in ((across, along), (self.row, self.column)))
        strength, centers = (figure[..., None].to(name) for figure in (batch.strength, batch.centers))
        return strength * (name + color + place) + centers * self.center + patch  # (B, P, D)


class DenseHead(nn.Module):
    """Name, colour, strength and centres of every patch, from the tower's features."""

    def __init__(self, hidden_size: int):
        super().__init__()
        self.sizes = (1 + len(things()), 1 + len(COLORS), 2)
        self.norm = nn.LayerNorm(hidden_size)
        self.linear = nn.Linear(hidden_size, sum(self.sizes))

    def forward(self, features: Tensor, batch: Batch) -> tuple[Tensor, dict[str, float]]:
        """The loss on features of shape (B, P, H), and the share of covered patches that are named right."""
        names, colors, figures = self.linear(self.norm(features)).float().split(self.sizes, dim=-1)
        loss = (
            F.cross_entropy(names.flatten(0, 1), batch.names.flatten())
            + F.cross_entropy(colors.flatten(0, 1), batch.colors.flatten())
            + F.mse_loss(figures, torch.stack([batch.strength, batch.centers], dim=-1))
        )
        covered = batch.names > 0
        return loss, {"patches": (names.argmax(-1) == batch.names)[covered].float().mean().item()}


class Learner(nn.Module):
    """The model with its training helpers; `forward` is the loss of a batch under an objective.

    Objectives: "dense" (names of patches), "align" (projected patches become the symbols), "widen" (names of patches,
    while the projector goes on saying what it said of all but characters), and on the answers "masked" (masked
    diffusion) and "autoregressive" (next token, under a causal mask).
    """

    def __init__(self, model: LladaVForMaskedDiffusion, tokenizer: PreTrainedTokenizerBase):
        super().__init__()
        vision = model.config.vision_config
        self.model = model
        self.mask_token_id = model.config.mask_token_id
        self.symbols = Symbols(tokenizer, model.config.text_config.hidden_size, vision.image_size // vision.patch_size)
        self.dense_head = DenseHead(vision.hidden_size)
        self.before = nn.ModuleList()  # the tower and the projector as a stage begins, see `remember`
        if not torch.cuda.is_available():  # there the fused attention is slow to go back through sequences so short
            self.model.set_attn_implementation("eager")

    def remember(self) -> None:
        """Keeps a frozen copy of how the model sees, which "widen" goes on saying."""
        sight = nn.ModuleList([self.model.model.vision_tower, self.model.model.projector])
        self.before = deepcopy(sight).requires_grad_(False)

    def compile_blocks(self) -> None:
        """Fuses what the transformers' blocks compute."""
        torch._dynamo.config.recompile_limit = 64  # one for each length of a batch and set of trained parameters
        self.model.model.language_model.compile(dynamic=False)
        self.model.model.vision_tower.encoder.compile(dynamic=False)

    def forward(
        self, batch: Batch, objective: str, generator: torch.Generator, pixels: bool = True, masking: str = "bound"
    ) -> tuple[Tensor, dict[str, float]]:
        """The scalar loss of the batch, and figures to log beside it; `masking` is a key of MASKINGS."""
        tower, embedding = self.model.model.vision_tower, self.model.get_input_embeddings()
        if objective == "dense":
            return self.dense_head(self._features(tower, batch), batch)
        if objective == "widen":
            return self._widened(batch, embedding)
        if objective == "align":
            target = self.symbols(batch, embedding).detach().float()
            pictures = self._pictures(batch)
            error = F.mse_loss(pictures.float(), target) / target.var()
            return error, {}
        pictures = self._pictures(batch) if pixels else self.symbols(batch, embedding)
        if objective == "masked":
            return self._masked(batch, pictures, generator, masking)
        return self._autoregressive(batch, pictures)

    def _features(self, tower: Any, batch: Batch) -> Tensor:
        patches = tower.embeddings(batch.pixel_values.to(self.model.dtype))
        return tower.encoder(inputs_embeds=patches).last_hidden_state  # (B, P, H)

    def _widened(self, batch: Batch, embedding: nn.Module) -> tuple[Tensor, dict[str, float]]:
        """The sum of three losses: of the patches' names; of the projector's distance from what it said before; and of
        the same on patches with characters alone, which are few. There the target is what it said before and the
        character's word vector on top, LOUDNESS times as long, so that the language model finds everything else where
        it is used to."""
        tower, projector = self.before
        features = self._features(self.model.model.vision_tower, batch)
        loss, figures = self.dense_head(features, batch)
        written = batch.names > len(things()) - len(CHARACTERS)
        with torch.no_grad():
            words = LOUDNESS * embedding(self.symbols.words[batch.names[written] - 1]).float()
            target = projector(self._features(tower, batch)).float()
            target[written] += batch.strength[written][:, None] * words
        errors = (self.model.model.projector(features).float() - target).square()
        loss = loss + errors.mean() / target.var()
        return loss + (errors[written].mean() / words.var() if written.any() else 0), figures

    def _pictures(self, batch: Batch) -> Tensor:
        return self.model.model.get_tile_features(batch.pixel_values.to(self.model.dtype))  # (B, P, D)

    def hidden(self, batch: Batch, input_ids: Tensor, pictures: Tensor, causal: bool) -> Tensor:
        """Last hidden states, of shape (B, L, D), with the pictures in place.

        Several conversations about a picture go on from its keys and values, which are worked out once: each sees the
        picture and itself. One that is alone with its picture is also seen by that.
        """
        embeds = self.model.get_input_embeddings()(input_ids)
        embeds[batch.image_index] = pictures.flatten(0, 1).to(embeds.dtype)
        if batch.segments.max() == 1:
            return self._run(embeds, batch.positions, batch.segments != NO_SEGMENT, causal)
        length = int((batch.segments[0] == 1).int().argmax())  # of what the conversations stand behind
        seen, cache = batch.segments[:, :length] == PREFIX, DynamicCache()
        hidden = torch.zeros_like(embeds)
        hidden[:, :length] = self._run(embeds[:, :length], batch.positions[:, :length], seen, causal, cache)
        for rows, columns, own in conversations(batch.segments):
            prefix = DynamicCache([(keys[rows], values[rows]) for keys, values, *_ in cache])
            at = rows[:, None].expand_as(columns), columns
            seen_too = torch.cat([seen[rows], own], dim=1)
            answered = self._run(embeds[at], batch.positions[at], seen_too, causal, prefix)
            hidden[at[0][own], columns[own]] = answered[own]
        return hidden

    def _run(
        self, embeds: Tensor, positions: Tensor, seen: Tensor, causal: bool, cache: DynamicCache | None = None
    ) -> Tensor:
        """Last hidden states, (B, L, D), where `seen` (B, cached + L) tells what is there to be seen."""
        mask = seen[:, None, None, :].expand(-1, 1, embeds.shape[1], -1)
        if causal:
            mask = mask.tril(seen.shape[1] - embeds.shape[1])
        return self.model.model.language_model(
            inputs_embeds=embeds,
            attention_mask=embeds.new_zeros(()).where(mask, torch.finfo(embeds.dtype).min),  # to be added to the scores
            position_ids=positions,
            past_key_values=cache,
        ).last_hidden_state

    def _masked(
        self, batch: Batch, pictures: Tensor, generator: torch.Generator, masking: str
    ) -> tuple[Tensor, dict[str, float]]:
        answers = Answers(batch.input_ids, batch.labels, batch.segments, self.mask_token_id)

        @torch.no_grad()
        def predict(input_ids: Tensor) -> Tensor:
            return self.model.lm_head(self.hidden(batch, input_ids, pictures, causal=False)).float()

        losses = []
        for view in MASKINGS[masking](answers, predict, generator):
            hidden = self.hidden(batch, view.input_ids, pictures, causal=False)
            logits = self.model.lm_head(hidden[view.targets]).float()  # (M, V)
            losses.append(view_loss(logits, batch.labels, batch.weights, view))
        return torch.stack(losses).mean(), {}

    def _autoregressive(self, batch: Batch, pictures: Tensor) -> tuple[Tensor, dict[str, float]]:
        hidden = self.hidden(batch, batch.input_ids, pictures, causal=True)
        before = (batch.labels != IGNORE).roll(-1, 1)
        return next_token_loss(self.model.lm_head(hidden[before]).float(), batch.labels, batch.weights), {}

    @torch.no_grad()
    def solved(self, batch: Batch, objective: str, pixels: bool) -> dict[str, list[bool]]:
        """For every kind of question, which answers come out right in one step: all masked ("masked") or each token
        after the true ones ("autoregressive"). Quick to measure, and for lists far below what decoding reaches."""
        pictures = self._pictures(batch) if pixels else self.symbols(batch, self.model.get_input_embeddings())
        labelled = batch.labels != IGNORE
        causal = objective == "autoregressive"
        input_ids = batch.input_ids if causal else batch.input_ids.masked_fill(labelled, self.mask_token_id)
        hidden = self.hidden(batch, input_ids, pictures, causal)
        x0 = self.model.lm_head(hidden).argmax(-1)
        wrong = labelled & ((x0.roll(1, 1) if causal else x0) != batch.labels)
        result: dict[str, list[bool]] = {}
        for row, kinds in enumerate(batch.kinds):
            for segment, kind in enumerate(kinds, 1):
                result.setdefault(kind, []).append(not wrong[row][batch.segments[row] == segment].any().item())
        return result

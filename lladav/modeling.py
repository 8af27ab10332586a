"""LLaDA-V: a SigLIP tower, a projector, and a language model that attends in both directions. Tokens in, logits out.

Transformers' `SiglipVisionModel` and Llama's blocks are what it is made of; its own is how they are joined: which
features are taken, how the tiles of a picture become one row of tokens, and that no position is hidden from another.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel, Cache, PreTrainedModel, SiglipVisionModel
from transformers import initialization as init
from transformers.activations import ACT2FN
from transformers.conversion_mapping import register_checkpoint_conversion_mapping
from transformers.core_model_loading import ConversionOps, WeightConverter, WeightRenaming, apply_renamings
from transformers.utils import ModelOutput

from lladav.anyres import VIDEO_POOLING, ImageLayout, feature_grid, max_tiles, shrunk_size, unpad_image
from lladav.configuration import LladaVConfig
from lladav.language import LladaVLanguageModel


@dataclass
class LladaVOutput(ModelOutput):
    """What `LladaVForMaskedDiffusion` returns.

    Args:
        logits: of shape (B, K, V), float32; K positions as asked for by `logits_to_keep`.
        past_key_values: the cache that was handed in, if any.
        attentions: if asked for, one of shape (B, K, L) for each layer: how much those positions attend to each of
            the L that are seen, the mean over heads in float32; every row sums to 1.
    """

    logits: Tensor | None = None
    past_key_values: Cache | None = None
    attentions: tuple[Tensor, ...] | None = None


class LladaVProjector(nn.Module):
    """Two layers that take a feature of the tower to the width of the language model."""

    def __init__(self, config: LladaVConfig):
        super().__init__()
        self.linear_1 = nn.Linear(config.vision_config.hidden_size, config.text_config.hidden_size)
        self.act = ACT2FN[config.projector_hidden_act]
        self.linear_2 = nn.Linear(config.text_config.hidden_size, config.text_config.hidden_size)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear_2(self.act(self.linear_1(features)))  # (T, P, D)


class LladaVModel(nn.Module):
    """Everything below the head: tower, projector, newline and language model."""

    def __init__(self, config: LladaVConfig):
        super().__init__()
        self.config = config
        # The tower's post_layernorm is in every checkpoint and is never run: features are taken before it.
        self.vision_tower = SiglipVisionModel(config.vision_config)
        self.projector = LladaVProjector(config)
        self.image_newline = nn.Parameter(torch.empty(config.text_config.hidden_size))
        self.language_model = LladaVLanguageModel(config.text_config)

    def get_tile_features(self, pixel_values: Tensor) -> Tensor:
        """Features of shape (T, P, D) of tiles of shape (T, 3, S, S)."""
        hidden_states = self.vision_tower.embeddings(pixel_values)
        hidden_states = self.vision_tower.encoder(inputs_embeds=hidden_states).last_hidden_state
        return self.projector(hidden_states.contiguous())  # bitsandbytes' kernel for CPUs takes it for granted

    def with_newlines(self, rows: Tensor) -> Tensor:
        """Append the newline to every row of features of shape (H, W, D) and flatten them to (H * (W + 1), D)."""
        newlines = self.image_newline.to(rows).expand(rows.shape[0], 1, -1)
        return torch.cat([rows, newlines], dim=1).flatten(0, 1)

    def pack_image_features(self, tiles: Tensor, size: tuple[int, int]) -> Tensor:
        """The tokens of one anyres picture of `size` (width, height): its base tile, then its grid row by row."""
        side = math.isqrt(tiles.shape[1])
        columns, rows = grid_size = feature_grid(
            size, self.config.image_grid_pinpoints, self.config.vision_config.image_size, side
        )
        grid = tiles[1:].view(rows // side, columns // side, side, side, -1)
        grid = grid.permute(4, 0, 2, 1, 3).reshape(-1, rows, columns)  # (D, rows, columns)
        kept_columns, kept_rows = unpad_image(size, grid_size)
        grid = grid[:, kept_rows, kept_columns]
        kept = grid.shape[2], grid.shape[1]
        shrunk = shrunk_size(kept, side, max_tiles(self.config.image_aspect_ratio))
        if shrunk != kept:
            grid = interpolated(grid[None], shrunk)[0]
        return torch.cat([tiles[0], self.with_newlines(grid.permute(1, 2, 0))])

    def lay_out_video(self, frames: Tensor) -> Tensor:
        """The tokens of one video: every frame of shape (P, D) pooled to half its side, row by row."""
        side = math.isqrt(frames.shape[1])
        pooled = math.ceil(side / VIDEO_POOLING)
        grid = frames.transpose(1, 2).unflatten(2, (side, side))  # (T, D, side, side)
        grid = interpolated(grid, (pooled, pooled)).permute(0, 2, 3, 1)  # (T, pooled, pooled, D)
        return self.with_newlines(grid.flatten(0, 1))

    def lay_out(self, tiles: Tensor, size: tuple[int, int], layout: ImageLayout) -> Tensor:
        """The tokens of shape (n, D) of one picture or video, from its tiles of shape (T, P, D)."""
        if layout == ImageLayout.ANYRES:
            return self.pack_image_features(tiles, size)
        if layout == ImageLayout.VIDEO:
            return self.lay_out_video(tiles)
        return tiles.flatten(0, 1) if layout == ImageLayout.TILE else self.with_newlines(tiles.flatten(0, 1)[None])


def interpolated(features: Tensor, size: tuple[int, int]) -> Tensor:
    """Features of shape (T, D, rows, columns) interpolated to `size` = (columns, rows)."""
    return nn.functional.interpolate(features, size=size[::-1], mode="bilinear", align_corners=False)


class LladaVForMaskedDiffusion(PreTrainedModel):
    """LLaDA-V (arXiv 2505.16933): scores every token at every position, masked ones included, all at once.

    With `config.is_causal` it is the autoregressive twin: the same weights behind a causal mask.
    """

    config_class = LladaVConfig
    base_model_prefix = "model"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _no_split_modules = ["LladaVDecoderLayer", "SiglipEncoderLayer", "SiglipVisionEmbeddings"]  # noqa: RUF012
    _skip_keys_device_placement = ["past_key_values"]  # noqa: RUF012
    _supports_flash_attn = True
    _supports_sdpa = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    def __init__(self, config: LladaVConfig):
        config.text_config.is_causal = config.is_causal
        super().__init__(config)
        self.model = LladaVModel(config)
        for layer in self.model.language_model.layers:
            layer.self_attn.is_causal = config.is_causal
        self.lm_head = nn.Linear(config.text_config.hidden_size, config.text_config.vocab_size, bias=False)
        self.post_init()

    def _init_weights(self, module: nn.Module):
        super()._init_weights(module)
        if isinstance(module, LladaVModel):
            init.normal_(module.image_newline, std=self.config.text_config.hidden_size**-0.5)

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: Any, *args: Any, output_loading_info: bool = False, **kwargs: Any
    ):
        """Load a model in our layout or in the published one; see `PreTrainedModel.from_pretrained`.

        Args:
            cut_vocabulary: whether a published checkpoint loses the rows of embedding and head that the tokenizer
                has no token for (the default, and how its evaluation runs it) or keeps them (how it was trained).

        Raises:
            ValueError: the checkpoint does not hold exactly this model's weights. The error lists them by the names
                that they have, or should have, in that checkpoint.
        """
        options = kwargs | {"output_loading_info": True, "ignore_mismatched_sizes": True}  # they are refused below
        loaded: Any = super().from_pretrained(pretrained_model_name_or_path, *args, **options)
        model, info = loaded
        wrong = {
            "missing": names_in_checkpoint(model, info["missing_keys"]),
            "unexpected": names_in_checkpoint(model, info["unexpected_keys"]),
            "of another shape": names_in_checkpoint(model, (key for key, *_ in info["mismatched_keys"])),
        }
        if any(wrong.values()):
            raise ValueError(
                f"{pretrained_model_name_or_path} must hold this model's weights, all of them and no others, got "
                + "; ".join(f"{kind}: {', '.join(names)}" for kind, names in wrong.items() if names)
            )
        return (model, info) if output_loading_info else model

    def save_pretrained(self, save_directory: Any, **kwargs: Any):  # type: ignore[override]
        """Save in our layout; see `PreTrainedModel.save_pretrained`."""
        super().save_pretrained(save_directory, **({"save_original_format": False} | kwargs))

    def store_by_columns(self) -> None:
        """Lay every matrix out in memory in the order in which a CPU's float32 multiplication reads it, in place.

        Shapes and values stay. A step on a few dozen positions, which waits for its weights, is a third shorter.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear):
                module.weight.data = module.weight.data.T.contiguous().T

    def get_input_embeddings(self) -> nn.Module:
        return self.model.language_model.embed_tokens

    def set_input_embeddings(self, value: nn.Module):
        self.model.language_model.embed_tokens = value

    def get_output_embeddings(self) -> nn.Module:
        return self.lm_head

    def set_output_embeddings(self, new_embeddings: nn.Module):
        self.lm_head = new_embeddings

    def get_image_features(
        self, pixel_values: Tensor, image_sizes: Tensor, tile_counts: Tensor, image_layouts: Tensor
    ) -> list[Tensor]:
        """Turn N pictures or videos into tokens.

        Args:
            pixel_values: tiles of shape (ΣT, 3, S, S), those of one picture together.
            image_sizes: of shape (N, 2), the pictures' (width, height) in pixels.
            tile_counts: of shape (N,), the number T of tiles of each.
            image_layouts: of shape (N,), an `ImageLayout` each.

        Returns:
            N tensors of shape (n_i, D).
        """
        tiles = self.model.get_tile_features(pixel_values).split(tile_counts.tolist())
        pictures = zip(tiles, image_sizes.tolist(), image_layouts.tolist(), strict=True)
        return [self.model.lay_out(tiles, tuple(size), ImageLayout(layout)) for tiles, size, layout in pictures]

    def embed_prompt(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        image_features: Iterable[Tensor] | None = None,
        **pictures: Tensor,
    ) -> tuple[Tensor, Tensor | None]:
        """Embed tokens and put every picture's features in the place of its placeholder.

        Args:
            input_ids: of shape (B, L), with `config.image_token_id` once for every picture, in the order in which
                the pictures stand in the batch.
            attention_mask: of shape (B, L), zero at padding, which is left out. Rows are padded on the left again.
            image_features: what `get_image_features` made of the pictures earlier, so that it need not run again. Or:
            pictures: pixel_values, image_sizes, tile_counts and image_layouts, see `get_image_features`.

        Returns:
            Embeddings of shape (B, L', D), and their attention mask of shape (B, L') or None where there is no padding.

        Raises:
            ValueError: the number of placeholders is not the number of pictures.
        """
        is_image = input_ids == self.config.image_token_id
        if image_features is None:
            image_features = self.get_image_features(**pictures) if pictures else []
        features = list(image_features)
        if int(is_image.sum()) != len(features):
            raise ValueError(
                "input_ids must hold image_token_id once for every picture, "
                f"got it {int(is_image.sum())} times for {len(features)}"
            )
        embeds = self.get_input_embeddings()(input_ids.masked_fill(is_image, 0))  # (B, L, D)
        kept = torch.ones_like(is_image) if attention_mask is None else attention_mask.bool()
        remaining = iter(features)
        rows = zip(embeds, is_image, kept, strict=True)
        return left_padded([spliced(row[keep], places[keep], remaining) for row, places, keep in rows])

    def forward(
        self,
        input_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: Cache | None = None,
        logits_to_keep: int | slice | Tensor = 0,
        output_attentions: bool = False,
        **pictures: Tensor,
    ) -> LladaVOutput:
        """Score the vocabulary at the positions asked for.

        Args:
            input_ids: of shape (B, L); with pictures, see `embed_prompt`. Or else:
            inputs_embeds: of shape (B, L, D).
            attention_mask: of shape (B, L), zero at padding, or (B, 1, L, cached + L), True where a position is seen.
            position_ids: of shape (B, L); by default they go on from the cached ones.
            past_key_values: keys and values that are seen, too; those of this call are added.
            logits_to_keep: how many of the last positions, or 0 for all; or their indices, or a slice: the head, and
                most of the last block, run only there.
            output_attentions: also say what those positions attend to; see `LladaVOutput`.
            pictures: see `embed_prompt`.
        """
        if inputs_embeds is None:
            if input_ids is None:
                raise ValueError("input_ids or inputs_embeds must be given, got neither")
            inputs_embeds, attention_mask = self.embed_prompt(input_ids, attention_mask, **pictures)
        elif input_ids is not None or pictures:
            raise ValueError("inputs_embeds must hold the whole prompt, got input_ids or pictures as well")
        output = self.model.language_model(
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            rows=slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep,
            output_attentions=output_attentions,
        )
        logits = self.lm_head(output.last_hidden_state).float()  # (B, K, V)
        return LladaVOutput(logits=logits, past_key_values=past_key_values, attentions=output.attentions)


def spliced(row: Tensor, is_image: Tensor, pictures: Iterator[Tensor]) -> Tensor:
    """A row of shape (L, ...) with the next picture's values (n, ...) for each place where `is_image` (L,) is True."""
    pieces, start = [], 0
    for place in is_image.nonzero().flatten().tolist():
        pieces += [row[start:place], next(pictures).to(row)]
        start = place + 1
    return torch.cat([*pieces, row[start:]])


def left_padded(rows: list[Tensor]) -> tuple[Tensor, Tensor | None]:
    """Stack rows of shape (n_i, D) to (B, max n, D), and their attention mask, None if all are equally long."""
    longest = max(map(len, rows))
    if all(len(row) == longest for row in rows):
        return torch.stack(rows), None
    embeds = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_side="left")
    lengths = torch.tensor([len(row) for row in rows], device=embeds.device)
    return embeds, (torch.arange(longest, device=embeds.device) >= longest - lengths[:, None]).long()


def names_in_checkpoint(model: PreTrainedModel, keys: Iterable[str]) -> list[str]:
    """The names of weights in the checkpoint that `model` was loaded from, in whichever layout it was."""
    conversions: Any = model._weight_conversions  # transformers keeps those that were of use
    used = [conversion for conversion in conversions if isinstance(conversion, WeightRenaming)]
    backwards: list = [renaming.reverse_transform() for renaming in reversed(used)]
    return sorted(apply_renamings(key, backwards) for key in keys)


class CutVocabulary(ConversionOps):
    """Drop the rows of an embedding or a head that pad it beyond the tokenizer's vocabulary."""

    def convert(self, input_dict: dict[str, Any], source_patterns: Any, target_patterns: Any, **kwargs: Any):
        ((name, (weight,)),), config = input_dict.items(), kwargs["config"]
        if len(weight) == config.padded_vocab_size:
            weight = weight[: config.text_config.vocab_size]
        return {name: [weight]}


PUBLISHED_KEYS: list[WeightConverter | WeightRenaming] = [
    WeightRenaming(r"^model\.(embed_tokens|layers|norm)\.", r"model.language_model.\1."),
    WeightRenaming(r"^model\.vision_tower\.vision_tower\.vision_model\.", "model.vision_tower."),
    WeightRenaming(r"^model\.mm_projector\.0\.", "model.projector.linear_1."),
    WeightRenaming(r"^model\.mm_projector\.2\.", "model.projector.linear_2."),
    *(
        WeightConverter(name, name, operations=[CutVocabulary()])
        for name in ("model.language_model.embed_tokens.weight", "lm_head.weight")
    ),
]
register_checkpoint_conversion_mapping(LladaVConfig.model_type, PUBLISHED_KEYS)
AutoModel.register(LladaVConfig, LladaVForMaskedDiffusion)

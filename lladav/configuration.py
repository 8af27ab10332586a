"""The configuration of LLaDA-V: a SigLIP vision tower, a LLaDA language model, and what joins them."""

from os import PathLike
from typing import Any, ClassVar

from huggingface_hub.dataclasses import strict
from transformers import AutoConfig, LlamaConfig, PreTrainedConfig, SiglipVisionConfig
from transformers.configuration_utils import SubConfigSpec

from lladav.anyres import max_tiles, parse_pinpoints

IGNORE = -100  # the label of what is not learnt
IMAGE_TOKEN_ID = -200  # stands in input_ids for a whole picture; not in the vocabulary
PUBLISHED_VOCAB_SIZE = 126349  # len(tokenizer): 126080 pieces and 269 added tokens
PUBLISHED_PADDED_VOCAB_SIZE = 126464
PUBLISHED_TOWER = {  # google/siglip2-so400m-patch14-384
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
}
PUBLISHED_LANGUAGE_MODEL = {
    "vocab_size": PUBLISHED_VOCAB_SIZE,
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "max_position_embeddings": 16384,
    "rms_norm_eps": 1e-5,
    "rope_theta": 500000.0,
    "bos_token_id": None,
    "eos_token_id": None,
}
LANGUAGE_MODEL_KEYS = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "hidden_act",
    "max_position_embeddings",
    "rms_norm_eps",
    "rope_theta",
    "rope_scaling",
    "attention_bias",
    "attention_dropout",
    "mlp_bias",
    "initializer_range",
    "vocab_size",
)
COMMON_KEYS = (
    "dtype",
    "torch_dtype",
    "quantization_config",
    "image_grid_pinpoints",
    "image_aspect_ratio",
    "attn_implementation",
    "output_attentions",
)
REPRODUCED = {  # the published settings change the arithmetic; these are the values it was written for
    "mm_projector_type": "mlp2x_gelu",
    "mm_patch_merge_type": "spatial_unpad",
    "mm_newline_position": "grid",
}


def from_published(flat: dict[str, Any], cut_vocabulary: bool = True) -> dict[str, Any]:
    """Translate the published flat `llava_llada` configuration into the arguments of `LladaVConfig`.

    Its `bos_token_id` is not the tokenizer's, and it names no mask token: the special tokens are the defaults of
    `LladaVConfig`. Where it has no vision section, the tower is so400m-patch14-384.
    """
    for key, value in REPRODUCED.items():
        if flat.get(key, value) != value:
            raise ValueError(f"{key} must be {value!r}, got {flat[key]!r}: no published LLaDA-V has it otherwise")
    text_config = PUBLISHED_LANGUAGE_MODEL | {
        key: flat[key] for key in LANGUAGE_MODEL_KEYS if flat.get(key) is not None
    }
    rows = flat.get("vocab_size", PUBLISHED_PADDED_VOCAB_SIZE)
    text_config["vocab_size"] = min(rows, PUBLISHED_VOCAB_SIZE) if cut_vocabulary else rows
    vision_config = PUBLISHED_TOWER | (flat.get("vision_config") or {}) | {"vision_use_head": False}
    vision_config["num_hidden_layers"] -= 1  # the last one is dropped
    common = {key: flat[key] for key in COMMON_KEYS if flat.get(key) is not None}
    return {"text_config": text_config, "vision_config": vision_config, "padded_vocab_size": rows, **common}


def translated(config_dict: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """`config_dict` in our layout, whichever it came in; takes `cut_vocabulary` out of `options`."""
    cut_vocabulary = options.pop("cut_vocabulary", True)
    if config_dict.get("model_type") == PublishedConfig.model_type:
        return from_published(config_dict, cut_vocabulary)
    return config_dict


@strict
class LladaVConfig(PreTrainedConfig):
    """Configuration of a LLaDA-V. The defaults are the published 8B model.

    Args:
        text_config: the language model, a `LlamaConfig`. It holds no special tokens (they are listed below), and its
            `is_causal` is set by the model.
        vision_config: the vision tower, a `SiglipVisionConfig` whose `num_hidden_layers` counts the layers that are
            kept and run: the published tower has 27, of which LLaDA-V drops the last.
        image_token_id: stands in `input_ids` for one whole picture or video. Not an entry of the vocabulary.
        mask_token_id, bos_token_id, eos_token_id, eot_token_id, pad_token_id: special tokens.
        suppress_token_ids: tokens that are never sampled.
        image_grid_pinpoints: the canvases a picture may be laid on, as (width, height) in pixels, or a range of
            grids such as "(1x1),...,(6x6)"; None for that range.
        image_aspect_ratio: how one picture is shown: "anyres_max_N" (a base tile and a grid worth at most about N
            tiles of tokens), "anyres" (no such limit), "pad" (one tile, padded) or "square" (one tile, squashed).
        is_causal: True for the autoregressive twin, which sees only what stands before.
        projector_hidden_act: activation between the projector's two layers.
        padded_vocab_size: rows that embedding and head have in the published files, where that is more than
            `text_config.vocab_size`; the rows too many are cut off when they are loaded.
    """

    model_type = "lladav"
    sub_configs_defaults: ClassVar[dict[str, SubConfigSpec]] = {
        "text_config": SubConfigSpec(config_class=LlamaConfig, init_kwargs=PUBLISHED_LANGUAGE_MODEL),
        "vision_config": SubConfigSpec(
            config_class=SiglipVisionConfig,
            init_kwargs={**PUBLISHED_TOWER, "num_hidden_layers": 26, "vision_use_head": False},
        ),
    }

    text_config: Any = None  # a dictionary becomes a LlamaConfig
    vision_config: Any = None  # a dictionary becomes a SiglipVisionConfig
    image_token_id: int = IMAGE_TOKEN_ID
    mask_token_id: int = 126336
    bos_token_id: int | None = 126080
    eos_token_id: int | None = 126081
    eot_token_id: int | None = 126348
    pad_token_id: int | None = 126081
    suppress_token_ids: list[int] | tuple[int, ...] = (126081, 126080, 126346, 126347)
    image_grid_pinpoints: Any = None
    image_aspect_ratio: str = "anyres_max_4"
    is_causal: bool = False
    projector_hidden_act: str = "gelu"
    padded_vocab_size: int | None = None

    def __post_init__(self, **kwargs: Any):
        super().__post_init__(**kwargs)
        max_tiles(self.image_aspect_ratio)  # refuses one that it does not know
        self.image_grid_pinpoints = parse_pinpoints(self.image_grid_pinpoints, self.vision_config.image_size)

    @classmethod
    def get_config_dict(cls, pretrained_model_name_or_path: str | PathLike, **kwargs: Any):
        """The dictionary that a configuration is built from, in our layout, and the options left over."""
        options = {"cut_vocabulary": kwargs.pop("cut_vocabulary", True)}
        config_dict, kwargs = super().get_config_dict(pretrained_model_name_or_path, **kwargs)
        return translated(config_dict, options), kwargs

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any):
        """Build from a dictionary in our layout or in the published, flat one (`model_type` "llava_llada").

        `cut_vocabulary` (default True) says whether a published model runs with the tokenizer's 126349 tokens, as in
        its evaluation, or with all rows of its embedding, as in its training. It is not stored.
        """
        return super().from_dict(translated(config_dict, kwargs), **kwargs)


class PublishedConfig(LladaVConfig):
    """Lets AutoConfig find `LladaVConfig` under the published `model_type`."""

    model_type = "llava_llada"

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any):
        return LladaVConfig.from_dict(config_dict, **kwargs)


AutoConfig.register(LladaVConfig.model_type, LladaVConfig)
AutoConfig.register(PublishedConfig.model_type, PublishedConfig)

"""Recipes: the model to build and the stages to train it in."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch.nn import init
from transformers import LlamaConfig, PreTrainedTokenizerFast, SiglipVisionConfig

from lladav.configuration import LladaVConfig
from lladav.modeling import LladaVForMaskedDiffusion
from lladav.scenes import FURTHER_WEIGHTS, IMAGE_SIZE, STRANGER_SHARE, WEIGHTS
from lladav.scenes.signs import LONGEST_SIGN
from lladav.training.vocabulary import moved_vectors

ANSWERS = "answers"


@dataclass(frozen=True)
class Stage:
    """One stage of training.

    Attributes:
        name: Unique in its recipe; also names its checkpoint.
        objective: "dense", "align", "widen" or "autoregressive" (see Learner), or ANSWERS: that which the run is about.
        steps: Optimizer steps.
        trainable: Prefixes of the parameters that move; all others rest.
        scenes: Pictures a step.
        questions: Conversations packed behind each picture.
        max_items: Objects on a picture at most.
        pixels: Whether pictures are drawn, or given as symbols.
        learning_rate: The peak, after a warm-up.
        decay: Whether the rate then falls along a cosine to a tenth, or stays for the next stage to go on with.
        vision_learning_rate: The peak for the tower, as LLaDA-V tunes it more slowly than the rest.
        weights: Of the kinds of questions; those about signs have weights of their own, SIGN_WEIGHTS.
        stranger_share: Of strangers among the objects.
        everyday_share: Of questions put as people put them, not in the model's own wordings.
        sign_share: Of signs among the pictures.
        longest_sign: Characters on a sign at most.
        masking: How answers are masked under the objective "masked": a key of MASKINGS.
        whole: Whether all its steps are taken, on whatever share of the data the objective is learnt.
        epochs: How often its batches are seen, each time under other masks: there are steps / epochs of them.
    """

    name: str
    objective: str
    steps: int
    trainable: tuple[str, ...]
    scenes: int = 8
    questions: int = 6
    max_items: int = 6
    pixels: bool = True
    learning_rate: float = 8e-4
    decay: bool = True
    vision_learning_rate: float | None = None
    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)
    stranger_share: float = STRANGER_SHARE
    everyday_share: float = 0.0
    sign_share: float = 0.0
    longest_sign: int = LONGEST_SIGN
    masking: str = "bound"
    whole: bool = False
    epochs: int = 1

    @property
    def from_share(self) -> bool:
        """Whether it is learnt from a share of the conversations, which may come again."""
        return self.objective == ANSWERS and not self.whole

    @property
    def shared(self) -> bool:
        """Whether a LLaDA-V and its twin have it in common: it neither learns to answer nor goes on from what did."""
        return self.objective not in (ANSWERS, "widen")


def again(epochs: int) -> str:
    """What is added to a name for conversations that are seen several times: "-x4", and nothing for once."""
    return f"-x{epochs}" if epochs > 1 else ""


TOWER = ("model.model.vision_tower", "dense_head")
LANGUAGE = ("model.model.language_model", "model.lm_head", "symbols")
REASONING = ("model.model.language_model.layers", "model.model.language_model.norm", "model.lm_head")
VISION = ("model.model.vision_tower", "model.model.projector")
EVERYTHING = ("model.",)
FINE: dict[str, Any] = {"trainable": EVERYTHING, "learning_rate": 3e-4, "vision_learning_rate": 1e-4}
SPEAKING = {  # of kinds: what people ask, and exercises, which take much off relations and lists
    **{"name": 5, "position": 6, "color": 3, "count": 7, "exists": 5, "relation": 9, "where": 4, "caption": 12},
    **{"detail": 7, "follow_up": 5, "talk": 4, "compare": 2, "order": 6, "kinds": 1},
    **{"sign": 1, "signed": 0.7},
    **{kind: 1.4 * weight for kind, weight in FURTHER_WEIGHTS.items()},
}
# Whether one thing is left of another stays at chance until the model has been asked on which side it is.
RELATING = SPEAKING | {"compare": 8, "relation": 16}

TINY = (
    # The tower learns names from every patch; the language model learns, on symbols, to look things up. Left-to-right
    # training finds that several times sooner than masked diffusion does, so it goes first, whatever comes after.
    Stage("tower", "dense", 12_000, TOWER, scenes=32, questions=1, stranger_share=0.15, sign_share=0.25),
    Stage("language-2", "autoregressive", 3000, LANGUAGE, max_items=2, pixels=False, decay=False, weights=RELATING,
          questions=8, everyday_share=0.5, sign_share=0.15, longest_sign=2),
    Stage("language-6", "autoregressive", 9000, LANGUAGE, pixels=False, decay=False, weights=RELATING, questions=8,
          everyday_share=0.75, sign_share=0.15),
    # The projector learns to say in symbols what the tower sees.
    Stage("align", "align", 1600, VISION, scenes=64, questions=1, sign_share=0.25),
    # Here a LLaDA-V parts from its causal twin: it learns to answer its own way, still on the same symbols, and then
    # all is tuned together on pictures.
    Stage("reason", ANSWERS, 4000, REASONING, pixels=False, decay=False, weights=RELATING, questions=8,
          everyday_share=0.75, sign_share=0.15),
    Stage("tune", ANSWERS, 24_000, **(FINE | {"learning_rate": 5e-4}), questions=8, weights=SPEAKING,
          stranger_share=0.15, everyday_share=0.75, sign_share=0.15),
)  # fmt: skip
# What an objective makes of few conversations about pictures. As in LLaDA-V's study, each has a language model of its
# own to begin with, so that only the last stage is learnt from a share of the data.
STUDY = (
    *(replace(stage, whole=True) for stage in TINY if stage.objective != ANSWERS or stage.name == "reason"),
    Stage("study", ANSWERS, 2000, **FINE, weights=SPEAKING, sign_share=0.15),
)
# What an objective makes of conversations that come again: steps are the same, however few there are. On symbols.
REPEATED = (
    Stage("look", "autoregressive", 800, LANGUAGE, scenes=4, questions=8, max_items=2, pixels=False, decay=False,
          weights=RELATING, sign_share=0.15, longest_sign=2),
    Stage("repeated", ANSWERS, 384, LANGUAGE, scenes=4, questions=8, pixels=False, weights=SPEAKING, sign_share=0.15),
)  # fmt: skip
# For a trained model that cannot read: its tower learns characters, and it to spell them.
READING = (
    Stage("characters", "widen", 13_000, (*VISION, "dense_head"), scenes=32, questions=1, stranger_share=0.2,
          sign_share=0.6, learning_rate=4e-4, vision_learning_rate=4e-4),
    # To spell: first one character, then two, then what signs say. For long it stays at chance.
    *(
        Stage(f"spell-{longest}", ANSWERS, steps, **(FINE | {"learning_rate": 8e-4}), decay=False, weights=SPEAKING,
              questions=4, sign_share=0.75, longest_sign=longest, everyday_share=0.65, masking="mixed")
        for longest, steps in ((1, 300), (2, 1500), (LONGEST_SIGN, 1000))
    ),
)  # fmt: skip
# For a trained model: it learns more of what people say, and goes on learning what it knows.
EVERYDAY = (
    Stage("everyday", ANSWERS, 4500, **(FINE | {"learning_rate": 6e-4}), questions=8,
          weights=SPEAKING | {"position": 9, "relation": 13, "caption": 26, "detail": 30}, stranger_share=0.2,
          everyday_share=0.65, sign_share=0.2, masking="mixed"),
)  # fmt: skip
RECIPES = {"tiny": TINY, "study": STUDY, "repeated": REPEATED, "signs": READING, "everyday": EVERYDAY}


@torch.no_grad()
def take_over(model: LladaVForMaskedDiffusion, tokenizer: PreTrainedTokenizerFast, path: Path) -> None:
    """Begins with a trained model's weights, its words moved to another vocabulary.

    Args:
        model: Of the same sizes as the trained one, but for the vocabulary.
        tokenizer: The model's.
        path: The folder of the trained model and its tokenizer.
    """
    trained = LladaVForMaskedDiffusion.from_pretrained(path, dtype=torch.float32)
    words = PreTrainedTokenizerFast.from_pretrained(path)
    weights = trained.state_dict()
    for name in ("model.language_model.embed_tokens.weight", "lm_head.weight"):
        weights[name] = moved_vectors(weights[name], words, tokenizer)
    model.load_state_dict(weights)


@torch.no_grad()
def initialize_for_recall(model: LladaVForMaskedDiffusion) -> None:
    """Starts the language model as a crude copying machine.

    Every head looks for what equals its own token (keys begin as queries do) and hands on a little of what it finds
    (the output projection begins as the transpose of the values'), and the last layer says the word it holds (the head
    begins as the embedding). Finding a question's noun among the patches, and repeating what stands there, is what
    takes longest to learn from random projections (after mimetic initialization, Trockman and Kolter,
    arXiv 2305.09828). Words begin large beside what a layer adds to them, so that they are not drowned.
    """
    for layer in model.model.language_model.layers:
        attention = layer.self_attn
        init.normal_(attention.q_proj.weight, std=0.05)
        init.normal_(attention.v_proj.weight, std=0.05)
        attention.k_proj.weight.copy_(attention.q_proj.weight)
        attention.o_proj.weight.copy_(0.15 * attention.v_proj.weight.T)
    words = init.normal_(model.model.language_model.embed_tokens.weight, std=0.1)
    model.lm_head.weight.copy_(0.2 * words)


def tiny_config(tokenizer: PreTrainedTokenizerFast, is_causal: bool = False) -> LladaVConfig:
    """The embedded default, or its causal twin: 6.4 million parameters, 64 tokens a picture."""
    names = ("startoftext", "endoftext", "mdm_mask", "eot_id", "start_header_id", "end_header_id")
    start, end, mask, eot, *headers = tokenizer.encode("".join(f"<|{name}|>" for name in names))
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=512,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 500000.0},
        bos_token_id=None,
        eos_token_id=None,
    )
    vision = SiglipVisionConfig(
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=4,
        num_attention_heads=4,
        image_size=IMAGE_SIZE,
        patch_size=16,
        vision_use_head=False,
    )
    return LladaVConfig(
        text_config=text,
        vision_config=vision,
        image_aspect_ratio="square",
        is_causal=is_causal,
        bos_token_id=start,
        eos_token_id=end,
        pad_token_id=end,
        mask_token_id=mask,
        eot_token_id=eot,
        suppress_token_ids=[start, end, *headers],
    )

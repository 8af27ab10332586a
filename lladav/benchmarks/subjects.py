"""What is measured: a model on disk or one of random weights, and the prompt it is given."""

import time
from dataclasses import dataclass, replace
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from lladav.configuration import PUBLISHED_LANGUAGE_MODEL, PUBLISHED_TOWER, LladaVConfig
from lladav.evaluation import conversation, held_out_questions
from lladav.modeling import LladaVForMaskedDiffusion
from lladav.pipeline import LladaVPipeline, default_model
from lladav.quantization import quantization_config
from lladav.sampling import SamplingConfig

RANDOM = "random:"
LOGITS_SPREAD = 3.0  # the standard deviation of random logits: about a trained model's, so that choices are not ties
SMALL_TOWER = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}


@dataclass(frozen=True)
class Shape:
    """The sizes of a model with random weights, the dtype it has on a CPU, and the lengths it is measured at."""

    text_config: dict[str, int]
    vision_config: dict[str, int]
    prompt_length: int
    gen_length: int
    dtype: torch.dtype = torch.float32

    def config(self) -> LladaVConfig:
        text: dict[str, Any] = PUBLISHED_LANGUAGE_MODEL | self.text_config
        text["initializer_range"] = LOGITS_SPREAD / text["hidden_size"] ** 0.5
        special = {}
        if text["vocab_size"] < PUBLISHED_LANGUAGE_MODEL["vocab_size"]:
            special = {"mask_token_id": text["vocab_size"] - 1, "suppress_token_ids": [0, 1, 2, 3]}
        vision = PUBLISHED_TOWER | self.vision_config | {"vision_use_head": False}
        return LladaVConfig(text_config=text, vision_config=vision, **special)


def text_sizes(hidden_size: int, layers: int, heads: int, **sizes: int) -> dict[str, int]:
    """A language model with the published proportions."""
    return {
        "hidden_size": hidden_size,
        "intermediate_size": 3 * hidden_size,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        **sizes,
    }


MODEL_SHAPES = {
    "tiny": Shape(text_sizes(192, layers=6, heads=4, vocab_size=1000), SMALL_TOWER, prompt_length=100, gen_length=32),
    "medium": Shape(text_sizes(512, layers=8, heads=8), SMALL_TOWER, prompt_length=1000, gen_length=128),
    "8b": Shape({}, {"num_hidden_layers": 26}, prompt_length=3000, gen_length=128, dtype=torch.bfloat16),
}


@dataclass(frozen=True)
class Subject:
    """A model to measure and a prompt for it.

    Attributes:
        name: what was asked for.
        model: the model.
        prompt: embeddings of shape (1, L, D).
        gen_length: tokens in the answer.
        is_random: whether its weights are, so that it is never sure of anything.
        load_seconds: how long it took to load or to build.
        tokenizer: None with random weights.
    """

    name: str
    model: LladaVForMaskedDiffusion
    prompt: Tensor
    gen_length: int
    is_random: bool
    load_seconds: float
    tokenizer: Any = None


def make_subject(name: str | None, prompt_length: int | None, gen_length: int | None) -> Subject:
    """Load the model `name`, None for the demo's, or build one of random weights.

    Args:
        name: a directory, a hub id, or "random:" and a key of `MODEL_SHAPES`.
        prompt_length: length of a prompt of random tokens; by default, a model that was trained gets a picture with a
            question, and one of random weights what its shape says.
        gen_length: tokens in the answer.

    Raises:
        ValueError: there is no such model.
    """
    name = name or default_model()
    start = time.perf_counter()
    if name.startswith(RANDOM):
        key = name.removeprefix(RANDOM)
        model = random_model(key)
        seconds = time.perf_counter() - start
        prompt = random_prompt(model, prompt_length or MODEL_SHAPES[key].prompt_length)
        return Subject(name, model, prompt, gen_length or MODEL_SHAPES[key].gen_length, True, seconds)
    pipe = LladaVPipeline.from_pretrained(name)
    seconds = time.perf_counter() - start
    prompt = random_prompt(pipe.model, prompt_length) if prompt_length else picture_prompt(pipe)
    return Subject(name, pipe.model, prompt, gen_length or SamplingConfig.gen_length, False, seconds, pipe.tokenizer)


def random_model(key: str) -> LladaVForMaskedDiffusion:
    """Seeded random weights of one of `MODEL_SHAPES`, made where they stay: on the GPU if there is one, in bfloat16.

    Raises:
        ValueError: there is no such shape.
    """
    if key not in MODEL_SHAPES:
        raise ValueError(f"model must be one of {', '.join(RANDOM + name for name in MODEL_SHAPES)}, got {RANDOM}{key}")
    on_gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if on_gpu else MODEL_SHAPES[key].dtype
    torch.manual_seed(0)
    with torch.device("cuda" if on_gpu else "cpu"):
        model = LladaVForMaskedDiffusion._from_config(MODEL_SHAPES[key].config(), dtype=dtype)
    model.eval().requires_grad_(False)
    if not on_gpu and dtype == torch.float32:
        model.store_by_columns()
    return model


def quantized(subject: Subject, name: str) -> Subject:
    """`subject` with its model loaded in "int8" or "int4".

    Raises:
        ValueError: see `quantization_config`.
    """
    fewer_bits = quantization_config(name, subject.model.dtype)
    with TemporaryDirectory() as folder:
        if subject.is_random:
            subject.model.save_pretrained(folder)
        model = LladaVForMaskedDiffusion.from_pretrained(
            folder if subject.is_random else subject.name,
            dtype=subject.model.dtype,
            device_map={"": subject.model.device},
            quantization_config=fewer_bits,
        )
    return replace(subject, model=model.eval())


@torch.no_grad()
def random_prompt(model: LladaVForMaskedDiffusion, length: int) -> Tensor:
    """Embeddings of shape (1, length, D) of seeded random tokens."""
    ids = torch.randint(model.config.text_config.vocab_size, (1, length), generator=torch.Generator().manual_seed(0))
    return model.get_input_embeddings()(ids.to(model.device))


@torch.no_grad()
def picture_prompt(pipe: LladaVPipeline) -> Tensor:
    """Embeddings of shape (1, L, D) of a question about a picture."""
    inputs = pipe.processor.apply_chat_template(conversation(*next(held_out_questions(seed=0, count=1))))
    return pipe.model.embed_prompt(**inputs.to(pipe.device))[0]

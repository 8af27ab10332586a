"""Weights in fewer bits, for less memory and a little accuracy: through bitsandbytes, the extra `quantized`."""

import logging
from importlib.util import find_spec

import torch
from transformers import BitsAndBytesConfig

QUANTIZATIONS = ("int8", "int4")
KEPT = ["model.vision_tower", "model.projector", "lm_head"]  # a twentieth of the weights, and the most sensitive


def quantization_config(name: str, dtype: torch.dtype) -> BitsAndBytesConfig:
    """What transformers takes to load a model's blocks in fewer bits.

    "int8" is LLM.int8 (arXiv 2208.07339), which rounds what it multiplies as well; "int4" is NF4 (arXiv 2305.14314).

    Args:
        name: one of `QUANTIZATIONS`.
        dtype: of the arithmetic, and of what stays as it is.

    Raises:
        ValueError: there is no such quantization, or bitsandbytes is not installed.
    """
    if name not in QUANTIZATIONS:
        raise ValueError(f"quantization must be one of {', '.join(QUANTIZATIONS)}, or None, got {name!r}")
    if find_spec("bitsandbytes") is None:
        raise ValueError(f"quantization needs bitsandbytes, got {name!r} without: pip install 'lladav[quantized]'")
    # it says at every multiplication of int8 that it rounds to float16
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    return BitsAndBytesConfig(
        load_in_8bit=name == "int8",
        load_in_4bit=name == "int4",
        llm_int8_skip_modules=KEPT,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_compute_dtype=dtype,
    )

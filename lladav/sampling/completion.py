"""Settings that were left out, from those that were given: what a command, a request or a sweep may leave to us."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from lladav.checks import require
from lladav.sampling.config import SamplingConfig
from lladav.sampling.presets import Speed

TWO_TOKENS_A_STEP = Speed(tokens=2)  # which LLaDA-V bears well
SETTING_NAMES = tuple(entry.name for entry in fields(SamplingConfig))


def completed(given: Mapping[str, Any]) -> SamplingConfig:
    """The SamplingConfig of some settings, and of "method" if one is named.

    Without a method the answer is one block, of two tokens a step; with one it is as `SamplingConfig.method` says.

    Raises:
        ValueError: there is no such setting, or SamplingConfig refuses it.
    """
    settings = dict(given)
    method = settings.pop("method", None)
    for name in settings:
        require(name in SETTING_NAMES, "a setting", f"method or one of {', '.join(SETTING_NAMES)}", name)
    if method is not None:
        return SamplingConfig.method(method, **settings)
    gen_length = settings.get("gen_length", SamplingConfig.gen_length)
    block_length = settings.setdefault("block_length", gen_length)
    if "steps" not in settings:
        check_lengths(gen_length, block_length)
        settings["steps"] = TWO_TOKENS_A_STEP.settings(gen_length, block_length)["steps"]
    return SamplingConfig(**settings)


def check_lengths(gen_length: int, block_length: int) -> None:
    """Refuse lengths before steps are counted from them, which would be refused in their place.

    Raises:
        ValueError: there are no such lengths, or blocks do not divide the answer.
    """
    for length in (gen_length, block_length):
        SamplingConfig(gen_length, length, gen_length)

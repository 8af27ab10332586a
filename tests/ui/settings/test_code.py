"""Settings as text to copy."""

import json
from typing import Any

import pytest

from lladav import SamplingConfig
from lladav.ui.settings.code import as_json, as_python

SIZES = {"gen_length": 16, "block_length": 8, "steps": 4}


@pytest.mark.parametrize(
    "further", [{}, {"temperature": 0.5, "seed": 3, "threshold": 0.9}, {"stop": ("a", "b")}], ids=str
)
def test_sizes_and_what_is_not_as_by_default_are_written(further: dict[str, Any]):
    config = SamplingConfig(**SIZES, **further)
    assert eval(as_python(config)) == config
    assert SamplingConfig(**json.loads(as_json(config)) | further) == config
    assert json.loads(as_json(config)).keys() == SIZES.keys() | further.keys()


def test_text_is_as_short_as_it_can_be():
    assert as_python(SamplingConfig(**SIZES)) == "SamplingConfig(gen_length=16, block_length=8, steps=4)"
    usual = SamplingConfig()
    sizes = f"gen_length={usual.gen_length}, block_length={usual.block_length}, steps={usual.steps}"
    assert as_python(usual) == f"SamplingConfig({sizes})"
    assert as_json(SamplingConfig(**SIZES)) == '{\n "gen_length": 16,\n "block_length": 8,\n "steps": 4\n}'

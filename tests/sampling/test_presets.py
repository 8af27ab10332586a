"""Settings with a name, in the code and in the guide to published figures."""

import json
import re
from typing import Any

import pytest
from helpers import ROOT

from lladav.sampling import PUBLISHED, SamplingConfig


@pytest.mark.parametrize(
    ("name", "lengths", "thinking"),
    [
        ("mmmu", (2, 2, 2), False),
        ("realworldqa", (2, 2, 2), False),
        ("chartqa", (16, 16, 16), False),
        ("docvqa", (32, 32, 16), False),
        ("infovqa", (32, 32, 16), False),
        ("mathvista", (96, 96, 48), True),
        ("mathverse", (64, 64, 32), True),
        ("demo", (128, 128, 128), None),
    ],
)
def test_presets_are_the_published_settings(name: str, lengths: tuple[int, int, int], thinking: bool | None):
    config = SamplingConfig.preset(name)
    assert (config.gen_length, config.block_length, config.steps) == lengths
    assert (config.temperature, config.cfg_scale, config.remasking) == (0, 0, "low_confidence")
    assert config.refresh_interval is None
    assert config.stop == (("\n",) if name == "chartqa" else ("<|eot_id|>",))
    assert PUBLISHED[name].config == config and PUBLISHED[name].thinking is thinking


def test_the_guides_commands_have_the_published_settings():
    guide = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    shared = dict(re.findall(r"^(\w+)='(.*)'$", guide, re.MULTILINE))
    commands = re.findall(r"""^evaluate (\w+) (?:"\$(\w+)"|'(.*)')""", guide, re.MULTILINE)
    named = {task: max((name for name in PUBLISHED if task.startswith(name)), key=len) for task, *_ in commands}
    assert {*named.values()} == PUBLISHED.keys() - {"demo"}
    for task, name, own in commands:
        asked, published = json.loads(f"{{{own or shared[name]}}}"), PUBLISHED[named[task]]
        config = published.config
        lengths = [asked[key] for key in ("gen_length", "block_length", "gen_steps")]
        assert lengths == [config.gen_length, config.block_length, config.steps]
        assert asked["think_mode"] == ("think" if published.thinking else "no_think")
        assert asked.get("stopping_criteria", ["<|eot_id|>"]) == [*config.stop]


@pytest.mark.parametrize("name", ["gpqa", ["mmmu"]], ids=str)
def test_an_unknown_preset_is_refused(name: Any):
    with pytest.raises(ValueError, match=f"preset must be one of mmmu, .*, got {re.escape(repr(name))}"):
        SamplingConfig.preset(name)

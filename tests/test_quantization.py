"""Weights in fewer bits: less memory, about the same answer; clear words where they cannot be had."""

import pytest
import torch

from lladav import LladaVPipeline, quantization
from lladav.assets import asset
from lladav.quantization import QUANTIZATIONS

INPUT = {"input_ids": torch.arange(10, 30)[None]}


def test_only_what_there_is_can_be_asked_for(tiny_random):
    with pytest.raises(ValueError, match="quantization must be one of int8, int4, or None, got 'int2'"):
        LladaVPipeline.from_pretrained(tiny_random, quantization="int2")


def test_without_the_extra_it_says_how_to_get_it(tiny_random, monkeypatch):
    monkeypatch.setattr(quantization, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs bitsandbytes, got 'int8' without: pip install 'lladav\[quantized\]'"):
        LladaVPipeline.from_pretrained(tiny_random, quantization="int8")


@torch.no_grad()
@pytest.mark.parametrize("name", QUANTIZATIONS)
def test_fewer_bits_take_less_memory_and_come_close(name: str):
    pytest.importorskip("bitsandbytes")
    exact = LladaVPipeline.from_pretrained(asset("lladav-tiny"), device="cpu").model
    fewer = LladaVPipeline.from_pretrained(asset("lladav-tiny"), device="cpu", quantization=name).model
    close, expected = fewer(**INPUT).logits, exact(**INPUT).logits
    assert (close - expected).norm() < {"int8": 0.1, "int4": 0.5}[name] * expected.norm()
    assert not torch.equal(close, expected)
    assert fewer.get_memory_footprint() < exact.get_memory_footprint()
    assert type(fewer.lm_head) is torch.nn.Linear
    assert type(fewer.model.vision_tower.encoder.layers[0].mlp.fc1) is torch.nn.Linear

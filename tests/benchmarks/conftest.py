"""A small model to measure, on the CPU."""

import pytest
import torch

from lladav import LladaVForMaskedDiffusion
from lladav.benchmarks import random_model, random_prompt
from lladav.benchmarks.subjects import Subject


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture(scope="session")
def tiny() -> LladaVForMaskedDiffusion:
    return random_model("tiny").to("cpu", torch.float32)


@pytest.fixture
def subject(tiny) -> Subject:
    return Subject("random:tiny", tiny, random_prompt(tiny, 40), gen_length=16, is_random=True, load_seconds=0.0)

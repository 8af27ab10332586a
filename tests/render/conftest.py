"""The run that is drawn, filmed and put on a page."""

from dataclasses import replace

import pytest
from helpers import picture_message

from lladav import SamplingConfig, Trace

CONFIG = SamplingConfig(gen_length=32, block_length=8, steps=16, stop=("8",), seed=1)


@pytest.fixture(scope="session")
def trace(tiny_pipeline) -> Trace:
    return tiny_pipeline([picture_message("What is this?")], CONFIG).trace


@pytest.fixture(scope="session")
def unbegun(trace: Trace) -> Trace:
    """A run that was broken off before its first step."""
    return replace(trace, steps=[], seconds=[0.0], text="", finish_reason=None)

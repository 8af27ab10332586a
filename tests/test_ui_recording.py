"""A run while it goes on becomes the trace that the pipeline would have made."""

from dataclasses import replace

import pytest
from conftest import picture_message

from lladav import LladaVPipeline, SamplingConfig
from lladav.cache import FeatureCache
from lladav.recording import Frame
from lladav.ui.decoding import frames
from lladav.ui.recording import Recording

CONFIG = SamplingConfig(gen_length=12, block_length=12, steps=6, temperature=0.7, seed=3)


@pytest.fixture(scope="module")
def recording(tiny_pipeline: LladaVPipeline) -> Recording:
    record = Recording([picture_message("What is this?")], CONFIG, None, FeatureCache(), "parent", "an edit")
    for frame in frames(tiny_pipeline, record.messages, record.config, record.thinking, record.features):
        assert isinstance(frame, Frame)
        record.add(frame)
    return record


def test_a_finished_recording_is_the_pipelines_trace(tiny_pipeline: LladaVPipeline, recording: Recording):
    trace = recording.trace(tiny_pipeline)
    expected = replace(tiny_pipeline(recording.messages, CONFIG).trace, parent="parent", edit="an edit")
    assert trace == replace(expected, seconds=trace.seconds)
    assert len(trace.seconds) == len(expected.seconds)


def test_a_stopped_recording_ends_at_the_step_on_show(tiny_pipeline: LladaVPipeline, recording: Recording):
    whole, trace = recording.trace(tiny_pipeline), recording.trace(tiny_pipeline, 2)
    assert trace.steps == whole.steps[:2]
    assert (trace.finish_reason, len(trace.seconds)) == (None, 3)
    *_, last = trace.replay()
    assert trace.text == tiny_pipeline.text(last)
    assert trace.pieces.items() <= {**whole.pieces, trace.mask_token_id: "<|mdm_mask|>"}.items()

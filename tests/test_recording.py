"""A run while it goes on becomes the trace that the pipeline would have made."""

from dataclasses import replace

import pytest
from helpers import picture_message

from lladav import LladaVPipeline, SamplingConfig
from lladav.recording import Recording

CONFIG = SamplingConfig(gen_length=12, block_length=12, steps=6, temperature=0.7, seed=3)
MESSAGES = [picture_message("What is this?")]


@pytest.fixture(scope="module")
def recording(tiny_pipeline: LladaVPipeline) -> Recording:
    recording = Recording(tiny_pipeline.prepare(MESSAGES), CONFIG, "parent", "an edit", (2,))
    for frame in tiny_pipeline.frames(recording.prompt, CONFIG):
        recording.add(frame)
    return recording


def test_a_finished_recording_is_the_pipelines_trace(tiny_pipeline: LladaVPipeline, recording: Recording):
    trace = tiny_pipeline.record(recording)
    expected = replace(tiny_pipeline(MESSAGES, CONFIG).trace, parent="parent", edit="an edit")
    assert trace == replace(expected, seconds=trace.seconds)
    assert len(trace.seconds) == len(expected.seconds)
    assert recording.text == trace.text and recording.finish_reason == trace.finish_reason
    assert (recording.nfe, round(recording.seconds, 4)) == (6, trace.seconds[-1])


def test_a_stopped_recording_ends_at_the_step_on_show(tiny_pipeline: LladaVPipeline, recording: Recording):
    whole, trace = tiny_pipeline.record(recording), tiny_pipeline.record(recording, 2)
    assert trace.steps == whole.steps[:2]
    assert (trace.finish_reason, len(trace.seconds)) == (None, 3)
    *_, last = trace.replay()
    assert trace.text == tiny_pipeline.text(last)
    assert trace.pieces.items() <= {**whole.pieces, trace.mask_token_id: "<|mdm_mask|>"}.items()


def test_before_its_first_frame_a_recording_is_empty(tiny_pipeline: LladaVPipeline):
    one, other = (Recording(tiny_pipeline.prepare(MESSAGES), CONFIG) for _ in range(2))
    assert (one.text, one.finish_reason, one.nfe, one.seconds) == ("", None, 0, 0.0)
    assert one.run != other.run

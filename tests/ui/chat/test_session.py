"""What a visitor's session keeps."""

import tracemalloc

from lladav import LladaVPipeline, SamplingConfig
from lladav.ui.chat.session import PackedTrace, Session
from lladav.ui.limits import LIMITS

MESSAGES = [{"role": "user", "content": "What is this?"}]


def test_a_packed_trace_is_the_same_and_small(tiny_pipeline: LladaVPipeline):
    config = SamplingConfig(gen_length=64, block_length=64, steps=64, seed=0)
    tracemalloc.start()
    trace = tiny_pipeline(MESSAGES, config).trace
    whole, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    packed = PackedTrace.of(trace)
    assert packed.unpack() == trace
    assert packed.text == trace.text
    assert len(packed.data) < whole / 10


def test_only_so_many_edits_can_be_undone(tiny_pipeline: LladaVPipeline):
    session = Session()
    traces = [
        tiny_pipeline(MESSAGES, SamplingConfig(gen_length=4, block_length=4, steps=1, seed=seed)).trace
        for seed in range(2)
    ]
    for _ in range(LIMITS.edits):
        session.remember(traces[0])
    session.remember(traces[1])
    assert len(session.past) == LIMITS.edits
    assert session.past[-1].unpack() == traces[1]

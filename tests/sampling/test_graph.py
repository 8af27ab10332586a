"""Recorded steps: the same answer, and one line in the log where nothing can be recorded."""

import logging
from dataclasses import replace

import pytest
import torch
from helpers import picture_message

from lladav.sampling import SamplingConfig, graph, sample
from lladav.sampling.graph import StepGraph

CONFIG = SamplingConfig(gen_length=16, block_length=8, steps=16, stop=(), suffix=" Yes.", refresh_interval=4)


@pytest.fixture
def inputs(tiny_pipeline):
    return tiny_pipeline.processor.apply_chat_template([picture_message("What is this?")])


def steps(tiny_pipeline, inputs, compiled: bool, config: SamplingConfig = CONFIG):
    return list(sample(tiny_pipeline.model, inputs, config, tiny_pipeline.tokenizer, compiled))


def assert_same(some, others, atol: float = 0.0):
    for one, other in zip(some, others, strict=True):
        assert torch.equal(one.tokens, other.tokens)
        torch.testing.assert_close(one.confidence, other.confidence, atol=atol, rtol=0)


def test_what_cannot_be_recorded_runs_as_it_is_and_says_so_once(caplog):
    source, weight = torch.ones(3, 4), torch.rand(4, 5, requires_grad=True)
    step = StepGraph(lambda source: source @ weight)
    with caplog.at_level(logging.WARNING):
        for value in (1.0, 2.0):
            torch.testing.assert_close(step(source.fill_(value)), source @ weight)
    (record,) = caplog.records
    reason = "Cannot insert a Tensor that requires grad"
    assert record.message.startswith(f"a step cannot be recorded and runs without: {reason}")
    assert "\n" not in record.message


def test_recording_runs_a_step_once_and_replaying_it_never():
    calls = []
    step = StepGraph(lambda source: calls.append(1) or source * 2)
    for value in (1.0, 2.0, 3.0):
        assert step(torch.full((3,), value)).tolist() == [2 * value] * 3
    assert len(calls) == 1


@pytest.mark.parametrize("refresh_interval", [2, 4, 16])
def test_a_recorded_run_says_the_same(tiny_pipeline, inputs, caplog, refresh_interval: int):
    config = replace(CONFIG, refresh_interval=refresh_interval)
    ours, plain = (steps(tiny_pipeline, inputs, compiled, config) for compiled in (True, False))
    assert_same(ours, plain, atol=1e-6)
    assert not caplog.records


def test_only_the_steps_between_refreshes_are_recorded(tiny_pipeline, inputs, monkeypatch):
    """With a stand-in for the GPU, which like it knows addresses only: it records which tensors a step works on."""
    addresses, replays = [], []

    def stand_in(step, source):
        def replay(source):
            replays.append(step(source))
            cache = step.__self__.cache
            addresses.append([states.data_ptr() for pair in cache.keys_and_values.values() for states in pair])
            return replays[-1]

        return replay

    monkeypatch.setattr(graph, "recorded", stand_in)
    compiled = steps(tiny_pipeline, inputs, compiled=True)
    assert len(replays) == 16 - 4 and {logits.shape[1] for logits in replays} == {16}
    assert all(found == addresses[0] for found in addresses)
    assert_same(compiled, steps(tiny_pipeline, inputs, compiled=False), atol=1e-6)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_recorded_step_reads_what_is_there_when_it_is_replayed(caplog):
    source, weight = torch.ones(3, 4, device="cuda"), torch.rand(4, 5, device="cuda")
    step = StepGraph(lambda source: source @ weight)
    for value in (1.0, 2.0, 3.0):
        source.fill_(value)
        torch.testing.assert_close(step(source), source @ weight)
    assert not caplog.records

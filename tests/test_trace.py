import json
from dataclasses import asdict, replace

import pytest
import torch
from conftest import picture_message

from lladav import SamplingConfig, Trace

CONFIG = SamplingConfig(gen_length=16, block_length=8, steps=8, stop=("=", "8"), suffix=" Yes.", seed=1)


@pytest.fixture(scope="module")
def trace(tiny_pipeline) -> Trace:
    return tiny_pipeline([picture_message("What is this?")], CONFIG).trace


def test_a_trace_comes_back_from_its_file_as_it_was(trace: Trace, tmp_path):
    trace.save(tmp_path / "trace.json")
    assert Trace.load(tmp_path / "trace.json") == trace


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stop": ()},
        {"temperature": 1.0},
        {"remasking": "random"},
        {"stop": (), "template": (5, None, None, 300) * 4},
        {"stop": (), "template": (300,) * 16},
    ],
    ids=str,
)
def test_a_replay_is_the_run(tiny_pipeline, settings: dict):
    messages = [picture_message("What is this?")]
    config = replace(CONFIG, **settings)
    steps = list(tiny_pipeline.stream(messages, config))
    trace = tiny_pipeline.trace(messages, config, steps, [0.0] * len(steps))
    for replayed, step in zip(trace.replay(), steps, strict=True):
        for name in ("step", "steps", "block", "nfe", "stop_position", "finish_reason"):
            assert getattr(replayed, name) == getattr(step, name), name
        for name in ("tokens", "mask_index", "x0", "transfer_index", "top_ids"):
            assert torch.equal(getattr(replayed, name), getattr(step, name)), name
        torch.testing.assert_close(replayed.confidence, step.confidence, atol=1e-6, rtol=0)
        torch.testing.assert_close(replayed.top_probs, step.top_probs, atol=5.1e-5, rtol=0)


def test_it_tells_what_was_asked_and_answered(trace: Trace, tiny_pipeline):
    assert trace.model == tiny_pipeline.name
    assert "What is this?" in trace.prompt and trace.prompt.count("<image>") == 1
    assert len(trace.images) == 1 and len(trace.images[0]) == 64
    assert trace.prompt_length == tiny_pipeline.prompt_length([picture_message("What is this?")])
    assert trace.config == CONFIG
    assert trace.text.endswith(" Yes.")
    assert len(trace.seconds) == len(trace.steps) + 1 and trace.seconds == sorted(trace.seconds)


def test_every_id_it_holds_has_a_piece(trace: Trace, tiny_pipeline):
    for step in trace.replay():
        for token in [*step.tokens.tolist(), *step.x0.tolist(), *step.top_ids.flatten().tolist()]:
            assert trace.pieces[token] == tiny_pipeline.tokenizer.decode([token])


def test_another_picture_has_another_hash(trace: Trace, tiny_pipeline):
    other = tiny_pipeline([picture_message("What is this?", color="green")], CONFIG).trace
    assert other.images != trace.images


def test_a_run_broken_off_replays_as_far_as_it_came(tiny_pipeline):
    messages = [picture_message("What is this?")]
    config = replace(CONFIG, stop=())
    stream = tiny_pipeline.stream(messages, config)
    steps = [next(stream), next(stream), next(stream)]
    trace = tiny_pipeline.trace(messages, config, steps, [0.0, 0.1, 0.2])
    assert trace.finish_reason is None and "░" in trace.text
    assert [step.finish_reason for step in trace.replay()] == [None] * 3


def test_128_tokens_in_128_steps_take_less_than_3_megabytes(tiny_pipeline, tmp_path):
    messages = [picture_message("What is this?")]
    config = SamplingConfig(gen_length=128, block_length=128, steps=128, stop=())
    trace = tiny_pipeline(messages, config).trace
    grown = [  # with ids as long as those of the published vocabulary
        replace(step, x0=[100_000 + x for x in step.x0], top_ids=[100_000 + x for x in step.top_ids])
        for step in trace.steps
    ]
    replace(trace, steps=grown).save(tmp_path / "trace.json")
    assert sum(len(step.positions) for step in grown) == 128 * 129 / 2
    assert (tmp_path / "trace.json").stat().st_size < 1_000_000


def test_another_version_is_refused(trace: Trace, tmp_path):
    trace.save(tmp_path / "trace.json")
    data = json.loads((tmp_path / "trace.json").read_text())
    (tmp_path / "trace.json").write_text(json.dumps(data | {"version": 99}))
    with pytest.raises(ValueError, match="its version must be 1, got 99"):
        Trace.load(tmp_path / "trace.json")


@pytest.mark.parametrize("content", ["[1, 2]", "not json", "{}", "\xff\xfe"])
def test_what_is_no_trace_is_refused(tmp_path, content: str):
    (tmp_path / "trace.json").write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=r"trace\.json cannot be read as a trace"):
        Trace.load(tmp_path / "trace.json")


@pytest.mark.parametrize("damage", [{"pieces": None}, {"steps": [1]}, {"config": {"speed": 1}}, {"extra": 1}], ids=str)
def test_a_damaged_trace_is_refused(trace: Trace, damage: dict):
    data = json.loads(json.dumps(asdict(trace)))
    assert Trace.from_dict(data) == trace
    with pytest.raises(ValueError, match="its keys must be those of version 1"):
        Trace.from_dict(data | damage)
    del data["text"]
    with pytest.raises(ValueError, match="its keys must be those of version 1"):
        Trace.from_dict(data)

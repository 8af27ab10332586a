import base64
import io
import json
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch
from helpers import picture_message
from PIL import Image
from scripted import Neighbors, traced

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


@pytest.mark.parametrize("name", ["wino", "token_to_mask", "saber", "remdm", "adablock"])
def test_a_run_of_a_method_is_recorded(name: str, tmp_path):
    changes = {"wino": {"threshold": 0.4}, "token_to_mask": {"threshold": 0.5}}
    changes["adablock"] = {"threshold": 0.7, "delimiters": ("6", "8")}
    config = SamplingConfig.method(name, gen_length=12, stop=(), **changes.get(name, {}))
    steps, trace = traced(Neighbors.at_random(40, seed=3), config)
    trace.save(tmp_path / "trace.json")
    again = Trace.load(tmp_path / "trace.json")
    assert again == trace
    assert [step.revoked_index for step in again.steps] == [
        step.revoked_index.nonzero().flatten().tolist() for step in steps[1:]
    ]
    for replayed, step in zip(again.replay(), steps, strict=True):
        for field in ("tokens", "x0", "transfer_index", "revoked_index", "mask_index", "top_ids"):
            assert torch.equal(getattr(replayed, field), getattr(step, field)), field
        assert replayed.steps == step.steps and replayed.block == step.block


@pytest.mark.parametrize("revoked", [[11], [0, 0], [99], "0"], ids=str)
def test_what_was_never_committed_cannot_be_taken_back(revoked: list[int]):
    config = SamplingConfig.method("remdm", gen_length=12, stop=())
    _, trace = traced(Neighbors.at_random(40, seed=3), config)
    data = json.loads(trace.to_json())
    at = next(index for index, step in enumerate(data["steps"]) if step["revoked_index"])
    data["steps"][at]["revoked_index"] = data["steps"][at]["revoked_index"] * 2 if revoked == [0, 0] else revoked
    if revoked == [11]:  # committed by no step before the second
        at, data["steps"][0]["revoked_index"] = 0, data["steps"][1]["transfer_index"]
    with pytest.raises(ValueError, match=f"step {at + 1} must be"):
        Trace.from_dict(data)


def test_it_tells_what_was_asked_and_answered(trace: Trace, tiny_pipeline):
    assert trace.model == tiny_pipeline.name
    assert "What is this?" in trace.prompt and trace.prompt.count("<image>") == 1
    assert len(trace.images) == 1 and len(trace.images[0]) == 64
    assert trace.prompt_length == tiny_pipeline.prompt_length([picture_message("What is this?")])
    assert trace.config == CONFIG
    assert trace.text.endswith(" Yes.")
    assert len(trace.seconds) == len(trace.steps) + 1 and trace.seconds == sorted(trace.seconds)


def test_it_shows_what_was_asked_about(tiny_pipeline):
    video = {"type": "video", "video": [Image.new("RGB", (64, 32), color) for color in ("blue", "green")]}
    asked = picture_message("What is this?")
    messages = [asked, {"role": "assistant", "content": "Red."}, {"role": "user", "content": [video]}]
    messages[-1]["content"].append({"type": "text", "text": " And this? "})
    trace = tiny_pipeline(messages, SamplingConfig(4, 4, 2, stop=()), thinking=False).trace
    assert trace.question == "And this?"
    thumbnails = [_picture(url) for url in trace.thumbnails]
    assert [thumbnail.size for thumbnail in thumbnails] == [(192, 96), (64, 32)]
    assert [max(range(3), key=thumbnail.getpixel((9, 9)).__getitem__) for thumbnail in thumbnails] == [0, 2]
    assert len(trace.images) == 2


def _picture(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))))


def test_the_id_stands_for_what_was_asked_and_answered(trace: Trace, tmp_path):
    trace.save(tmp_path / "trace.json")
    same = replace(trace, seconds=[9.0] * len(trace.seconds))
    assert Trace.load(tmp_path / "trace.json").id == same.id == trace.id and len(trace.id) == 12
    others = [replace(trace, config=replace(CONFIG, seed=2)), replace(trace, steps=trace.steps[:-1])]
    others += [replace(trace, parent=trace.id), replace(trace, question="Why?")]
    assert len({trace.id, *(other.id for other in others)}) == 5


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


def test_traces_of_earlier_versions_are_read(trace: Trace):
    data = json.loads(json.dumps(asdict(trace))) | {"version": 3}
    for step in data["steps"]:
        del step["revoked_index"], step["room"]
    assert Trace.from_dict(data) == trace
    data |= {"version": 2}
    for step in data["steps"]:
        step["committed"] = step.pop("transfer_index")
    assert Trace.from_dict(data) == trace
    for name in ("question", "thumbnails", "parent", "edit"):
        del data[name]
    assert Trace.from_dict(data | {"version": 1}) == replace(trace, question="", thumbnails=[])


def test_another_version_is_refused(trace: Trace, tmp_path):
    trace.save(tmp_path / "trace.json")
    data = json.loads((tmp_path / "trace.json").read_text())
    (tmp_path / "trace.json").write_text(json.dumps(data | {"version": 99}))
    with pytest.raises(ValueError, match="its version must be 1 or 2 or 3 or 4, got 99: record it again"):
        Trace.load(tmp_path / "trace.json")


@pytest.mark.parametrize("content", ["[1, 2]", "not json", "{}", "\xff\xfe"])
def test_what_is_no_trace_is_refused(tmp_path, content: str):
    (tmp_path / "trace.json").write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match=r"trace\.json cannot be read as a trace"):
        Trace.load(tmp_path / "trace.json")


def test_a_position_is_committed_once(trace: Trace):
    data = json.loads(json.dumps(asdict(trace)))
    data["steps"][1] = data["steps"][0]
    with pytest.raises(ValueError, match="step 2 must be about masked positions"):
        Trace.from_dict(data)


def test_halves_of_characters_are_replaced(trace: Trace, tmp_path):
    data = json.loads(json.dumps(asdict(trace))) | {"question": "a\ud800", "edit": "\udfff"}
    read = Trace.from_dict(data)
    assert (read.question, read.edit) == ("a\ufffd", "\ufffd")
    read.save(tmp_path / "trace.json")


PLAIN = SamplingConfig(gen_length=24, block_length=24, steps=10, stop=())  # commits 3, 3, 3, 3, 2, 2, 2, 2, 2, 2


def _run(pipe, config: SamplingConfig):
    return pipe([picture_message("What is this?")], config).trace


@pytest.mark.parametrize(
    "settings",
    [{}, {"steps": 24}, {"block_length": 8, "steps": 12}, {"threshold": 0.04}, {"template": (5, None, None, 9) * 6}],
    ids=str,
)
def test_a_branch_without_a_change_goes_on_as_the_run_did(tiny_pipeline, settings: dict):
    trace = _run(tiny_pipeline, replace(PLAIN, **settings))
    last_block = next(index for index, step in enumerate(trace.steps) if step.block == trace.steps[-1].block)
    for index in range(last_block, len(trace.steps)):
        rest = _run(tiny_pipeline, trace.branch(index, {}))
        assert [step.transfer_index for step in rest.steps] == [step.transfer_index for step in trace.steps[index:]]
        assert [step.x0 for step in rest.steps] == [step.x0 for step in trace.steps[index:]]
        assert rest.text == trace.text


def test_masking_two_tokens_again_changes_only_those(tiny_pipeline):
    trace = _run(tiny_pipeline, PLAIN)
    *_, before = trace.replay()
    config = trace.branch(len(trace.steps), {3: None, 20: None})
    assert config == replace(PLAIN, template=config.template, steps=1)
    assert [position for position, token in enumerate(config.template) if token is None] == [3, 20]
    branched = _run(tiny_pipeline, config)
    first, *_, after = branched.replay()
    assert first.mask_index.nonzero().flatten().tolist() == [3, 20] and not after.mask_index.any()
    kept = ~first.mask_index
    assert torch.equal(after.tokens[kept], before.tokens[kept])


def test_a_change_stays_where_it_was_put(tiny_pipeline):
    trace = _run(tiny_pipeline, PLAIN)
    other = 17 if int(list(trace.replay())[-1].tokens[0]) != 17 else 18
    config = trace.branch(4, {0: other, 5: None})
    assert config.template[0] == other and config.template[5] is None
    *_, after = _run(tiny_pipeline, config).replay()
    assert int(after.tokens[0]) == other and not after.mask_index.any()


def test_a_branch_may_start_before_the_first_step(tiny_pipeline):
    trace = _run(tiny_pipeline, PLAIN)
    assert trace.branch(0, {2: 7}) == replace(PLAIN, template=(None, None, 7) + (None,) * 21)
    assert trace.branch(10, {}).steps == 1  # nothing is left to fill, which takes one step that is not run


def test_a_branch_needs_a_step_and_positions_that_there_are(trace: Trace):
    with pytest.raises(ValueError, match=f"step must lie between 0 and {len(trace.steps)}, .* got 99"):
        trace.branch(99, {})
    with pytest.raises(ValueError, match="changes must be to positions from 0 to 15, got 16"):
        trace.branch(1, {2: None, 16: 4})
    with pytest.raises(ValueError, match="changes must be to positions from 0 to 15, got 'a'"):
        trace.branch(1, {"a": 4})
    with pytest.raises(ValueError, match="template must hold token ids"):
        trace.branch(1, {2: -4})


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("a", "a whole number, got 'a'"),
        (1.5, "a whole number, got 1.5"),
        (True, "a whole number, got True"),
        (None, "a whole number, got None"),
    ],
    ids=str,
)
def test_a_state_stands_behind_a_whole_step(trace: Trace, step: Any, words: str):
    with pytest.raises(ValueError, match=f"^step must be {words}$"):
        trace.until(step)


def test_a_branch_names_where_it_came_from(trace: Trace, tiny_pipeline, tmp_path):
    messages = [picture_message("What is this?")]
    config = trace.branch(len(trace.steps), {1: None})
    steps = list(tiny_pipeline.stream(messages, config))
    moments = [0.0] * len(steps)
    branched = tiny_pipeline.trace(messages, config, steps, moments, parent=trace.id, edit="re-masked 1 token")
    branched.save(tmp_path / "branch.json")
    again = Trace.load(tmp_path / "branch.json")
    assert (again.parent, again.edit) == (trace.id, "re-masked 1 token") and again == branched
    assert branched.id not in (trace.id, replace(branched, parent=None).id)

"""Answers that grow."""

import json

import pytest
import torch
from scripted import Neighbors, traced

from lladav import SamplingConfig, Trace
from lladav.sampling.canvas import Canvas, Proposal, Task
from lladav.sampling.deciding import decide
from lladav.sampling.lengths import end_confidence, lost_at, wants_more

MASK, END, WORD, OTHER = range(4)


def ends_at(length: int) -> Neighbors:
    """A model whose answer has `length` words, and then its end over and over."""
    bias = torch.zeros(128, 8)
    bias[:length, WORD] = bias[length:, END] = 8.0
    return Neighbors(bias, torch.zeros(8, 8))


def run(model: Neighbors, start: int, longest: int):
    config = SamplingConfig.method("daedal", gen_length=longest, start_length=start, stop=(str(END),))
    return traced(model, config)[0]


def test_a_long_answer_grows_from_a_short_start():
    steps = run(ends_at(60), start=16, longest=120)
    assert steps[-1].answer_ids == [WORD] * 60 and steps[-1].finish_reason == "stop"
    lengths = [step.stop_position for step in steps if not step.transfer_index.any()]
    assert lengths == [*range(16, lengths[-1] + 1, 8)] and 60 < lengths[-1] < 120


def test_what_an_answer_may_still_grow_by_is_not_read(monkeypatch):
    model, read = ends_at(60), []
    answer = Neighbors.__call__
    monkeypatch.setattr(
        Neighbors,
        "__call__",
        lambda self, **given: read.append(given["inputs_embeds"].shape[1]) or answer(self, **given),
    )
    steps = run(model, start=16, longest=120)
    lengths = [step.stop_position for step in steps if not step.transfer_index.any()]
    assert [columns - model.prompt_length for columns in read[: len(lengths)]] == lengths


def test_an_answer_of_one_word_stays_short():
    steps = run(ends_at(1), start=16, longest=120)
    assert steps[0].stop_position == 16 and steps[0].mask_index.all()
    assert steps[-1].answer_ids == [WORD] and steps[-1].nfe == 1


def test_a_branch_of_an_answer_that_grew_is_of_a_fixed_length():
    config = SamplingConfig.method("daedal", gen_length=32, start_length=8, stop=(str(END),))
    steps, trace = traced(ends_at(20), config)
    branched = trace.branch(len(trace.steps), {3: None})
    assert branched.start_length is None and branched.gen_length == 32
    assert branched.template[:5] == (WORD, WORD, WORD, None, WORD)
    assert traced(ends_at(20), branched)[0][-1].answer_ids == steps[-1].answer_ids


def test_no_answer_grows_beyond_its_longest():
    steps = run(ends_at(60), start=16, longest=24)
    assert steps[-1].answer_ids == [WORD] * 24 and steps[-1].finish_reason == "length"


def test_room_is_opened_where_the_model_is_at_a_loss():
    bias = torch.zeros(40, 20)
    bias[:2, WORD], bias[3:, END] = 9.0, 5.9  # an end that is believed, but not for sure; no idea of the third word
    config = SamplingConfig.method("daedal", gen_length=16, start_length=8, stop=(str(END),))
    steps, trace = traced(Neighbors(bias, torch.zeros(20, 20)), config)
    first = steps[1]
    assert first.room == (2, 7) and first.tokens.tolist() == [WORD] * 2 + [MASK] * 8 + [END] * 5 + [MASK]
    assert first.stop_position == 10
    assert Trace.from_dict(json.loads(trace.to_json())) == trace
    for replayed, step in zip(trace.replay(), steps, strict=True):
        assert torch.equal(replayed.tokens, step.tokens) and replayed.room == step.room
        assert torch.equal(replayed.x0, step.x0) and torch.equal(replayed.transfer_index, step.transfer_index)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"room": [2, 60]}, "step 1 must be of a run that grows, and open room within gen_length, got .2, 60."),
        ({"room": [2]}, "step 1 must be of a run that grows"),
        ({"revoked_index": [0]}, "step 1 must be of a run that revises"),
    ],
)
def test_room_that_cannot_have_been_opened_is_refused(changes: dict, words: str):
    _, trace = traced(ends_at(60), SamplingConfig.method("daedal", gen_length=24, start_length=16, stop=("1",)))
    data = json.loads(trace.to_json())
    data["steps"][0] |= changes
    with pytest.raises(ValueError, match=words):
        Trace.from_dict(data)


def test_the_end_is_believed_by_the_mean_over_the_last_positions():
    probs = torch.cat([torch.zeros(50), torch.full((32,), 0.6)])
    assert end_confidence(probs) == pytest.approx(0.6) and not wants_more(probs)
    assert end_confidence(torch.tensor([0.2, 0.4])) == pytest.approx(0.3) and wants_more(torch.tensor([0.2, 0.4]))


def test_an_end_that_is_believed_just_so_is_believed():
    halves = torch.full((8,), 0.5, dtype=torch.float64)
    assert not wants_more(halves) and wants_more(halves - 1e-9)
    sure, lost = torch.tensor([0.9], dtype=torch.float64), torch.tensor([0.05])
    assert lost_at(torch.tensor([3]), lost, sure) is None and lost_at(torch.tensor([3]), lost, sure - 1e-9) == 3


def test_a_mask_that_is_sure_just_so_is_not_lost():
    confidence, end = torch.tensor([0.1], dtype=torch.float64), torch.tensor([0.5])
    assert lost_at(torch.tensor([3]), confidence, end) is None and lost_at(torch.tensor([3]), confidence - 1e-9, end)


def test_an_answer_may_begin_with_a_single_mask():
    steps = run(ends_at(3), start=1, longest=40)
    assert [step.stop_position for step in steps[:3]] == [1, 9, 3] and not steps[1].transfer_index.any()
    assert steps[-1].answer_ids == [WORD] * 3


@pytest.mark.parametrize(("written", "opens"), [(WORD, True), (END, False)])
def test_a_written_end_counts_as_sure_and_another_word_as_none(written: int, opens: bool):
    config = SamplingConfig.method("daedal", gen_length=48, start_length=34, stop=(str(END),))
    canvas = Canvas(config, MASK, [[END]])

    def proposed(positions: torch.Tensor, token: int, sure: float) -> Proposal:
        probs = torch.full((len(positions),), sure, dtype=torch.float64)
        x0 = torch.full_like(positions, token)
        tops = x0[:, None].expand(-1, 5), probs[:, None].expand(-1, 5)
        return Proposal(positions, x0, probs, *tops, end_probs=torch.zeros_like(probs))

    rest = proposed(torch.arange(2, 34), written, 0.99)
    canvas.commit(rest, rest.x0 == written)
    decide(canvas, Task(0, 0, 2, 1, reach=2), proposed(torch.arange(2), WORD, 0.05), None)
    assert int(canvas.transfer_index.sum()) == 1
    assert (canvas.room is not None) == opens


@pytest.mark.parametrize(
    ("confidence", "end", "expected"),
    [([0.5, 0.05, 0.08], 0.5, 5), ([0.5, 0.2, 0.3], 0.5, None), ([0.05], 0.95, None), ([], 0.5, None)],
)
def test_the_least_sure_mask_is_where_room_is_opened(confidence: list[float], end: float, expected: int | None):
    positions = torch.tensor([3, 5, 6])[: len(confidence)]
    assert lost_at(positions, torch.tensor(confidence), torch.full((10,), end)) == expected

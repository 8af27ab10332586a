"""When an answer was decided, read off traces that were written by hand and off runs."""

from dataclasses import replace

import pytest
import torch
from scripted import Neighbors, traced

from lladav import SamplingConfig, Trace
from lladav.decisions import Decision, decisions, stood_at
from lladav.trace import TraceStep

MASK = 0


def step(positions: list[int], x0: list[int], committed: list[int], revoked: list[int] | None = None) -> TraceStep:
    top_ids = [token for proposal in x0 for token in (proposal, 7, 8, 9, 10)]
    confidence = [0.5] * len(x0)
    return TraceStep(0, positions, x0, confidence, committed, top_ids, [5000, 0, 0, 0, 0] * len(x0), revoked or [])


def trace(*steps: TraceStep, finish_reason: str | None = "length", **settings) -> Trace:
    config = SamplingConfig(**{"gen_length": 3, "block_length": 3, "steps": 3, "stop": ()} | settings)
    pieces = {token: str(token) for token in range(12)}
    return Trace(
        "model", "", [], 0, config, MASK, [[2]] * len(config.stop), list(steps), [0.0] * (len(steps) + 1), pieces, "",
        finish_reason,
    )  # fmt: skip


def test_a_position_is_settled_when_it_last_changed_its_mind():
    run = trace(step([0, 1, 2], [3, 4, 5], [0]), step([1, 2], [6, 5], [1]), step([2], [5], [2]))
    assert decisions(run) == [Decision(1, 1, 0), Decision(2, 2, 0), Decision(3, 1, 0)]
    assert stood_at(run) == 2


def test_a_mind_may_come_back():
    run = trace(step([0, 1, 2], [3, 4, 5], [0]), step([1, 2], [6, 5], [2]), step([1], [4], [1]))
    assert decisions(run)[1] == Decision(3, 3, 0)
    assert stood_at(run) == 1  # though it did not stay


def test_what_was_taken_back_counts_from_its_last_commit():
    run = trace(
        step([0, 1, 2], [3, 4, 5], [0, 1]), step([2], [5], [], [0]), step([0, 2], [6, 5], [0, 2]),
        revision="token_to_mask", revision_threshold=0.1,
    )  # fmt: skip
    assert decisions(run) == [Decision(3, 3, 1), Decision(1, 1, 0), Decision(3, 1, 0)]
    assert stood_at(run) == 3


def test_only_what_stands_before_the_stop_has_to_stand():
    run = trace(step([0, 1, 2], [3, 2, 5], [1]), step([0], [3], [0]), stop=("<|eot_id|>",), finish_reason="stop")
    assert decisions(run) == [Decision(2, 1, 0), Decision(1, 1, 0), Decision(None, None, 0)]
    assert stood_at(run) == 1


def test_a_template_is_decided_from_the_start():
    run = trace(step([1], [4], [1]), template=(3, None, 5))
    assert decisions(run) == [Decision(0, 0, 0), Decision(1, 1, 0), Decision(0, 0, 0)]


def test_an_answer_that_was_broken_off_never_stood():
    run = trace(step([0, 1, 2], [3, 4, 5], [0]), finish_reason=None)
    assert stood_at(run) is None and decisions(run)[1] == Decision(None, None, 0)


def test_tokens_are_followed_where_room_is_opened():
    room = replace(step([0, 1], [3, 2], [1]), room=[0, 1])
    run = trace(room, step([0, 1], [3, 4], [0, 1]), gen_length=3, start_length=2, stop=("<|eot_id|>",))
    assert [state.tokens.tolist() for state in run.replay()] == [[0, 0, 0], [0, 0, 2], [3, 4, 2]]
    assert decisions(run) == [Decision(2, 1, 0), Decision(2, 2, 0), Decision(1, 1, 0)]


def test_what_was_settled_moves_with_its_token():
    first, room = step([0, 1], [3, 2], [1]), replace(step([0], [4], []), room=[0, 1])
    run = trace(first, room, step([0, 1], [4, 5], [0, 1]), gen_length=3, start_length=2, stop=("<|eot_id|>",))
    assert decisions(run) == [Decision(3, 2, 0), Decision(3, 3, 0), Decision(1, 1, 0)]


@pytest.mark.parametrize("name", ["exact", "wino", "saber", "remdm"])
def test_no_position_settles_after_its_commit(name: str):
    changes = {"threshold": 0.4} if name == "wino" else {}
    steps, run = traced(Neighbors.at_random(40, seed=3), SamplingConfig.method(name, gen_length=12, stop=(), **changes))
    found = decisions(run)
    assert all(one.settled_since <= one.committed_at for one in found)
    assert sum(one.revoked for one in found) == sum(int(step.revoked_index.sum()) for step in steps)
    assert stood_at(run) <= max(one.settled_since for one in found)
    for position, one in enumerate(found):
        at = steps[one.settled_since]
        assert torch.equal(at.x0[position], steps[-1].tokens[position])

"""Taking words back: each rule on a worked example, and a word that is repaired."""

from itertools import pairwise

import pytest
import torch
from scripted import WORDS, Neighbors, hasty
from torch import Tensor

from lladav import SamplingConfig, SamplingStep, sample
from lladav.sampling.revision import least, saber, token_to_mask, wino

MASK, RIGHT, WRONG, A, B, C = range(6)


def doubles(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def run(model: Neighbors, config: SamplingConfig) -> list[SamplingStep]:
    return list(sample(model, {"inputs_embeds": torch.zeros(1, 3, len(model.says))}, config, WORDS))


LENGTHS = {"gen_length": 6, "block_length": 6, "steps": 6, "stop": ()}


class TestRepair:
    def test_the_default_loop_leaves_a_word_wrong(self):
        steps = run(hasty(), SamplingConfig(**LENGTHS, threshold=0.6))
        assert [step.tokens.tolist() for step in steps[1:]] == [[WRONG, A, B, C, 0, 0], [WRONG, A, B, C, A, A]]

    def test_wino_repairs_it(self):
        steps = run(hasty(), SamplingConfig.method("wino", **LENGTHS))
        expected = [[WRONG, A, B, C, 0, 0], [MASK, A, B, C, A, A], [RIGHT, A, B, C, A, A]]
        assert [step.tokens.tolist() for step in steps[1:]] == expected
        assert [step.revoked_index.nonzero().flatten().tolist() for step in steps] == [[], [], [0], []]

    def test_a_word_vouches_for_itself_where_it_is_asked(self):
        steps = run(hasty(), SamplingConfig.method("token_to_mask", **LENGTHS, threshold=0.6))
        assert steps[-1].tokens.tolist() == [WRONG, A, B, C, A, A]


class TestRules:
    STANDING = doubles(0.2, 0.95, 0.5, 0.89)

    def test_wino_takes_back_fewer_than_came_in(self):
        assert wino(self.STANDING, 0.9, committed_before=4, committing=2).tolist() == [True, False, True, True]
        assert wino(self.STANDING, 0.9, committed_before=3, committing=2).tolist() == [True, False, True, False]
        assert not wino(self.STANDING, 0.9, committed_before=1, committing=2).any()
        assert not wino(self.STANDING, 0.9, committed_before=4, committing=1).any()

    def test_a_word_at_the_threshold_is_not_doubted(self):
        assert wino(self.STANDING, 0.5, committed_before=9, committing=2).tolist() == [True, False, False, False]
        assert not token_to_mask(self.STANDING, 0.2).any()

    def test_a_word_that_stands_as_it_did_has_not_fallen(self):
        assert not saber(self.STANDING, self.STANDING.clone(), committing=9).any()

    def test_token_to_mask_takes_back_the_improbable(self):
        assert token_to_mask(self.STANDING, 0.5).tolist() == [True, False, False, False]

    @pytest.mark.parametrize(
        ("committing", "expected"),
        [(1, []), (2, [2]), (8, [2]), (9, [0, 2]), (17, [0, 2]), (25, [0, 2])],
    )
    def test_saber_takes_back_an_eighth_of_what_fell(self, committing: int, expected: list[int]):
        """From 0.5, 0.9, 0.99 and 0.8 to those above: by 0.3, not, by 0.49, and not."""
        taken = saber(self.STANDING, doubles(0.5, 0.9, 0.99, 0.8), committing)
        assert taken.nonzero().flatten().tolist() == expected

    @pytest.mark.parametrize(("count", "expected"), [(-1, []), (0, []), (1, [0]), (2, [0, 2]), (9, [0, 1, 2, 3])])
    def test_the_least(self, count: int, expected: list[int]):
        assert least(self.STANDING, count).nonzero().flatten().tolist() == expected


class TestTermination:
    def restless(self) -> Neighbors:
        """A model that wants another word wherever one is written."""
        says = torch.zeros(6, 6)
        bias = torch.zeros(8, 6)
        bias[:, A] = 2.0
        says[A] = torch.tensor([0, 0, 0, -40.0, 30.0, 0])
        says[B] = torch.tensor([0, 0, 0, 30.0, -40.0, 0])
        return Neighbors(bias, says)

    @pytest.mark.parametrize("name", ["wino", "token_to_mask", "saber", "remdm"])
    def test_every_run_ends_within_its_bound(self, name: str):
        changes = {"token_to_mask": {"revision_threshold": 1.0}}.get(name, {})
        config = SamplingConfig.method(name, gen_length=8, stop=(), **changes)
        steps = run(self.restless(), config)
        revoked = sum(step.revoked_index.int() for step in steps)
        assert revoked.sum() > 0 and not steps[-1].mask_index.any()
        assert len(steps) - 1 <= config.most_steps
        if name != "remdm":
            assert revoked.max() <= config.max_revocations
        assert steps[-1].nfe == len(steps) - 1 and steps[-1].finish_reason == "length"

    def test_a_model_that_writes_masks_ends_too(self):
        model = self.restless()
        model.config.suppress_token_ids = []
        model.bias[2, MASK] = 90.0
        config = SamplingConfig.method("token_to_mask", gen_length=8, stop=(), threshold=0.5, revision_threshold=1.0)
        steps = run(model, config)
        assert steps[-1].mask_index.tolist() == [i == 2 for i in range(8)]
        assert len(steps) - 1 <= config.most_steps


def test_what_a_step_tells_of_words_taken_back():
    model = Neighbors.at_random(40, seed=3)
    steps = run(model, SamplingConfig.method("wino", gen_length=12, stop=(), threshold=0.4))
    for before, after in pairwise(steps):
        assert torch.equal(after.revoked_index, ~before.mask_index & after.mask_index)
        assert torch.equal(after.transfer_index, before.mask_index & ~after.mask_index)
        gone = after.revoked_index
        assert not after.top_probs[gone].any() and not after.confidence[gone].any() and not after.x0[gone].any()
        assert after.nfe == after.step <= after.steps
    assert model.passes == steps[-1].nfe


def test_a_stop_that_is_taken_back_stops_nothing():
    bias = torch.zeros(6, 6)
    bias[:, A], bias[2, C] = 1.0, 9.0
    says = torch.zeros(6, 6)
    says[A] = torch.tensor([0.0, 0, 0, 40.0, 0, -40.0])
    config = SamplingConfig.method("token_to_mask", **LENGTHS | {"stop": ("5",)}, revision_threshold=0.5)
    steps = run(Neighbors(bias, says), config)
    stops = [step.stop_position for step in steps]
    assert stops[1] == 2 and stops[-1] is None
    assert steps[-1].tokens.tolist() == [A] * 6 and steps[-1].finish_reason == "length"


def test_what_the_template_fixed_is_never_taken_back():
    template = (A, None, None, A, None, None, None, A)
    model = TestTermination().restless()
    config = SamplingConfig.method("remdm", gen_length=8, stop=(), template=template, revision_rounds=9)
    steps = run(model, config)
    assert sum(int(step.revoked_index.sum()) for step in steps) == 9
    assert all(step.tokens[[0, 3, 7]].tolist() == [A] * 3 for step in steps)


def test_a_block_that_the_template_filled_has_nothing_to_take_back():
    config = SamplingConfig.method("remdm", gen_length=8, block_length=4, stop=(), template=(*[A] * 4, *[None] * 4))
    steps = run(TestTermination().restless(), config)
    assert {step.block for step in steps[1:]} == {1} and not steps[-1].mask_index.any()


def test_rounds_begin_by_the_share_of_their_own_block_that_is_filled():
    bias = torch.zeros(8, 6)
    bias[0, MASK], bias[1:, A] = 2.5, 9.0  # a mask that stays, less sure than any word
    model = Neighbors(bias, torch.zeros(6, 6))
    model.config.suppress_token_ids = []
    lengths = {"gen_length": 8, "block_length": 4, "stop": ()}
    changes = {"revision_from": 0.5, "revision_rounds": 1}
    steps = run(model, SamplingConfig.method("remdm", **lengths, **changes))
    for block in range(2):
        first = next(i for i, step in enumerate(steps) if step.block == block and step.revoked_index.any())
        written = ~steps[first - 1].mask_index[4 * block : 4 * block + 4]
        assert int(written.sum()) == 2
    assert steps[-1].mask_index.nonzero().tolist() == [[0]]

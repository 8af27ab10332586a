"""The loop on a model that says what it is told to, so that every rule can be watched by itself."""

import re
from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from lladav.remasking import num_transfer_tokens
from lladav.sampling import SamplingConfig, SamplingStep, denoiser, sample
from lladav.sampling.denoiser import UniformNoise, add_gumbel_noise, apply_cfg, most_probable, token_probs

MASK, FORBIDDEN, VOCAB = 0, 1, 30
PROMPT_LENGTH = 3


class ScriptedModel:
    """Wants `wish[i]` at answer position i, the more certainly the larger `certainty[i]`, whatever it is shown."""

    def __init__(self, wish: Sequence[int], certainty: Sequence[float] | None = None):
        certainty = torch.tensor(certainty if certainty is not None else [8.0 - 0.1 * i for i in range(len(wish))])
        self.logits = torch.zeros(len(wish), VOCAB).index_put((torch.arange(len(wish)), torch.tensor(wish)), certainty)
        self.config = SimpleNamespace(mask_token_id=MASK, suppress_token_ids=[FORBIDDEN])
        self.embedding = nn.Embedding(VOCAB, 4)
        self.calls: list[SimpleNamespace] = []

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embedding

    def __call__(self, inputs_embeds, past_key_values, logits_to_keep):
        self.calls.append(SimpleNamespace(embeds=inputs_embeds.clone(), rows=logits_to_keep - PROMPT_LENGTH))
        return SimpleNamespace(logits=self.logits[self.calls[-1].rows].repeat(len(inputs_embeds), 1, 1))


class WordTokenizer:
    """`7 8` is the ids 7 and 8."""

    def encode(self, text: str, add_special_tokens: bool) -> list[int]:
        return [int(word) for word in text.split()]


def run(model: ScriptedModel, **settings) -> list[SamplingStep]:
    length = len(model.logits)
    config = SamplingConfig(**{"gen_length": length, "block_length": length, "steps": length, "stop": ()} | settings)
    return list(sample(model, {"inputs_embeds": torch.zeros(1, PROMPT_LENGTH, 4)}, config, WordTokenizer()))


def committed(steps: list[SamplingStep]) -> list[list[int]]:
    return [step.transfer_index.nonzero().squeeze(1).tolist() for step in steps[1:]]


def test_the_first_record_is_the_canvas_and_needs_no_model():
    model = ScriptedModel([7, 8, 9, 10])
    steps = sample(model, {"inputs_embeds": torch.zeros(1, PROMPT_LENGTH, 4)}, SamplingConfig(4, 4, 2, stop=()))
    canvas = next(steps)
    assert (canvas.step, canvas.steps, canvas.block, canvas.nfe, canvas.finish_reason) == (0, 2, 0, 0, None)
    assert canvas.mask_index.all() and canvas.tokens.tolist() == [MASK] * 4
    assert not canvas.transfer_index.any() and not canvas.confidence.any()
    assert not model.calls


def test_the_most_certain_positions_come_first_and_stay():
    steps = run(ScriptedModel([7, 8, 9, 10, 11], [1.0, 5.0, 3.0, 2.0, 4.0]), steps=3)
    assert committed(steps) == [[1, 4], [2, 3], [0]]
    assert steps[1].tokens.tolist() == [MASK, 8, MASK, MASK, 11]
    assert steps[-1].tokens.tolist() == [7, 8, 9, 10, 11]
    for before, after in pairwise(steps):
        kept = ~before.mask_index
        assert torch.equal(after.tokens[kept], before.tokens[kept])
        assert torch.equal(after.transfer_index, before.mask_index & ~after.mask_index)
    assert [step.finish_reason for step in steps] == [None, None, None, "length"]
    assert [step.nfe for step in steps] == [0, 1, 2, 3]


def test_a_record_tells_proposals_confidences_and_alternatives():
    model = ScriptedModel([7, 8, 9, 10], [4.0, 3.0, 2.0, 1.0])
    steps = run(model)
    expected = model.logits.double().index_fill(1, torch.tensor([FORBIDDEN]), -torch.inf).softmax(-1)
    for step in steps[1:]:
        assert step.x0.tolist() == step.top_ids[:, 0].tolist() == [7, 8, 9, 10]
        torch.testing.assert_close(step.confidence, expected.max(-1).values)  # kept from the commit on
        torch.testing.assert_close(step.top_probs, expected.topk(5).values)


def test_blocks_are_finished_from_left_to_right():
    model = ScriptedModel([7, 8, 9, 10, 11, 12], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    steps = run(model, block_length=3, steps=4)
    assert committed(steps) == [[1, 2], [0], [4, 5], [3]]
    assert [step.block for step in steps[1:]] == [0, 0, 1, 1]
    assert steps[1].x0.tolist() == [7, 8, 9, MASK, MASK, MASK]
    assert steps[1].top_probs[3:].sum() == 0


def test_the_head_runs_only_where_a_mask_may_change():
    model = ScriptedModel([7, 8, 9, 10, 11, 12])
    run(model, block_length=3, steps=4)
    assert [call.rows.tolist() for call in model.calls] == [[0, 1, 2], [2], [3, 4, 5], [5]]


def test_more_steps_than_tokens_end_when_all_is_filled():
    steps = run(ScriptedModel([7, 8, 9]), steps=12)
    assert len(steps) == 4 and steps[0].steps == 3
    assert steps[-1].finish_reason == "length"


def test_more_steps_than_tokens_end_every_block_when_it_is_filled():
    model = ScriptedModel([7, 8, 9, 10])
    steps = run(model, block_length=2, steps=16)
    assert [step.block for step in steps[1:]] == [0, 0, 1, 1]
    assert len(model.calls) == 4


def test_confidences_are_compared_in_double_precision():
    assert committed(run(ScriptedModel([7, 8], [25.0, 30.0]))) == [[1], [0]]  # both are 1.0 in single precision


def test_a_position_that_should_stay_masked_is_asked_again_in_later_blocks():
    model = ScriptedModel([MASK, 8, 9, 10], [9.0, 8.0, 7.0, 6.0])
    steps = run(model, block_length=2, steps=4)
    assert [call.rows.tolist() for call in model.calls] == [[0, 1], [0, 1], [0, 1, 2, 3], [0, 1, 2, 3]]
    assert steps[-1].mask_index.all() and steps[-1].finish_reason == "length"


def test_suppressed_tokens_are_never_written():
    steps = run(ScriptedModel([FORBIDDEN, 8]))
    assert FORBIDDEN not in steps[-1].tokens
    assert all(FORBIDDEN not in step.top_ids[step.top_probs > 0] for step in steps)


def test_a_config_suppresses_further_tokens():
    (*_, last) = run(ScriptedModel([7, FORBIDDEN, 8, 7]), suppress_token_ids=(7,))
    assert last.tokens[2] == 8
    assert not torch.isin(last.tokens, torch.tensor([7, FORBIDDEN])).any()


def test_closing_the_iterator_stops_the_model():
    model = ScriptedModel([7, 8, 9, 10])
    steps = sample(model, {"inputs_embeds": torch.zeros(1, PROMPT_LENGTH, 4)}, SamplingConfig(4, 4, 4, stop=()))
    next(steps), next(steps)
    steps.close()
    assert len(model.calls) == 1
    assert next(steps, None) is None


def test_gradients_are_off_inside_the_loop_alone():
    model = ScriptedModel([7])
    for _ in sample(model, {"inputs_embeds": torch.zeros(1, PROMPT_LENGTH, 4)}, SamplingConfig(1, 1, 1, stop=())):
        assert torch.is_grad_enabled()
    assert not model.calls[0].embeds.requires_grad


def test_only_one_prompt_is_taken():
    with pytest.raises(ValueError, match="inputs must hold one prompt, got a batch of 2"):
        list(sample(ScriptedModel([7]), {"inputs_embeds": torch.zeros(2, 3, 4)}, SamplingConfig(1, 1, 1, stop=())))


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "<|eot_id|>"),
        ({"stop": (), "suffix": " Yes."}, " Yes."),
        ({"stop": (), "delimiter_threshold": 0.3, "delimiters": (";",)}, ";"),
    ],
)
def test_strings_need_a_tokenizer(settings: dict, text: str):
    config = SamplingConfig(1, 1, 1, **settings)
    with pytest.raises(
        ValueError, match=rf"stop and suffix need a tokenizer, got tokenizer=None and {re.escape(repr(text))}$"
    ):
        list(sample(ScriptedModel([7]), {"inputs_embeds": torch.zeros(1, 3, 4)}, config))


class TestStop:
    def test_only_what_stands_before_it_is_filled(self):
        model = ScriptedModel([7, 8, 9, 10], [2.0, 3.0, 5.0, 4.0])
        steps = run(model, stop=("9",))
        assert committed(steps) == [[2], [1], [0]]
        assert [call.rows.tolist() for call in model.calls] == [[0, 1, 2, 3], [0, 1], [0]]
        assert steps[-1].finish_reason == "stop" and steps[-1].stop_position == 2
        assert steps[-1].answer_ids == [7, 8]
        assert steps[-1].mask_index.tolist() == [False, False, False, True]

    def test_nothing_is_proposed_behind_it(self):
        before, after = run(ScriptedModel([7, 8, 9, 10], [2.0, 3.0, 5.0, 4.0]), stop=("9",))[1:3]
        assert before.x0.tolist() == [7, 8, 9, 10]
        assert after.x0.tolist() == [7, 8, 9, MASK]
        assert after.confidence[3] == 0 and not after.top_probs[3].any() and after.top_ids[3].tolist() == [MASK] * 5

    def test_no_later_block_is_begun_for_a_position_that_stayed_masked(self):
        steps = run(ScriptedModel([MASK, 9, 8, 8], [4.0, 5.0, 3.0, 2.0]), block_length=2, stop=("9",))
        assert len(steps) == 3 and steps[-1].finish_reason == "stop"
        assert steps[-1].answer_ids == [MASK]

    def test_an_earlier_one_moves_it(self):
        steps = run(ScriptedModel([7, 9, 8, 9], [1.0, 2.0, 3.0, 4.0]), stop=("9",))
        assert [step.stop_position for step in steps] == [None, 3, 3, 1, 1]
        assert steps[-1].answer_ids == [7]

    def test_the_first_in_the_list_moves_it_though_another_found_it(self):
        steps = run(ScriptedModel([7, 8, 9], [1.0, 2.0, 3.0]), stop=("8", "9"))
        assert [step.stop_position for step in steps] == [None, 2, 1, 1]

    def test_strings_further_down_the_list_cannot_move_it(self):
        steps = run(ScriptedModel([7, 8, 9, 10], [1.0, 2.0, 3.0, 4.0]), stop=("20", "10", "8"))
        assert [step.stop_position for step in steps] == [None, 3, 3, 3, 3]
        assert steps[-1].answer_ids == [7, 8, 9]

    def test_one_of_several_tokens_may_cross_a_block(self):
        steps = run(ScriptedModel([7, 8, 9, 10]), block_length=2, stop=("8 9",))
        assert len(steps) == 4  # found in the second block, by the first token committed there
        assert steps[-1].answer_ids == [7]

    def test_one_longer_than_the_answer_is_never_found(self):
        assert run(ScriptedModel([7, 7]), stop=("7 7 7",))[-1].finish_reason == "length"

    def test_one_as_long_as_the_answer_is_found(self):
        assert run(ScriptedModel([7, 7]), stop=("7 7",))[-1].finish_reason == "stop"

    def test_blocks_behind_it_are_not_touched(self):
        steps = run(ScriptedModel([7, 9, 8, 8]), block_length=2, stop=("9",))
        assert steps[-1].mask_index.tolist() == [False, False, True, True]
        assert len(steps) == 3


class TestPolicies:
    CERTAINTY = (9.0, 2.0, 8.0, 1.0)

    def test_threshold_commits_all_above_and_at_least_the_schedule(self):
        steps = run(ScriptedModel([7, 8, 9, 10], self.CERTAINTY), threshold=0.9)
        assert committed(steps) == [[0, 2], [1], [3]]

    def test_factor_commits_the_confident_together(self):
        steps = run(ScriptedModel([7, 8, 9, 10], self.CERTAINTY), factor=0.1)
        assert committed(steps) == [[0, 2], [1], [3]]

    def test_entropy_bound_commits_the_confident_together(self):
        model = ScriptedModel([7, 8, 9, 10], self.CERTAINTY)
        probabilities = model.logits.double().index_fill(1, torch.tensor([FORBIDDEN]), -torch.inf).softmax(-1)
        smallest = min(-(row * row.clamp(min=1e-300).log()).sum().item() for row in probabilities)  # at stake in two
        assert committed(run(model, entropy_bound=smallest * 1.01)) == [[0, 2], [1], [3]]
        assert committed(run(model, entropy_bound=smallest * 0.99)) == [[0], [2], [1], [3]]
        assert committed(run(model, entropy_bound=100.0)) == [[0, 1, 2, 3]]

    def test_a_shifted_schedule_starts_slowly(self):
        model = ScriptedModel(list(range(7, 23)))
        counts = [len(positions) for positions in committed(run(model, steps=4, schedule_shift=1 / 3))]
        assert counts == num_transfer_tokens(16, 4, 1 / 3) == sorted(counts)
        assert counts != num_transfer_tokens(16, 4)

    @pytest.mark.parametrize(
        "limit", [{"threshold": 1.1}, {"factor": 0.0}, {"entropy_bound": 0.0}, {"schedule_shift": 1.0}]
    )
    @pytest.mark.parametrize("steps", [2, 4])
    def test_their_limits_are_the_schedule(self, limit: dict, steps: int):
        model = ScriptedModel([7, 8, 9, 10], self.CERTAINTY)
        assert committed(run(model, steps=steps, **limit)) == committed(run(model, steps=steps))

    def test_random_order_is_that_of_a_draw_for_the_whole_sequence(self):
        steps = run(ScriptedModel([7, 8, 9, 10]), remasking="random", seed=1)
        drawn = torch.rand(PROMPT_LENGTH + 4, generator=torch.Generator().manual_seed(1))[PROMPT_LENGTH:]
        assert committed(steps)[0] == [int(drawn.argmax())]
        torch.testing.assert_close(steps[1].confidence, drawn.double())

    def test_random_order_keeps_the_proposals(self):
        model = ScriptedModel(list(range(7, 27)))
        orders = [committed(run(model, remasking="random", seed=seed)) for seed in (1, 1, 2)]
        assert orders[0] == orders[1] != orders[2]
        assert run(model, remasking="random", seed=1)[-1].tokens.tolist() == list(range(7, 27))


class TestTokenProbs:
    LOGITS = torch.randn(6, 997, generator=torch.Generator().manual_seed(0)) * 3
    TOKEN_IDS = torch.arange(12).view(6, 2) * 80

    @pytest.mark.parametrize("logits", [1, 3000, 10_000])
    def test_some_rows_at_a_time_are_all_at_once_to_the_bit(self, logits: int, monkeypatch):
        monkeypatch.setattr(denoiser, "CACHED_LOGITS", logits)
        found, entropies = token_probs(self.LOGITS, self.TOKEN_IDS, with_entropies=True)
        probabilities = self.LOGITS.double().softmax(-1)
        assert torch.equal(found, probabilities.gather(1, self.TOKEN_IDS))
        assert torch.equal(entropies, torch.special.entr(probabilities).sum(-1))

    def test_entropies_are_not_worked_out_for_nothing(self):
        assert len(token_probs(self.LOGITS, self.TOKEN_IDS, with_entropies=False)) == 1

    @pytest.mark.parametrize("length", [30, 4000, 4096, 4223])
    def test_the_most_probable_are_found_wherever_they_stand(self, length: int):
        generator = torch.Generator().manual_seed(length)
        logits = torch.randn(40, length, generator=generator)
        logits[range(40), torch.randint(length, (40,), generator=generator)] = 9.0
        logits[0, -5:] = torch.arange(5) + 10.0  # all in the rest behind the blocks, or all in one block
        logits[1, [0, -1]] = 10.0
        ids = most_probable(logits, 5)
        assert torch.equal(logits.gather(1, ids), logits.topk(5).values)
        assert torch.equal(ids[:, 0], logits.argmax(1))
        assert ids[0].tolist() == [length - 1 - i for i in range(5)]

    def test_of_equal_words_the_first_is_proposed(self):
        model = ScriptedModel([20, 9])
        model.logits[0, [28, 12, 25]] = model.logits[0, 20].item()
        step = run(model)[1]
        assert step.x0.tolist() == [12, 9] and step.top_ids[0, :4].tolist() == [12, 20, 25, 28]


class TestTemplate:
    def test_fixed_tokens_stand_from_the_start(self):
        model = ScriptedModel([7, 8, 9, 10])
        steps = run(model, template=(None, 20, None, 21))
        assert steps[0].tokens.tolist() == [MASK, 20, MASK, 21]
        assert steps[-1].tokens.tolist() == [7, 20, 9, 21]
        assert steps[-1].confidence[1] == 1.0 and len(steps) == 3
        assert torch.equal(model.calls[0].embeds[0, PROMPT_LENGTH + 1], model.embedding.weight[20])

    def test_blanks_only_change_nothing(self):
        model = ScriptedModel([7, 8, 9])
        assert committed(run(model, template=(None,) * 3)) == committed(run(model))

    def test_no_blank_needs_no_step(self):
        model = ScriptedModel([7, 8])
        (only,) = run(model, template=(20, 21))
        assert only.finish_reason == "length" and only.tokens.tolist() == [20, 21] and not model.calls

    def test_a_stop_in_it_counts(self):
        steps = run(ScriptedModel([7, 8, 9, 10]), template=(None, None, 25, None), stop=("25",))
        assert steps[0].stop_position == 2
        assert steps[-1].answer_ids == [7, 8] and steps[-1].mask_index.tolist() == [False, False, False, True]


class TestGuidance:
    def test_the_second_row_is_the_answer_behind_a_prompt_of_masks(self):
        model = ScriptedModel([7, 8])
        run(model, cfg_scale=1.0, suffix="5 6")
        embeds = model.calls[1].embeds
        assert embeds.shape == (2, PROMPT_LENGTH + 2 + 2, 4)
        assert torch.equal(embeds[1, :PROMPT_LENGTH], model.embedding.weight[[MASK] * PROMPT_LENGTH])
        assert torch.equal(embeds[0, :PROMPT_LENGTH], torch.zeros(PROMPT_LENGTH, 4))
        assert torch.equal(embeds[0, PROMPT_LENGTH:], embeds[1, PROMPT_LENGTH:])
        assert torch.equal(embeds[0, PROMPT_LENGTH:], model.embedding.weight[[7, MASK, 5, 6]])

    def test_logits_are_pushed_away_from_the_unconditional(self):
        logits = torch.tensor([[[1.0, 4.0]], [[2.0, 3.0]]])
        assert apply_cfg(logits, 0.5).tolist() == [[[0.5, 4.5]]]
        assert apply_cfg(logits[:1], 0.0).tolist() == [[[1.0, 4.0]]]


class TestNoise:
    def test_it_is_the_rows_of_a_draw_for_the_whole_sequence(self):
        torch.manual_seed(5)
        first, second = (torch.rand(1, 20, 97, dtype=torch.float64)[0] for _ in range(2))
        noise = UniformNoise(5)
        noise._CHUNK = 1000
        assert torch.equal(noise.uniform(torch.tensor([4, 5, 17]), 20, 97), first[[4, 5, 17]])
        assert torch.equal(noise.uniform(torch.tensor([0]), 20, 97), second[[0]])

    def test_without_a_seed_it_is_torchs_own(self):
        model = ScriptedModel(list(range(7, 27)), [0.5] * 20)
        seeded = run(model, temperature=1.0, seed=11)
        torch.manual_seed(11)
        assert torch.equal(run(model, temperature=1.0)[-1].tokens, seeded[-1].tokens)

    def test_temperature_reaches_the_noise(self):
        wish = list(range(7, 27))
        cold, hot = (run(ScriptedModel(wish), temperature=temperature, seed=1) for temperature in (0.01, 10.0))
        assert cold[-1].tokens.tolist() == wish != hot[-1].tokens.tolist()

    @pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
    def test_tokens_are_drawn_from_the_tempered_softmax(self, temperature: float):
        logits = torch.tensor([0.0, 1.0, 2.0])
        uniform = torch.rand(40_000, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        drawn = add_gumbel_noise(logits.expand(len(uniform), -1), uniform, temperature).argmax(-1)
        frequencies = drawn.bincount(minlength=3) / len(drawn)
        torch.testing.assert_close(frequencies, (logits / temperature).softmax(-1), atol=0.01, rtol=0)

    def test_a_seed_decides_everything(self):
        model = ScriptedModel(list(range(7, 27)), [1.0] * 20)
        runs = [torch.stack([s.tokens for s in run(model, temperature=1.0, seed=seed)]) for seed in (3, 3, 4)]
        assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])

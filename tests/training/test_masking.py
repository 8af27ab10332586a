"""Ways to mask answers in training."""

import pytest
import torch

from lladav.configuration import IGNORE
from lladav.training.masking import MASKINGS, Answers, View, least_sure, stratified_times, view_loss
from lladav.training.objective import forward_process, masked_diffusion_loss

MASK, VOCAB = 9, 10


@pytest.fixture
def answers() -> Answers:
    """Two rows of two conversations; the first two tokens of each row are its prefix."""
    segments = torch.tensor([[0, 0, 1, 1, 1, 2, 2, 2], [0, 0, 1, 1, 2, 2, 2, -1]])
    labels = torch.tensor([[-100, -100, -100, 3, 4, -100, 5, 6], [-100, -100, 2, 3, -100, 4, 5, -100]])
    return Answers(labels.clamp(min=1), labels, segments, MASK)


def predict(input_ids: torch.Tensor) -> torch.Tensor:
    """Logits that grow along the row for token 7."""
    logits = torch.zeros(*input_ids.shape, VOCAB)
    logits[..., 7] = torch.arange(input_ids.shape[1]) + 1.0
    return logits


@pytest.mark.parametrize("name", MASKINGS)
def test_only_labelled_tokens_are_asked_for(name: str, answers: Answers):
    for seed in range(20):
        for view in MASKINGS[name](answers, predict, torch.Generator().manual_seed(seed)):
            assert not (view.targets & ~answers.labelled).any()
            unasked = ~answers.labelled
            assert torch.equal(view.input_ids[unasked], answers.input_ids[unasked])
            assert (view.scale[view.targets] > 0).all()


@pytest.mark.parametrize("name", [name for name in MASKINGS if name != "corrected"])
def test_what_is_asked_for_is_hidden_and_the_rest_is_not(name: str, answers: Answers):
    for view in MASKINGS[name](answers, predict, torch.Generator().manual_seed(1)):
        assert (view.input_ids[view.targets] == MASK).all()
        assert torch.equal(view.input_ids[~view.targets], answers.input_ids[~view.targets])


def test_the_bound_is_that_of_llada_v(answers: Answers):
    generator = torch.Generator().manual_seed(3)
    (view,) = MASKINGS["bound"](answers, predict, generator)
    same = torch.Generator().manual_seed(3)
    mask_index, p_mask = forward_process(answers.labels, same, stratified_times(answers.segments, same))
    assert torch.equal(view.targets, mask_index) and torch.allclose(view.scale, 1 / p_mask)
    logits, weights = torch.randn(*answers.labels.shape, VOCAB), torch.rand(answers.labels.shape)
    ours = view_loss(logits[view.targets], answers.labels, weights, view)
    torch.testing.assert_close(ours, masked_diffusion_loss(logits, answers.labels, mask_index, p_mask, weights))


def test_a_mask_and_its_complement_ask_for_everything_once(answers: Answers):
    one, other = MASKINGS["complementary"](answers, predict, torch.Generator().manual_seed(0))
    assert torch.equal(one.targets ^ other.targets, answers.labelled)


def test_times_from_the_middle():
    segments = torch.arange(1, 1001).repeat(1, 1)
    labels = torch.ones_like(segments)
    many = Answers(labels, labels, segments, MASK)
    even, often = (
        1 / MASKINGS[name](many, predict, torch.Generator().manual_seed(0))[0].scale for name in ("bound", "middle")
    )
    assert (
        ((even > 0.25) & (even < 0.75)).float().mean() < 0.55 < 0.7 < ((often > 0.25) & (often < 0.75)).float().mean()
    )


def test_the_mean_weighs_every_answer_alike(answers: Answers):
    (view,) = MASKINGS["mean"](answers, predict, torch.Generator().manual_seed(2))
    for row in range(2):
        for segment in (1, 2):
            inside = (answers.segments[row] == segment) & answers.labelled[row]
            asked = inside & view.targets[row]
            if asked.any():
                assert view.scale[row][asked].sum() == pytest.approx(inside.sum().item())


def test_the_least_sure_stay_hidden(answers: Answers):
    confidence = predict(answers.input_ids).softmax(-1).amax(-1)
    half = least_sure(confidence, answers, torch.full(answers.labels.shape, 0.5))
    assert half.nonzero().tolist() == [[0, 3], [0, 6], [1, 2], [1, 5]]
    assert torch.equal(least_sure(confidence, answers, torch.ones(answers.labels.shape)), answers.labelled)


def test_every_second_conversation_is_revealed_in_the_models_own_order(answers: Answers):
    one, two, three = (torch.Generator().manual_seed(6) for _ in range(3))
    (both,) = MASKINGS["mixed"](answers, predict, one)
    (anywhere,) = MASKINGS["bound"](answers, predict, two)
    MASKINGS["bound"](answers, predict, three)
    (surest,) = MASKINGS["own_order"](answers, predict, three)
    second = answers.segments == 2
    for name in ("targets", "scale"):
        expected = torch.where(second, getattr(surest, name), getattr(anywhere, name))
        assert torch.equal(getattr(both, name)[answers.labelled], expected[answers.labelled])


def test_the_corrector_is_given_what_the_model_says(answers: Answers):
    masks, filled = MASKINGS["corrected"](answers, predict, torch.Generator().manual_seed(5))
    assert (filled.input_ids[masks.targets] == 7).all() and torch.equal(filled.targets, answers.labelled)
    assert torch.equal(filled.input_ids[~masks.targets], answers.input_ids[~masks.targets])


def test_nothing_asked_costs_nothing(answers: Answers):
    nothing = torch.zeros_like(answers.labelled)
    view = View(answers.input_ids, nothing, torch.ones(nothing.shape))
    assert view_loss(torch.empty(0, VOCAB), answers.labels, torch.ones(nothing.shape), view) == 0
    assert IGNORE not in answers.input_ids

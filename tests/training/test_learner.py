"""What is trained: the model and its helpers."""

import pytest
import torch

from lladav.configuration import IGNORE
from lladav.modeling import LladaVForMaskedDiffusion
from lladav.training.data import NO_SEGMENT, PREFIX, SceneData
from lladav.training.learner import LOUDNESS, Learner
from lladav.training.recipes import (
    tiny_config,
)


def test_a_packed_conversation_cannot_read_the_answers_of_others(tokenizer):
    """Not even through the picture, which all of them see."""
    torch.manual_seed(0)
    learner = Learner(LladaVForMaskedDiffusion(tiny_config(tokenizer)), tokenizer)
    for questions in (3, 1):
        batch = SceneData(tokenizer, patches=8).batch("seed", scenes=1, questions=questions, max_items=3, pixels=False)
        pictures = learner.symbols(batch, learner.model.get_input_embeddings())
        first = (batch.segments == 1) & (batch.labels != IGNORE)
        answered, hidden = (
            learner.hidden(batch, ids, pictures, causal=False)
            for ids in (batch.input_ids, batch.input_ids.masked_fill(first, learner.mask_token_id))
        )
        same = [torch.equal(answered[batch.segments == s], hidden[batch.segments == s]) for s in range(questions + 1)]
        assert same == [questions > 1, False, *[True] * (questions - 1)]


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("questions", [1, 5])
def test_packed_conversations_are_run_as_under_one_mask_over_the_whole_row(tokenizer, causal, questions):
    torch.manual_seed(0)
    learner = Learner(LladaVForMaskedDiffusion(tiny_config(tokenizer, is_causal=causal)), tokenizer)
    data = SceneData(tokenizer, patches=8)
    batch = data.batch("blind", scenes=40, questions=questions, max_items=3, pixels=False)  # some show no picture
    assert (batch.segments[:, 40] == NO_SEGMENT).any() and (batch.segments[:, 40] == PREFIX).any()
    pictures = learner.symbols(batch, learner.model.get_input_embeddings())
    embeds = learner.model.get_input_embeddings()(batch.input_ids)
    embeds[batch.image_index] = pictures.flatten(0, 1)
    query, key = batch.segments[:, :, None], batch.segments[:, None, :]
    seen = (key == PREFIX) | (query == key) | ((query == PREFIX) & (key == 1) & (questions == 1))
    mask = (seen.tril() if causal else seen)[:, None]
    expected = learner.model.model.language_model(
        inputs_embeds=embeds,
        attention_mask=torch.zeros(()).where(mask, torch.finfo(torch.float32).min),
        position_ids=batch.positions,
    ).last_hidden_state
    there = batch.segments != NO_SEGMENT
    hidden = learner.hidden(batch, batch.input_ids, pictures, causal)
    torch.testing.assert_close(hidden[there], expected[there], atol=2e-5, rtol=1e-4)


def test_left_to_right_a_token_is_read_off_the_one_before_it(tokenizer, monkeypatch):
    learner = Learner(LladaVForMaskedDiffusion(tiny_config(tokenizer, is_causal=True)), tokenizer)
    batch = SceneData(tokenizer, patches=8).batch("seed", scenes=2, questions=2, max_items=3, pixels=False)
    coming = torch.nn.functional.one_hot(batch.input_ids.roll(-1, 1), len(tokenizer)) * 30.0
    monkeypatch.setattr(learner, "hidden", lambda *_, causal: coming if causal else None)
    learner.model.lm_head = torch.nn.Identity()
    loss, _ = learner(batch, "autoregressive", torch.Generator(), pixels=False)
    assert loss.item() == pytest.approx(0, abs=1e-5)


class Said(torch.nn.Module):
    """What a function says."""

    def __init__(self, say):
        super().__init__()
        self.forward = say


def test_what_is_no_character_is_seen_as_before_while_characters_are_learnt(tokenizer):
    torch.manual_seed(0)
    learner = Learner(LladaVForMaskedDiffusion(tiny_config(tokenizer)), tokenizer)
    data, generator = SceneData(tokenizer, patches=8), torch.Generator()
    learner.remember()
    things, signs = (data.batch("seed", scenes=2, questions=1, max_items=3, sign_share=share) for share in (0.0, 1.0))
    named, widened = (learner(things, objective, generator)[0] for objective in ("dense", "widen"))
    torch.testing.assert_close(widened, named)
    assert learner(signs, "widen", generator)[0] > learner(signs, "dense", generator)[0] + 0.5
    with torch.no_grad():
        learner.model.model.projector.linear_2.bias += 1
    assert learner(things, "widen", generator)[0] > named + 0.5
    assert not [name for name, weight in learner.before.named_parameters() if weight.requires_grad]


def test_a_character_adds_the_vector_of_its_word(tokenizer):
    torch.manual_seed(0)
    learner = Learner(LladaVForMaskedDiffusion(tiny_config(tokenizer)), tokenizer)
    batch = SceneData(tokenizer, patches=8).batch("seed", scenes=2, questions=1, max_items=3, sign_share=1.0)
    embedding = learner.model.get_input_embeddings()
    learner.remember()
    words = embedding(learner.symbols.words)[batch.names - 1] * (batch.strength * (batch.names > 0))[..., None]
    projector = learner.before[1]
    learner.model.model.projector = Said(lambda features: projector(features) + LOUDNESS * words)
    named, widened = (learner(batch, objective, torch.Generator())[0] for objective in ("dense", "widen"))
    torch.testing.assert_close(widened, named)


def test_what_is_remembered_is_how_the_model_sees_then_and_not_later(tokenizer):
    torch.manual_seed(0)
    learner = Learner(LladaVForMaskedDiffusion(tiny_config(tokenizer)), tokenizer)
    assert not len(learner.before)
    sight = [learner.model.model.vision_tower, learner.model.model.projector]
    for moved in (0, 1):
        with torch.no_grad():
            learner.model.model.projector.linear_2.bias += moved
        learner.remember()
        for now, then in zip(sight, learner.before, strict=True):
            assert all(torch.equal(ours, kept) for ours, kept in zip(now.parameters(), then.parameters(), strict=True))
    with torch.no_grad():
        learner.model.model.projector.linear_2.bias += 1
    assert not torch.equal(learner.model.model.projector.linear_2.bias, learner.before[1].linear_2.bias)

"""What is trained: the model and its helpers."""

import pytest
import torch

from lladav.configuration import IGNORE
from lladav.modeling import LladaVForMaskedDiffusion
from lladav.training.data import NO_SEGMENT, PREFIX, SceneData
from lladav.training.learner import Learner
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

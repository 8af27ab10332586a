"""Which positions are a picture's, and steps without those that nobody looks at."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from helpers import CONVERSATIONS, assert_rows_are_solo_runs, assert_same, joined
from sampling import references
from torch import Tensor

from lladav import LladaVPipeline, SamplingConfig, sample
from lladav.sampling.picture import picture_masks, with_features, without_least

CONFIG = SamplingConfig(gen_length=8, block_length=8, steps=4, stop=(), keep_image_tokens=0.3)


@pytest.fixture(params=["tiny", "golden"])
def subject(request: pytest.FixtureRequest) -> SimpleNamespace:
    """A model and its inputs for a question about a picture."""
    if request.param == "golden":
        inputs = request.getfixturevalue("golden_inputs")("tiny30x20")
        return SimpleNamespace(model=request.getfixturevalue("golden_model"), inputs=inputs)
    pipe = request.getfixturevalue("tiny_pipeline")
    return SimpleNamespace(model=pipe.model, inputs=pipe.processor.apply_chat_template(CONVERSATIONS[1]))


def test_the_least_looked_at_go():
    is_picture = torch.tensor([False, True, True, True, False, True, False, False])
    attention = torch.tensor([0.0, 0.3, 0.1, 0.2, 0.0, 0.4])
    assert without_least(is_picture, attention, 0.5).tolist() == [True, True, False, False, True, True, True, True]
    assert without_least(is_picture, attention, 0.51).tolist() == [True, True, False, True, True, True, True, True]
    assert without_least(is_picture, attention, 1.0).all()
    assert without_least(torch.zeros(8, dtype=torch.bool), attention, 0.5).all()


def test_pictures_stand_where_their_features_do(tiny_pipeline):
    batch = joined([tiny_pipeline.processor.apply_chat_template(messages) for messages in CONVERSATIONS])
    inputs = with_features(tiny_pipeline.model, batch)
    masks = picture_masks(tiny_pipeline.model, inputs)
    embeds, attention_mask = tiny_pipeline.model.embed_prompt(**inputs)
    assert [int(mask.sum()) for mask in masks] == [0, 64, 64]
    features = iter(inputs["image_features"])
    for mask, row, kept in zip(masks, embeds, attention_mask.bool(), strict=True):
        assert not mask.any() or torch.equal(row[kept][mask], next(features))


class TestMasks:
    KEPT = torch.tensor([[0, 1, 1, 1], [1, 1, 1, 1]])
    MODEL = SimpleNamespace(config=SimpleNamespace(image_token_id=9))

    def masks(self, **inputs) -> list[list[bool]]:
        found = picture_masks(self.MODEL, inputs)
        assert all(mask.dtype == torch.bool and mask.dim() == 1 for mask in found)
        return [mask.tolist() for mask in found]

    def test_embeddings_are_no_pictures_unless_it_is_said(self):
        embeds = torch.zeros(2, 4, 3)
        assert self.masks(inputs_embeds=embeds) == [[False] * 4] * 2
        assert self.masks(inputs_embeds=embeds, attention_mask=self.KEPT) == [[False] * 3, [False] * 4]

    def test_padding_is_left_out(self):
        told = torch.tensor([[True, False, True, False], [True, False, False, True]])
        embeds = torch.zeros(2, 4, 3)
        expected = [[False, True, False], [True, False, False, True]]
        assert self.masks(inputs_embeds=embeds, image_mask=told, attention_mask=self.KEPT) == expected
        assert self.masks(inputs_embeds=embeds, image_mask=told) == told.tolist()

    def test_a_picture_takes_as_many_positions_as_it_has_features(self):
        ids, features = torch.tensor([[9, 9, 5, 5], [5, 5, 9, 5]]), [torch.zeros(n, 3) for n in (1, 2, 3)]
        whole = [[True] * 3 + [False] * 2, [False] * 2 + [True] * 3 + [False]]
        assert self.masks(input_ids=ids, image_features=features) == whole
        kept = self.masks(input_ids=ids, image_features=features, attention_mask=self.KEPT)
        assert kept == [[True] * 2 + [False] * 2, whole[1]]


@torch.no_grad()
def test_a_run_with_fewer_image_tokens_is_its_reference(subject):
    model, inputs = subject.model, with_features(subject.model, subject.inputs)
    prefix, _ = model.embed_prompt(**inputs)
    (is_picture,), first = picture_masks(model, inputs), prefix.shape[1]

    def predict(tokens: list[int], columns: list[int]) -> Tensor:
        answer = model.get_input_embeddings()(torch.tensor([tokens]))
        places = torch.tensor([[*columns, *range(first, first + len(tokens))]])
        embeds = torch.cat([prefix[:, columns], answer], dim=1)
        logits = model(inputs_embeds=embeds, position_ids=places).logits[0, len(columns) :]
        return logits.index_fill(1, torch.tensor(model.config.suppress_token_ids), -torch.inf).softmax(
            -1, torch.float64
        )

    def attend(tokens: list[int]) -> Tensor:
        embeds = torch.cat([prefix, model.get_input_embeddings()(torch.tensor([tokens]))], dim=1)
        layers = model(inputs_embeds=embeds, output_attentions=True).attentions
        return torch.stack([layer[0, first:] for layer in layers])

    steps = [step.tokens.tolist() for step in sample(model, inputs, CONFIG)][1:]
    mask = model.config.mask_token_id
    assert steps == list(references.fewer_image_tokens(predict, mask, CONFIG, is_picture, attend))
    whole = list(sample(model, inputs, replace(CONFIG, keep_image_tokens=1.0)))
    assert steps != [step.tokens.tolist() for step in whole][1:], "what is dropped matters"


def lengths_of_passes(model, inputs, config: SamplingConfig, monkeypatch) -> list[int]:
    widths, forward = [], model.forward
    monkeypatch.setattr(
        model, "forward", lambda **given: widths.append(given["inputs_embeds"].shape[1]) or forward(**given)
    )
    list(sample(model, inputs, config))
    return widths


@pytest.mark.parametrize("interval", [None, 2])
def test_what_is_dropped_is_not_run_again(subject, interval: int | None, monkeypatch):
    inputs = with_features(subject.model, subject.inputs)
    (is_picture,) = picture_masks(subject.model, inputs)
    whole, pictures = len(is_picture) + 8, int(is_picture.sum())
    fewer = whole - pictures + math.ceil(0.3 * pictures)
    widths = lengths_of_passes(subject.model, inputs, replace(CONFIG, refresh_interval=interval), monkeypatch)
    assert widths == ([whole, fewer, fewer, fewer] if interval is None else [whole, 8, fewer, 8])


@pytest.mark.parametrize("settings", [{}, {"cfg_scale": 1.0}, {"remasking": "vrcd"}, {"refresh_interval": 2}])
def test_rows_of_a_batch_keep_their_own(tiny_pipeline: LladaVPipeline, settings: dict):
    prompts = [tiny_pipeline.processor.apply_chat_template(messages) for messages in CONVERSATIONS]
    assert_rows_are_solo_runs(tiny_pipeline, joined(prompts), prompts, replace(CONFIG, **settings))


@pytest.mark.parametrize("remasking", ["low_confidence", "vrcd"])
def test_a_cache_that_is_always_fresh_changes_nothing(subject, remasking: str):
    config = replace(CONFIG, remasking=remasking)
    for one, other in zip(
        sample(subject.model, subject.inputs, config),
        sample(subject.model, subject.inputs, replace(config, refresh_interval=1)), strict=True,
    ):  # fmt: skip
        assert_same(one, other)


def test_keys_and_values_stay_with_what_is_kept(tiny_random):
    """In one layer, where keys and values depend on nothing else, a cache is exact."""
    pipe = LladaVPipeline.from_pretrained(tiny_random, device="cpu")
    pipe.model.model.language_model.layers = pipe.model.model.language_model.layers[:1]
    inputs = pipe.processor.apply_chat_template(CONVERSATIONS[2])
    for compiled in (False, True):
        cached = sample(pipe.model, inputs, replace(CONFIG, refresh_interval=4), None, compiled)
        for one, other in zip(sample(pipe.model, inputs, CONFIG), cached, strict=True):
            assert_same(one, other)


def test_a_growing_answer_drops_them_too(tiny_pipeline):
    config = SamplingConfig.method("daedal", gen_length=16, start_length=4, keep_image_tokens=0.5)
    *_, last = sample(
        tiny_pipeline.model, tiny_pipeline.processor.apply_chat_template(CONVERSATIONS[1]), config,
        tiny_pipeline.tokenizer,
    )  # fmt: skip
    assert last.finish_reason

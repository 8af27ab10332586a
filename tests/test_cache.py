import copy
import gc
import pickle
from collections.abc import Callable

import pytest
import torch
from helpers import picture_message
from PIL import Image
from transformers import DynamicCache

from lladav.cache import FeatureCache, PromptCache
from lladav.sampling import SamplingConfig

SETTINGS = {"gen_length": 16, "block_length": 8, "steps": 8, "stop": ()}
VARIANTS = [
    {},
    {"cfg_scale": 1.0},
    {"suffix": " Yes."},
    {"temperature": 0.7, "seed": 5},
    {"remasking": "random", "seed": 5},
]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_refreshing_at_every_step_is_exact(tiny_pipeline, variant: dict):
    messages = [picture_message("What is this?")]
    exact = tiny_pipeline.stream(messages, SamplingConfig(**SETTINGS, **variant))
    cached = tiny_pipeline.stream(messages, SamplingConfig(**SETTINGS, **variant, refresh_interval=1))
    for one, other in zip(exact, cached, strict=True):
        assert torch.equal(one.tokens, other.tokens)
        assert torch.equal(one.confidence, other.confidence)
        assert torch.equal(one.top_probs, other.top_probs)


@pytest.mark.parametrize("variant", [{}, {"cfg_scale": 1.0}], ids=str)
def test_a_refresh_never_due_again_still_starts_exact(tiny_pipeline, variant: dict):
    messages = [picture_message("What is this?")]
    exact = list(tiny_pipeline.stream(messages, SamplingConfig(**SETTINGS, **variant)))
    cached = list(tiny_pipeline.stream(messages, SamplingConfig(**SETTINGS, **variant, refresh_interval=100)))
    assert torch.equal(exact[1].confidence, cached[1].confidence)
    assert not torch.equal(exact[2].confidence, cached[2].confidence)
    assert not cached[-1].mask_index.any()


@torch.no_grad()
def test_between_refreshes_the_answer_sees_the_prompt_of_the_last_one(tiny_pipeline):
    """Against transformers' own cache, holding the prompt's part of one whole run."""
    model = tiny_pipeline.model
    generator = torch.Generator().manual_seed(0)
    prompt, first, second = (torch.randint(10, 300, (2, length), generator=generator) for length in (20, 6, 6))
    cache, reference = PromptCache(20, refresh_interval=2), DynamicCache()

    assert cache.begin_step(0)
    model(input_ids=torch.cat([prompt, first], 1), past_key_values=cache)
    model(input_ids=torch.cat([prompt, first], 1), past_key_values=reference)
    for layer in reference.layers:
        layer.keys, layer.values = layer.keys[:, :, :20], layer.values[:, :, :20]
    assert not cache.begin_step(1)
    logits = model(input_ids=second, past_key_values=cache).logits
    torch.testing.assert_close(logits, model(input_ids=second, past_key_values=reference).logits)

    assert cache.begin_step(2)
    whole = torch.cat([prompt, second], 1)
    assert torch.equal(model(input_ids=whole, past_key_values=cache).logits, model(input_ids=whole).logits)


def test_the_prompt_is_run_only_when_due(tiny_pipeline, monkeypatch):
    lengths = []
    forward = tiny_pipeline.model.forward

    def spy(**kwargs):
        lengths.append(kwargs["inputs_embeds"].shape[1])
        return forward(**kwargs)

    monkeypatch.setattr(tiny_pipeline.model, "forward", spy)
    messages = [picture_message("What is this?")]
    list(tiny_pipeline.stream(messages, SamplingConfig(**SETTINGS, suffix="!", refresh_interval=3)))
    answer = 16 + 1
    whole = tiny_pipeline.prompt_length(messages) + answer
    assert lengths == [whole, answer, answer, whole, answer, answer, whole, answer]


@pytest.mark.parametrize("refresh_interval", [None, 4])
def test_nothing_piles_up_from_step_to_step(tiny_pipeline, refresh_interval: int | None):
    """But records, where they are kept."""
    config = SamplingConfig(**SETTINGS | {"steps": 16}, refresh_interval=refresh_interval)
    steps = tiny_pipeline.stream([picture_message("What is this?")], config)
    alive = [
        sum(isinstance(thing, torch.Tensor) for thing in gc.get_objects()) for step in steps if step.step in (2, 10, 14)
    ]
    assert alive[0] == alive[1] == alive[2]


class TestFeatureCache:
    def test_what_is_kept_is_not_worked_out_again(self):
        cache, made = FeatureCache(2), []

        def look_up(key: str) -> int:
            return cache.get(key, lambda: made.append(key) or len(made))

        assert [look_up(key) for key in "abaab"] == [1, 2, 1, 1, 2]
        assert made == ["a", "b"]

    def test_the_one_unused_for_longest_is_dropped(self):
        cache, made = FeatureCache(2), []
        for key in "abacab":
            cache.get(key, lambda key=key: made.append(key))
        assert made == ["a", "b", "c", "b"]

    def test_room_for_none_is_refused(self):
        with pytest.raises(ValueError, match="maxsize must be at least 1, got 0"):
            FeatureCache(0)

    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda cache: pickle.loads(pickle.dumps(cache))])
    def test_a_copy_starts_empty(self, copied: Callable):
        cache = FeatureCache(3)
        cache.get("a", lambda: torch.zeros(1))
        other = copied(cache)
        assert other.maxsize == 3
        assert other.get("a", lambda: torch.ones(1)) == 1
        assert cache.get("a", lambda: torch.ones(1)) == 0


@pytest.fixture
def tower_runs(tiny_pipeline, monkeypatch) -> list[int]:
    """How many pictures each run of the vision tower was given."""
    runs, tower = [], tiny_pipeline.model.get_image_features

    def spy(**pictures):
        runs.append(len(pictures["tile_counts"]))
        return tower(**pictures)

    monkeypatch.setattr(tiny_pipeline.model, "get_image_features", spy)
    return runs


def test_a_conversation_runs_the_tower_once_a_picture(tiny_pipeline, tower_runs):
    features, config = FeatureCache(), SamplingConfig(**SETTINGS)
    red, green = (picture_message("What is this?", color) for color in ("red", "green"))
    answer = {"role": "assistant", "content": "A circle."}
    for messages in ([red], [red, answer, red], [red, answer, green], [green]):
        expected = list(tiny_pipeline.stream(messages, config))
        tower_runs.clear()
        for one, other in zip(tiny_pipeline.stream(messages, config, features=features), expected, strict=True):
            assert torch.equal(one.tokens, other.tokens) and torch.equal(one.confidence, other.confidence)
        assert tower_runs == ([1] if messages in ([red], [red, answer, green]) else [])
    assert tiny_pipeline([green], config, features=features).token_ids == expected[-1].answer_ids and not tower_runs


def test_equal_tiles_of_another_size_are_another_picture(tiny_pipeline, tower_runs):
    features, config = FeatureCache(), SamplingConfig(**SETTINGS)
    for size in [(64, 64), (96, 96), (64, 64)]:
        image = {"type": "image", "image": Image.new("RGB", size, "red")}
        list(tiny_pipeline.stream([{"role": "user", "content": [image]}], config, features=features))
    assert tower_runs == [1, 1]


def test_the_canvas_does_not_wait_for_the_tower(tiny_pipeline, tower_runs):
    steps = tiny_pipeline.stream([picture_message("What is this?")], SamplingConfig(**SETTINGS))
    next(steps)
    assert not tower_runs
    next(steps)
    assert tower_runs == [1]


def test_a_cache_of_features_has_room_for_one_at_least_and_for_eight_by_default():
    assert FeatureCache(1).maxsize == 1 and FeatureCache().maxsize == 8
    with pytest.raises(ValueError, match="maxsize must be at least 1, got 0"):
        FeatureCache(0)


def test_masks_span_what_is_kept_and_what_is_run():
    cache = PromptCache(5, 2)
    sizes = []
    for step in range(2):
        cache.begin_step(step)
        sizes.append(cache.get_mask_sizes(3, 0))
    assert sizes == [(3, 0), (8, 0)]

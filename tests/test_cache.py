import pytest
import torch
from conftest import picture_message
from transformers import DynamicCache

from lladav.cache import PromptCache
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

"""Elastic-Cache is its reference on the published layout; refreshed in every step it is the default loop."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from helpers import picture_message
from sampling.references import Path, at_least_one, fill, masks
from torch import Tensor

from lladav import SamplingConfig, sample, sample_batch
from lladav.sampling.elastic import most_attended, similarity

LENGTH = 24
CONFIG = SamplingConfig.method("elastic", gen_length=LENGTH, threshold=0.25, window_length=8, stop=())


@torch.no_grad()
def reference(model: Any, prompt: Tensor, config: SamplingConfig, begins: list[int]) -> Path:
    """The paper's pseudocode, on a prompt (L, D); adds to `begins` the layer from which each step runs everything."""
    decoder, embed, mask = model.model.language_model, model.get_input_embeddings(), model.config.mask_token_id
    width, count, first = decoder.layers[0].self_attn.head_dim, len(decoder.layers), len(prompt)
    everything, kept = list(range(first + config.gen_length)), {}  # layer: what entered it, its keys, its values

    def heads(states: Tensor, columns: list[int] | None = None) -> Tensor:
        states = states.unflatten(-1, (-1, width))
        if columns is None:
            return states
        angles = torch.tensor(columns)[:, None, None] * decoder.rotary_emb.inv_freq
        real, imaginary = states.chunk(2, dim=-1)
        turned = (real * angles.cos() - imaginary * angles.sin(), imaginary * angles.cos() + real * angles.sin())
        return torch.cat(turned, dim=-1)

    def looks(index: int, states: Tensor, columns: list[int]) -> Tensor:
        layer = decoder.layers[index]
        queries = heads(layer.self_attn.q_proj(layer.input_layernorm(states)), columns)
        return (torch.einsum("qhd,khd->hqk", queries, kept[index][1]) / width**0.5).softmax(-1)

    tokens, before, tracked = [mask] * config.gen_length, None, []
    while left := masks(tokens, mask):
        window, columns, looked_at = [first + i for i in left[: config.window_length]], everything, set()
        if before is not None and config.drift_threshold <= 1:
            changed = [first + i for i in range(len(tokens)) if tokens[i] != before[i]]
            columns = sorted({*tracked, *changed, *window})
        states = torch.cat([prompt, embed(torch.tensor(tokens))])[columns]
        begins.append(0 if columns == everything else count)
        for index, layer in enumerate(decoder.layers):
            reused = columns != everything
            old = looks(index, kept[index][0][tracked], tracked).mean(0) if reused else None
            normalized, attention = layer.input_layernorm(states), layer.self_attn
            new = states, heads(attention.k_proj(normalized), columns), heads(attention.v_proj(normalized))
            kept[index] = [part.clone() for part in (kept[index] if reused else new)]
            for part, made in zip(kept[index], new, strict=True):
                part[columns] = made
            weights = looks(index, states, columns)
            states = states + attention.o_proj(torch.einsum("hqk,khd->qhd", weights, kept[index][2]).flatten(1))
            states = states + layer.mlp(layer.post_attention_layernorm(states))
            row = dict(zip(columns, weights.mean(0), strict=True))
            total = sum(row[c] for c in window)
            looked_at.add(max((c for c in everything if c - first not in left), key=lambda c: float(total[c])))
            if old is not None and index + 1 < count:
                now = torch.stack([row[c] for c in tracked])
                if (old * now).sum() / old.norm() / now.norm() < config.drift_threshold:
                    begins[-1], whole = index + 1, kept[index + 1][0].clone()
                    whole[columns] = states
                    columns, states = everything, whole
        logits = model.lm_head(decoder.norm(states))
        logits[:, model.config.suppress_token_ids] = -torch.inf
        p = logits[[columns.index(c) for c in window]].softmax(-1, torch.float64)
        asked, best = left[: config.window_length], torch.zeros(len(tokens), dtype=torch.long)
        confidence = best.double()
        confidence[asked], best[asked] = p.max(-1)
        sure = [i for i in asked if confidence[i] > config.threshold]
        before, tracked, tokens = tokens, sorted(looked_at), fill(tokens, best, at_least_one(sure, asked, confidence))
        yield tokens


@pytest.fixture(scope="module", params=["text_only", "tiny30x20"])
def prompt(request: pytest.FixtureRequest, golden_model, golden_inputs) -> Tensor:
    """The embeddings (1, L, D) of a prompt in words, or with a picture."""
    with torch.no_grad():
        return golden_model.embed_prompt(**golden_inputs(request.param))[0]


@pytest.mark.parametrize(("drift", "window"), [(0.0, 8), (0.9, 4), (0.95, LENGTH), (0.99, 8), (0.9999, 4), (1.1, 8)])
def test_it_is_its_reference(drift: float, window: int, prompt, golden_model):
    config, begins = replace(CONFIG, drift_threshold=drift, window_length=window), []
    steps = list(sample(golden_model, {"inputs_embeds": prompt}, config))
    assert [step.tokens.tolist() for step in steps[1:]] == list(reference(golden_model, prompt[0], config, begins))
    assert steps[-1].nfe == len(begins)


def test_layers_are_refreshed_from_where_they_drift(golden_model, golden_inputs):
    """So that the reference is asked about all there is: steps that refresh nothing, a layer, two, and everything."""
    begins: list[int] = []
    prompt = golden_model.embed_prompt(**golden_inputs("text_only"))[0]
    list(reference(golden_model, prompt[0], replace(CONFIG, drift_threshold=0.99), begins))
    assert set(begins) == {0, 1, 2, 3}


EXACT = {"drift_threshold": 1.1, "window_length": LENGTH}
DEFAULT = SamplingConfig(gen_length=LENGTH, block_length=LENGTH, steps=LENGTH, stop=())


@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"threshold": 0.25},
        {"cfg_scale": 1.0},
        {"suffix": " Yes."},
        {"temperature": 0.7, "seed": 5},
        {"block_length": 8, "steps": 6},
        {"revision": "token_to_mask", "revision_threshold": 0.1, "threshold": 0.1},
        {"revision": "remdm", "revision_rounds": 3},
    ],
    ids=str,
)
def test_refreshing_at_every_step_is_the_default_loop(variant: dict, tiny_pipeline):
    config, messages = replace(DEFAULT, **variant), [picture_message("What is this?")]
    ours = tiny_pipeline.stream(messages, replace(config, **EXACT))
    for one, other in zip(ours, tiny_pipeline.stream(messages, config), strict=True):
        for name in ("tokens", "transfer_index", "revoked_index", "confidence", "top_ids", "top_probs"):
            assert torch.equal(getattr(one, name), getattr(other, name))
        assert one.nfe == other.nfe and one.finish_reason == other.finish_reason


@pytest.mark.parametrize(
    "variant",
    [
        {"cfg_scale": 1.0},
        {"suffix": " Yes."},
        {"block_length": 6, "steps": 12, "threshold": None},
        {"template": (None,) * 20 + (5, None, 7, None)},
        {"revision": "token_to_mask", "revision_threshold": 0.1},
        {"revision": "saber", "threshold": None},
        {"revision": "remdm", "revision_rounds": 3, "threshold": None},
        {"kl_threshold": 0.1},
        {"remasking": "credit"},
        {"delimiter_threshold": 0.05, "delimiters": ("!",)},
    ],
    ids=str,
)
def test_it_goes_with_other_choices(variant: dict, tiny_pipeline):
    config = replace(CONFIG, drift_threshold=0.99, **variant)
    *_, last = tiny_pipeline.stream([picture_message("What is this?")], config)
    assert not last.mask_index.any() and last.nfe <= config.most_steps


def test_a_calm_step_runs_the_window_what_was_written_and_what_was_looked_at(tiny_pipeline, monkeypatch):
    model, lengths = tiny_pipeline.model, []
    layer = model.model.language_model.layers[0]
    forward = layer.forward

    def spy(hidden: Tensor, *args: Any) -> Tensor:
        lengths.append(hidden.shape[1])
        return forward(hidden, *args)

    monkeypatch.setattr(layer, "forward", spy)
    prompt = torch.zeros(1, 40, model.config.text_config.hidden_size)
    config = replace(CONFIG, threshold=None, drift_threshold=0.0, window_length=4)
    list(sample(model, {"inputs_embeds": prompt}, config))
    layers = model.config.text_config.num_hidden_layers
    assert lengths[0] == 40 + LENGTH and len(lengths) == LENGTH
    assert max(lengths[1:]) <= 4 + 1 + layers


def test_only_the_window_is_asked_about(tiny_pipeline):
    config = replace(CONFIG, threshold=None, window_length=4)
    steps = list(tiny_pipeline.stream([picture_message("What is this?")], config))
    for before, after in pairwise(steps):
        asked = before.mask_index & (after.top_probs[:, 0] > 0)
        assert torch.equal(asked.nonzero(), before.mask_index.nonzero()[:4])


def test_attention_is_compared_as_one_vector():
    before, after = torch.tensor([[[3.0, 0.0], [0.0, 4.0]]]), torch.tensor([[[3.0, 0.0], [4.0, 0.0]]])
    assert similarity(before, after) == pytest.approx(9 / 25)
    assert similarity(before, before) == pytest.approx(1)


def test_the_most_attended_token_is_no_mask():
    attention = torch.tensor([[[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]]])
    assert most_attended(attention, torch.tensor([False, False, True])) == 1
    assert most_attended(attention[:, :0], torch.tensor([True, False, False])) == 1  # nobody looks


def test_a_token_is_masked_again_in_a_run_of_many(tiny_pipeline):
    messages = [picture_message("What is this?")]
    trace = tiny_pipeline(messages, CONFIG).trace
    config = trace.branch(len(trace.steps), {LENGTH - 1: None})
    assert config.steps == 1, "which would commit more than a window of a whole answer"
    (*_, before), (*_, after) = trace.replay(), tiny_pipeline(messages, config).trace.replay()
    assert after.tokens[:-1].tolist() == before.tokens[:-1].tolist()


def test_prompts_are_taken_one_at_a_time(tiny_pipeline):
    batch = {"inputs_embeds": torch.zeros(2, 3, tiny_pipeline.model.config.text_config.hidden_size)}
    with pytest.raises(ValueError, match="drift_threshold takes one prompt at a time, got 2"):
        next(sample_batch(tiny_pipeline.model, batch, CONFIG))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"refresh_interval": 4}, "drift_threshold does not go with refresh_interval, got 4: unset one"),
        ({"gap_thresholds": (1, 1, 1)}, r"drift_threshold does not go with gap_thresholds, got \(1, 1, 1\)"),
        ({"revision": "wino", "revision_threshold": 0.9}, "drift_threshold does not go with revision, got 'wino'"),
        ({"remasking": "vrcd"}, "drift_threshold does not go with remasking, got 'vrcd'"),
        ({"keep_image_tokens": 0.5}, "drift_threshold does not go with keep_image_tokens, got 0.5"),
        ({"start_length": 4, "stop": ("!",)}, "start_length does not go with drift_threshold, got 0.9"),
        ({"steps": 2}, "window_length must be at least what the schedule commits in a step, got 8 and 12"),
        ({"steps": 4, "schedule_shift": 0.2}, "window_length must be at least .*, got 8 and 14"),
        (  # of the last block
            {"block_length": 8, "steps": 6, "template": (*[1] * 16, *[None] * 8), "window_length": 3},
            "window_length must be at least .*, got 3 and 4",
        ),
        ({"window_length": 0}, "window_length must be a positive whole number, got 0"),
        ({"drift_threshold": -1}, "drift_threshold must be zero, a positive number or None, got -1"),
    ],
)
def test_what_does_not_go_with_it_is_refused(changes: dict, words: str):
    with pytest.raises(ValueError, match=words):
        replace(CONFIG, **changes)


def test_a_window_as_long_as_what_a_step_commits_is_enough():
    assert replace(CONFIG, steps=3).window_length == 8
    lengths = {"gen_length": 4, "block_length": 2, "steps": 2, "template": (1, None, None, 1)}
    assert replace(CONFIG, **lengths, window_length=1).window_length == 1, "a block has one mask to fill"

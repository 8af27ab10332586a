"""Every method is its reference, answer by answer, on a model of one layer and on the published layout."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers import ROOT
from sampling import references
from scripted import WORDS, Neighbors
from torch import Tensor

from lladav import SamplingConfig, SamplingStep, sample
from lladav.sampling.denoiser import token_frequencies
from lladav.sampling.methods import METHODS, method_of, method_settings

# What makes each of them act on models that are never as sure as trained ones, by a model's name.
ACTING: dict[str, dict[str, dict[str, Any]]] = {
    "margin": {"neighbors": {}, "golden": {}},
    "entropy": {"neighbors": {}, "golden": {}},
    "left_to_right": {"neighbors": {}, "golden": {}},
    "pc_sampler": {"neighbors": {}, "golden": {}},
    "threshold": {"neighbors": {"threshold": 0.7}, "golden": {"threshold": 0.25}},
    "klass": {
        "neighbors": {"threshold": 0.6, "kl_threshold": 0.2},
        "golden": {"threshold": 0.1, "kl_threshold": 0.2},
    },
    "local_leap": {
        "neighbors": {"threshold": 0.8, "relaxed_threshold": 0.5, "anchor_radius": 2},
        "golden": {"threshold": 0.3, "relaxed_threshold": 0.1, "anchor_radius": 2},
    },
    "credit": {"neighbors": {"threshold": 0.8}, "golden": {"threshold": 0.4}},
    "token_to_mask": {
        "neighbors": {"threshold": 0.5},
        "golden": {"threshold": 0.2, "revision_threshold": 0.2},
    },
    "saber": {"neighbors": {}, "golden": {}},
    "remdm": {"neighbors": {"revision_rounds": 5}, "golden": {"revision_rounds": 5}},
    "adablock": {
        "neighbors": {"threshold": 0.7, "delimiters": ("6", "8"), "block_length": 6},
        "golden": {"threshold": 0.3, "delimiters": ("772", "1405"), "delimiter_threshold": 0.2, "block_length": 6},
    },
    "prophet": {"neighbors": {"gap_thresholds": (3, 0.8, 0.5)}, "golden": {"gap_thresholds": (3, 1, 0.5)}},
}
LENGTH = 12


@pytest.fixture(scope="module", params=["neighbors", "golden"])
def subject(request: pytest.FixtureRequest) -> SimpleNamespace:
    """A model, its name and the embeddings of a prompt."""
    if request.param == "neighbors":
        return SimpleNamespace(name="neighbors", model=Neighbors.at_random(40, seed=3), embeds=torch.zeros(1, 3, 12))
    model = request.getfixturevalue("golden_model")
    ids = request.getfixturevalue("golden_inputs")("text_only")
    with torch.no_grad():
        embeds, _ = model.embed_prompt(**ids)
    return SimpleNamespace(name="golden", model=model, embeds=embeds)


def predictor(subject: SimpleNamespace) -> Callable[[list[int]], Tensor]:
    """The probabilities (L, V) at every position of an answer of L tokens."""

    def predict(tokens: list[int]) -> Tensor:
        return probabilities(subject, tokens, slice(subject.embeds.shape[1], None))

    return predict


@torch.no_grad()
def probabilities(subject: SimpleNamespace, tokens: list[int], rows: slice, **options) -> Tensor:
    model = subject.model
    embeds = torch.cat([subject.embeds, model.get_input_embeddings()(torch.tensor([tokens]))], dim=1)
    logits = model(inputs_embeds=embeds, past_key_values=None, logits_to_keep=rows, **options).logits[0]
    return logits.index_fill(1, torch.tensor(model.config.suppress_token_ids), -torch.inf).softmax(-1, torch.float64)


def run(subject: SimpleNamespace, config: SamplingConfig) -> list[SamplingStep]:
    """All of the prompt is a picture, where that matters."""
    image_mask = torch.ones(subject.embeds.shape[:2], dtype=torch.bool)
    return list(sample(subject.model, {"inputs_embeds": subject.embeds, "image_mask": image_mask}, config, WORDS))


def answers(steps: list[SamplingStep]) -> list[list[int]]:
    return [step.tokens.tolist() for step in steps[1:]]


@pytest.mark.parametrize("name", ACTING)
def test_a_method_is_its_reference(name: str, subject):
    config = SamplingConfig.method(name, gen_length=LENGTH, stop=(), **ACTING[name][subject.name])
    steps = run(subject, config)
    expected = list(getattr(references, name)(predictor(subject), subject.model.config.mask_token_id, config))
    assert answers(steps) == expected
    assert steps[-1].nfe == len(expected) <= config.most_steps
    assert any(step.revoked_index.any() for step in steps) == config.revises


@pytest.mark.parametrize("name", ACTING)
def test_a_method_does_something(name: str):
    subject = SimpleNamespace(model=Neighbors.at_random(40, seed=3), embeds=torch.zeros(1, 3, 12))
    lengths = {"gen_length": LENGTH, "stop": ()}
    ours = run(subject, SamplingConfig.method(name, **lengths | ACTING[name]["neighbors"]))
    assert answers(ours) != answers(run(subject, SamplingConfig.method("exact", **lengths)))


def test_vrcd_is_its_reference(subject):
    config = SamplingConfig.method("vrcd", gen_length=LENGTH, stop=(), steps=4)
    model, mask, first = subject.model, subject.model.config.mask_token_id, subject.embeds.shape[1]
    if subject.name == "neighbors":
        model.looks = torch.rand(40, first, generator=torch.Generator().manual_seed(1)) ** 4

    @torch.no_grad()
    def looks(tokens: list[int]) -> Tensor:
        embeds = torch.cat([subject.embeds, model.get_input_embeddings()(torch.tensor([tokens]))], dim=1)
        rows = slice(first, None)
        output = model(inputs_embeds=embeds, past_key_values=None, logits_to_keep=rows, output_attentions=True)
        return output.attentions[-1][0, :, :first].double()

    steps = run(subject, config)
    assert answers(steps) == list(references.vrcd(predictor(subject), mask, config, looks))
    assert answers(steps) != answers(run(subject, replace(config, remasking="low_confidence")))


@pytest.mark.parametrize("subject", ["golden"], indirect=True)
def test_vrcd_goes_with_a_prompt_that_is_kept(subject):
    config = SamplingConfig.method("vrcd", gen_length=LENGTH, stop=(), steps=4, refresh_interval=2)
    assert [int(step.transfer_index.sum()) for step in run(subject, config)[1:]] == [LENGTH // 4] * 4


@pytest.mark.parametrize("block_length", [12, 6])
def test_wino_is_its_reference(block_length: int, subject):
    thresholds = {"neighbors": (0.4, 0.9), "golden": (0.05, 0.5)}[subject.name]
    config = SamplingConfig.method(
        "wino", gen_length=LENGTH, block_length=block_length, stop=(), threshold=thresholds[0],
        revision_threshold=thresholds[1],
    )  # fmt: skip
    mask, first = subject.model.config.mask_token_id, subject.embeds.shape[1]

    def doubt(tokens: list[int], start: int, end: int) -> Tensor:
        total, size = first + len(tokens) + end - start, end - start
        seen = torch.ones(1, 1, total, total, dtype=torch.bool)
        for query in range(total):
            for key in range(total):
                shadow = key - first - len(tokens)
                if query < first + len(tokens) and shadow >= 0:
                    seen[0, 0, query, key] = False
                if query - first - len(tokens) == key - first - start and query >= first + len(tokens):
                    seen[0, 0, query, key] = False
        places = [*range(first + len(tokens)), *range(first + start, first + end)]
        options = {"attention_mask": seen, "position_ids": torch.tensor([places])}
        return probabilities(subject, tokens + [mask] * size, slice(total - size, total), **options)

    steps = run(subject, config)
    assert answers(steps) == list(references.wino(predictor(subject), mask, config, doubt))
    assert any(step.revoked_index.any() for step in steps)


def test_a_shadow_says_what_a_mask_would():
    """In one layer, where no third token has read the one that is doubted."""
    subject = SimpleNamespace(model=Neighbors.at_random(40, seed=3), embeds=torch.zeros(1, 3, 12))
    config = SamplingConfig.method("wino", gen_length=LENGTH, stop=(), threshold=0.4)
    doubted = 0
    for before, after in pairwise(run(subject, config)):
        tokens = before.tokens.tolist()
        for position in after.revoked_index.nonzero().flatten().tolist():
            hidden = [0 if i == position else token for i, token in enumerate(tokens)]
            assert predictor(subject)(hidden)[position, tokens[position]] < 0.9
            doubted += 1
    assert doubted


@pytest.mark.parametrize(("start", "gen_length"), [(4, 24), (12, 12), (3, 9)])
def test_daedal_is_its_reference(start: int, gen_length: int, subject):
    end = {"neighbors": "4", "golden": "875"}[subject.name]
    threshold = {"neighbors": 0.7, "golden": 0.3}[subject.name]
    config = SamplingConfig.method(
        "daedal", gen_length=gen_length, start_length=start, threshold=threshold, stop=(end,)
    )
    steps = run(subject, config)
    expected = list(references.daedal(predictor(subject), subject.model.config.mask_token_id, config))
    assert expected and [step.answer_ids for step in steps[1 : len(expected) + 1]] == expected


TRIVIAL = {
    "klass": {"threshold": 1.1, "kl_threshold": 0.0},
    "local_leap": {"threshold": 1.1, "relaxed_threshold": 0.0},
    "wino": {"threshold": 1.1, "revision": "wino", "revision_threshold": 0.0},
    "wino, drawn": {"threshold": 1.1, "revision": "wino", "revision_threshold": 0.0, "temperature": 1.0, "seed": 3},
    "wino, in any order": {
        "threshold": 1.1, "revision": "wino", "revision_threshold": 0.0, "remasking": "random", "seed": 3,
    },
    "token_to_mask": {"revision": "token_to_mask", "revision_threshold": 0.0},
    "adablock": {"delimiter_threshold": 1.1},
    "daedal": {"start_length": LENGTH, "stop": ("11",)},
    "prophet": {"gap_thresholds": (1e6, 1e6, 1e6)},
    "vrcd": {"remasking": "vrcd", "redundancy_power": 0.0, "steps": 4},
    "vrcd, a token a step": {"remasking": "vrcd"},
    "all of the picture": {"keep_image_tokens": 1.0},
    "none": {"revision": "none"},
}  # fmt: skip
SHARED = ("stop", "steps", "temperature", "seed")


@pytest.mark.parametrize("name", TRIVIAL)
def test_the_trivial_setting_is_the_default_loop(name: str, subject):
    lengths = {"gen_length": LENGTH, "block_length": LENGTH, "steps": LENGTH, "stop": (), "delimiters": ("2",)}
    if name == "daedal" and subject.name == "neighbors":
        subject = SimpleNamespace(**vars(subject) | {"model": Neighbors.at_random(LENGTH, seed=3)})
    shared = {key: TRIVIAL[name][key] for key in SHARED if key in TRIVIAL[name]}
    if name == "wino, in any order":
        shared["remasking"] = "random"
    plain = run(subject, SamplingConfig(**lengths | shared))
    ours = run(subject, SamplingConfig(**lengths | TRIVIAL[name]))
    for one, other in zip(ours, plain, strict=True):
        assert torch.equal(one.tokens, other.tokens) and torch.equal(one.transfer_index, other.transfer_index)
        assert one.finish_reason == other.finish_reason and one.nfe == other.nfe


@pytest.mark.parametrize("name", METHODS)
def test_a_method_has_all_that_a_page_shows(name: str):
    method = METHODS[name]
    assert method.title and method.paper and method.rule.endswith((".", "choice).")) and method.equation
    year, number = method.arxiv.split(".")
    assert len(year) == 4 and len(number) == 5 and (year + number).isdigit()
    config = SamplingConfig.method(name)
    assert {key: getattr(config, key) for key in method.settings} == method.settings
    assert config.gen_length == 64 and config.rate == method.tokens


@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_known_by_its_choices_whatever_its_numbers(name: str):
    numbers = {key: value * 0.5 for key, value in METHODS[name].settings.items() if isinstance(value, float)}
    assert method_of(SamplingConfig.method(name, gen_length=32, **numbers, steps=16, block_length=32)) == name


def test_other_choices_are_of_no_method():
    assert method_of(SamplingConfig(remasking="margin", gap_thresholds=(1, 1, 1))) is None


def test_changes_go_with_a_method():
    assert SamplingConfig.method("wino", gen_length=24, seed=3).block_length == 24
    assert SamplingConfig.method("adablock", gen_length=48).block_length == 24
    assert SamplingConfig.method("daedal", gen_length=16).start_length == 16
    assert SamplingConfig.method("saber", gen_length=9).steps == 5
    assert SamplingConfig.method("exact") == SamplingConfig(steps=64)
    assert method_settings("threshold", {"threshold": 0.8})["threshold"] == 0.8


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("magic", {}, "method must be one of exact, .*, got 'magic'"),
        (["wino"], {}, r"method must be one of exact, .*, got \['wino'\]"),
        ("exact", {"gen_length": 0}, "gen_length must be a positive whole number, got 0"),
        ("exact", {"block_length": 0}, "block_length must be a positive whole number, got 0"),
        ("wino", {"keep_image_tokens": 0.5}, "keep_image_tokens below 1 do not go with revision='wino'"),
        ("klass", {"remasking": "vrcd"}, "kl_threshold must be None with remasking='vrcd', got 0.01"),
        ("exact", {"keep_image_tokens": 0}, "keep_image_tokens must be a number above 0, up to 1, got 0"),
        ("wino", {"refresh_interval": 4}, "refresh_interval must be None for revision='wino'"),
    ],
)
def test_what_does_not_go_with_one_is_refused(name: Any, changes: dict, words: str):
    with pytest.raises(ValueError, match=words):
        SamplingConfig.method(name, **changes)


@pytest.mark.parametrize("name", METHODS)
def test_the_docs_list_every_method(name: str):
    method = METHODS[name]
    row = f"| `{name}` | {method.paper}, [{method.arxiv}](https://arxiv.org/abs/{method.arxiv}) | {method.rule} |"
    assert row in (ROOT / "docs" / "decoding.md").read_text(encoding="utf-8")


def test_a_model_may_know_how_frequent_words_are():
    model = Neighbors.at_random(40, seed=3)
    subject = SimpleNamespace(model=model, embeds=torch.zeros(1, 3, 12))
    config = SamplingConfig.method("pc_sampler", gen_length=LENGTH, stop=(), position_decay=0.0)
    assert token_frequencies(model).tolist() == [1 / 12] * 12
    plain = run(subject, config)
    model.config.token_frequencies = [1e-9] * 12
    word = int(plain[1].tokens[plain[1].transfer_index])
    model.config.token_frequencies[word] = 0.9
    assert int(run(subject, config)[1].tokens[plain[1].transfer_index]) != word


def test_the_length_of_blocks_can_be_changed():
    """There are as many steps as its blocks need: one each where they are of one token."""
    for block_length, steps in ((16, 32), (1, 64)):
        settings = method_settings("vrcd", {"gen_length": 64, "block_length": block_length})
        assert (settings["block_length"], settings["steps"]) == (block_length, steps)

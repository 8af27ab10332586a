"""Several prompts at once: every answer is the one that its prompt gets alone."""

from collections.abc import Mapping
from types import SimpleNamespace

import pytest
from helpers import CONVERSATIONS, assert_rows_are_solo_runs, joined
from torch import Tensor

from lladav.sampling import SamplingConfig, sample, sample_batch

SETTINGS = {"gen_length": 16, "block_length": 8, "steps": 8, "stop": ()}
VARIANTS = [
    {},
    {"refresh_interval": 3},
    {"cfg_scale": 1.0},
    {"cfg_scale": 1.0, "refresh_interval": 3},
    {"suffix": " Yes.", "refresh_interval": 3},
    {"temperature": 0.7, "seed": 5},
    {"remasking": "random", "seed": 5},
    {"threshold": 0.2},
    {"entropy_bound": 6.0},
    {"template": (None, 300, None, None) * 4},
    {"threshold": 0.05, "revision": "wino", "revision_threshold": 0.5},
    {"threshold": 0.05, "revision": "wino", "revision_threshold": 0.5, "cfg_scale": 1.0},
    {"threshold": 0.05, "revision": "token_to_mask", "revision_threshold": 0.05, "refresh_interval": 3},
    {"revision": "remdm", "revision_rounds": 3},
    {"threshold": 0.05, "kl_threshold": 1.0},
    {"remasking": "credit", "threshold": 0.1},
    {"gap_thresholds": (3.0, 0.3, 0.1)},
]


@pytest.fixture(scope="module")
def prompts(tiny_pipeline) -> list[Mapping[str, Tensor]]:
    return [tiny_pipeline.processor.apply_chat_template(messages) for messages in CONVERSATIONS]


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_every_row_is_its_solo_run(tiny_pipeline, prompts, variant: dict):
    assert_rows_are_solo_runs(tiny_pipeline, prompts, prompts, SamplingConfig(**SETTINGS | variant))


def test_a_padded_batch_is_as_good_as_a_list(tiny_pipeline, prompts):
    assert_rows_are_solo_runs(tiny_pipeline, joined(prompts), prompts, SamplingConfig(**SETTINGS))


def test_embeddings_may_be_padded(tiny_pipeline, prompts):
    embeds, mask = tiny_pipeline.model.embed_prompt(**joined(prompts))
    batch = {"inputs_embeds": embeds, "attention_mask": mask}
    assert_rows_are_solo_runs(tiny_pipeline, batch, prompts, SamplingConfig(**SETTINGS))


def test_prompts_of_one_length_need_no_mask(tiny_pipeline, prompts, monkeypatch):
    calls, forward = [], tiny_pipeline.model.forward
    monkeypatch.setattr(tiny_pipeline.model, "forward", lambda **kwargs: calls.append(kwargs) or forward(**kwargs))
    assert_rows_are_solo_runs(tiny_pipeline, prompts[1:2] * 2, prompts[1:2] * 2, SamplingConfig(**SETTINGS))
    assert calls and not any("attention_mask" in call for call in calls)
    calls.clear()
    wino = {"threshold": 0.05, "revision": "wino", "revision_threshold": 0.5}
    list(sample(tiny_pipeline.model, prompts[1], SamplingConfig(**SETTINGS | wino)))
    watched = ["attention_mask" in call for call in calls]
    assert not watched[0] and any(watched)  # but for words that are judged


def test_an_answer_that_ends_early_stays_while_the_others_go_on(tiny_pipeline, prompts):
    first, *others = [list(sample(tiny_pipeline.model, prompt, SamplingConfig(**SETTINGS))) for prompt in prompts]
    early = set(first[1].tokens[first[1].transfer_index].tolist())
    word = min(early.difference(*(steps[-1].tokens.tolist() for steps in others)))
    tokenizer = SimpleNamespace(encode=lambda text, add_special_tokens: [int(text)])
    config = SamplingConfig(**SETTINGS | {"stop": (str(word),)})
    batch = assert_rows_are_solo_runs(tiny_pipeline, prompts, prompts, config, tokenizer)
    assert [record.finish_reason for record in batch[-1]] == ["stop", "length", "length"]
    ended = batch[-1][0]
    assert ended.nfe <= 4 and all(records[0] is ended for records in batch[ended.nfe :])


def test_sample_takes_one_prompt(tiny_pipeline, prompts):
    with pytest.raises(ValueError, match="inputs must hold one prompt, got a batch of 3: call sample_batch"):
        next(sample(tiny_pipeline.model, joined(prompts), SamplingConfig(**SETTINGS)))


def test_an_answer_that_grows_has_no_company(tiny_pipeline, prompts):
    config = SamplingConfig(16, 16, 16, start_length=8)
    with pytest.raises(ValueError, match="start_length takes one prompt at a time, got 3"):
        next(sample_batch(tiny_pipeline.model, prompts, config, tiny_pipeline.tokenizer))

"""The autoregressive twin goes left to right, through the same records as masked diffusion."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from helpers import CONVERSATIONS, assert_rows_are_solo_runs, assert_same, joined, picture_message
from transformers import LlamaForCausalLM

from lladav import LladaVForMaskedDiffusion, LladaVPipeline, LladaVProcessor, SamplingConfig, Trace, sample
from lladav.sampling import effective_config, left_to_right

MESSAGES = [picture_message("What is this?")]
CONFIG = SamplingConfig(gen_length=16, block_length=16, steps=16, stop=())


@pytest.fixture(scope="module")
def twin(tiny_random: Path) -> LladaVPipeline:
    model = LladaVForMaskedDiffusion.from_pretrained(tiny_random, is_causal=True).eval()
    return LladaVPipeline(model, LladaVProcessor.from_pretrained(tiny_random), "twin")


@pytest.fixture(scope="module")
def prompts(twin) -> list:
    return [twin.processor.apply_chat_template(messages) for messages in CONVERSATIONS]


def never_written(twin) -> list[int]:
    return [*twin.model.config.suppress_token_ids, twin.model.config.mask_token_id]


@torch.no_grad()
def llama_generates(twin, messages, **settings):
    """What transformers makes of the same weights behind the same embeddings."""
    llama = LlamaForCausalLM(twin.model.config.text_config).eval()
    llama.model.load_state_dict(twin.model.model.language_model.state_dict())
    llama.lm_head.load_state_dict(twin.model.lm_head.state_dict())
    embeds, _ = twin.model.embed_prompt(**twin.processor.apply_chat_template(messages))
    return llama.generate(
        inputs_embeds=embeds, do_sample=False, max_new_tokens=16, pad_token_id=0, use_cache=True,
        return_dict_in_generate=True, output_logits=True, **settings,
    )  # fmt: skip


@pytest.mark.parametrize("messages", CONVERSATIONS, ids=["words", "red", "green"])
def test_token_by_token_it_is_greedy_generation(twin, messages):
    expected = llama_generates(twin, messages, suppress_tokens=never_written(twin))
    *_, last = twin.stream(messages, CONFIG)
    assert last.tokens.tolist() == expected.sequences[0].tolist()
    logits = torch.cat(expected.logits).index_fill(-1, torch.tensor(never_written(twin)), -torch.inf)  # (G, V)
    top = logits.double().softmax(-1).topk(5)
    torch.testing.assert_close(last.top_probs, top.values, atol=1e-5, rtol=0)
    torch.testing.assert_close(last.confidence, top.values[:, 0], atol=1e-5, rtol=0)


def test_every_step_commits_the_first_blank(twin):
    steps = list(twin.stream(MESSAGES, CONFIG))
    assert [step.transfer_index.nonzero().flatten().tolist() for step in steps] == [[], *([i] for i in range(16))]
    assert [step.nfe for step in steps] == list(range(17)) and {step.steps for step in steps} == {16}
    for step in steps[1:]:
        assert step.mask_index.tolist() == [i >= step.step for i in range(16)]
        assert not step.top_probs[step.step :].any()
        assert step.tokens[step.step - 1] == step.x0[step.step - 1] == step.top_ids[step.step - 1, 0]


def test_only_what_is_new_is_run(twin, monkeypatch):
    widths, forward = [], twin.model.forward

    def spy(**kwargs):
        widths.append(kwargs["inputs_embeds"].shape[1])
        return forward(**kwargs)

    monkeypatch.setattr(twin.model, "forward", spy)
    list(twin.stream(MESSAGES, CONFIG))
    assert widths == [twin.prompt_length(MESSAGES), *[1] * 15]


@pytest.mark.parametrize(
    "denoising",
    [
        {"block_length": 4, "steps": 8},
        {"cfg_scale": 1.5},
        {"remasking": "random", "seed": 1},
        {"threshold": 0.0},
        {"entropy_bound": 9.0},
        {"schedule_shift": 0.5},
        {"refresh_interval": 3},
        {"drift_threshold": 0.9},
    ],
    ids=str,
)
def test_settings_of_denoising_change_nothing(twin, denoising: dict):
    config = SamplingConfig(**{"gen_length": 16, "block_length": 16, "steps": 16, "stop": ()} | denoising)
    for one, other in zip(twin.stream(MESSAGES, config), twin.stream(MESSAGES, CONFIG), strict=True):
        assert_same(one, other)


def test_the_trace_tells_what_was_honoured_and_replays(twin, tmp_path):
    config = SamplingConfig(gen_length=16, block_length=8, steps=4, temperature=0.7, seed=3, stop=("zz",))
    reply = twin(MESSAGES, config)
    assert reply.trace.config == left_to_right(config) == effective_config(twin.model, config)
    assert (reply.trace.config.steps, reply.trace.config.seed, reply.nfe) == (16, 3, 16)
    reply.trace.save(tmp_path / "trace.json")
    replayed = Trace.load(tmp_path / "trace.json").replay()
    for one, other in zip(replayed, twin.stream(MESSAGES, config), strict=True):
        assert_same_up_to_digits(one, other)


def assert_same_up_to_digits(one, other):
    for name in ("step", "steps", "block", "nfe", "stop_position", "finish_reason"):
        assert getattr(one, name) == getattr(other, name), name
    assert torch.equal(one.tokens, other.tokens)
    torch.testing.assert_close(one.top_probs, other.top_probs, atol=1e-4, rtol=0)


def test_a_diffusion_model_keeps_its_settings(tiny_pipeline):
    config = SamplingConfig(gen_length=16, block_length=8, steps=4)
    assert effective_config(tiny_pipeline.model, config) is config


def test_a_seed_draws_the_same_answer_and_another_one_another(twin):
    runs = [twin(MESSAGES, SamplingConfig(16, 16, 16, temperature=1.0, seed=seed, stop=())) for seed in (1, 1, 2)]
    assert runs[0].token_ids == runs[1].token_ids != runs[2].token_ids


def test_it_ends_where_the_stop_is_written(twin):
    *_, full = twin.stream(MESSAGES, CONFIG)
    word = full.tokens[5].item()
    position = full.tokens.tolist().index(word)
    tokenizer = SimpleNamespace(encode=lambda text, add_special_tokens: [int(text)])
    inputs = twin.processor.apply_chat_template(MESSAGES)
    *_, last = sample(twin.model, inputs, SamplingConfig(16, 16, 16, stop=(str(word),)), tokenizer)
    assert (last.finish_reason, last.stop_position, last.nfe) == ("stop", position, position + 1)
    assert torch.equal(last.tokens[: position + 1], full.tokens[: position + 1])


def test_what_is_fixed_is_read_from_the_left_only(twin):
    *_, free = twin.stream(MESSAGES, CONFIG)
    words = free.tokens.tolist()
    other = next(word for word in range(40, 60) if word not in words)
    behind = (*[None] * 8, other, *[None] * 7)
    *_, last = twin.stream(MESSAGES, SamplingConfig(16, 16, 16, stop=(), template=behind))
    assert last.tokens[:8].tolist() == words[:8] and last.tokens[8] == other and last.nfe == 15
    before = (*words[:3], *[None] * 13)
    *_, last = twin.stream(MESSAGES, SamplingConfig(16, 16, 16, stop=(), template=before))
    assert last.tokens.tolist() == words and last.nfe == 13


def test_a_mask_is_no_word(twin, monkeypatch):
    mask = twin.model.config.mask_token_id
    forward = twin.model.forward

    def wanting_masks(**kwargs):
        output = forward(**kwargs)
        output.logits[..., mask] = 100.0
        return output

    monkeypatch.setattr(twin.model, "forward", wanting_masks)
    *_, last = twin.stream(MESSAGES, CONFIG)
    assert mask not in last.top_ids and not last.mask_index.any()


@pytest.mark.parametrize(
    "variant",
    [{}, {"temperature": 0.7, "seed": 5}, {"template": (None, 300, None, None) * 4}, {"suffix": " Yes."}],
    ids=str,
)
def test_every_row_of_a_batch_is_its_solo_run(twin, prompts, variant: dict):
    config = SamplingConfig(**{"gen_length": 16, "block_length": 16, "steps": 16, "stop": ()} | variant)
    assert_rows_are_solo_runs(twin, prompts, prompts, config)
    assert_rows_are_solo_runs(twin, joined(prompts), prompts, config)


def test_an_answer_that_ends_early_stays_while_the_others_go_on(twin, prompts):
    first, *others = [list(sample(twin.model, prompt, CONFIG))[-1].tokens.tolist() for prompt in prompts]
    word = next(word for word in first if not any(word in other for other in others))
    tokenizer = SimpleNamespace(encode=lambda text, add_special_tokens: [int(text)])
    batch = assert_rows_are_solo_runs(twin, prompts, prompts, SamplingConfig(16, 16, 16, stop=(str(word),)), tokenizer)
    assert [record.finish_reason for record in batch[-1]] == ["stop", "length", "length"]

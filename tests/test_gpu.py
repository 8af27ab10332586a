"""What only a GPU can show: the published trajectories on it, and the model at its full size."""

import copy

import pytest
import torch
from helpers import CASES, EXACT, assert_published, sampling_config

from lladav import SamplingConfig, sample
from lladav.benchmarks import random_model, random_prompt

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

PROMPT_LENGTH = 3000


@pytest.fixture(scope="module")
def golden_model_on_gpu(golden_model):
    return copy.deepcopy(golden_model).to("cuda")


@pytest.fixture
def run(golden_model_on_gpu, golden_processor, golden_inputs):
    """What replays a published case; takes the place of the one that does it on the CPU."""

    def run(name: str):
        case = CASES[name]
        inputs = {key: value.to("cuda") for key, value in golden_inputs(case["input"]).items()}
        return list(sample(golden_model_on_gpu, inputs, sampling_config(case), golden_processor.tokenizer))

    return run


@pytest.mark.parametrize("name", EXACT)
def test_trajectory_is_exact(name: str, run):
    assert_published(name, run(name))


@pytest.fixture(scope="module")
def full_size():
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    model = random_model("8b")
    yield model
    del model
    torch.cuda.empty_cache()


def test_full_size_is_built_within_20_gb(full_size):
    assert full_size.dtype == torch.bfloat16 and full_size.device.type == "cuda"
    assert 16e9 < torch.cuda.max_memory_allocated() < 20e9


@pytest.mark.parametrize("refresh_interval", [None, 8])
def test_full_size_answers_a_long_prompt(refresh_interval: int | None, full_size):
    config = SamplingConfig(gen_length=32, block_length=32, steps=16, stop=(), refresh_interval=refresh_interval)
    *_, last = sample(full_size, {"inputs_embeds": random_prompt(full_size, PROMPT_LENGTH)}, config)
    assert last.nfe == 16 and not last.mask_index.any()
    assert torch.isfinite(last.confidence).all()


def test_recorded_steps_answer_the_same(full_size, caplog):
    config = SamplingConfig(gen_length=32, block_length=32, steps=16, stop=(), refresh_interval=8)
    inputs = {"inputs_embeds": random_prompt(full_size, PROMPT_LENGTH)}
    runs = [
        [step.tokens for step in sample(full_size, inputs, config, compiled=compiled)] for compiled in (True, False)
    ]
    assert torch.equal(*map(torch.stack, runs))
    assert not caplog.records


@torch.no_grad()
def test_full_size_agrees_with_a_head_in_float32(full_size, record_property):
    masks = torch.full((1, 128), full_size.config.mask_token_id, device="cuda")
    embeds = torch.cat([random_prompt(full_size, PROMPT_LENGTH), full_size.get_input_embeddings()(masks)], dim=1)
    logits = full_size(inputs_embeds=embeds, logits_to_keep=128).logits[0]
    hidden = full_size.model.language_model(inputs_embeds=embeds, use_cache=False).last_hidden_state[0, -128:]
    precise = hidden.float() @ full_size.lm_head.weight.float().T
    share = (logits.argmax(-1) == precise.argmax(-1)).double().mean().item()
    record_property("top-1 agreement", share)
    print(f"top-1 agreement with the head in float32: {share:.1%}")
    assert share >= 0.9
    # bfloat16 keeps 8 bits: what is rounded is off by 2^-9 of itself at most, and a sum's own error comes on top
    torch.testing.assert_close(logits, precise, rtol=2**-7, atol=0.05)

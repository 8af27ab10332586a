"""Trajectories of the published implementation, reproduced step by step from the messages on."""

import copy
import json
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from conftest import GOLDEN

from lladav.sampling import SamplingConfig, SamplingStep, sample

CASES = json.loads((GOLDEN / "traj.json").read_text())
UNCACHED = {name: case for name, case in CASES.items() if case["dllm_cache"] is None}
REFUSED = [name for name in UNCACHED if name.startswith("error_")]
DIFFERENT = "mask_in_prompt_g32b32s8"  # masks typed in the prompt: published, they are filled too, and use up commits
EXACT = sorted(UNCACHED.keys() - {*REFUSED, DIFFERENT})

PICTURES = {  # input: (its prompt, its pictures, the processor's options)
    "tiny30x20": ("single_image", ["tiny30x20"], {}),
    "wide900x300": ("single_image", ["wide900x300"], {}),
    "two_turn": ("two_turn_image", ["tiny30x20"], {}),
    "two_image_pad_eval": ("two_image", ["wide900x300", "tall200x700"], {}),
    "two_image_pad_list": ("two_image", ["wide900x300", "tall200x700"], {"multi_image": "train"}),
    "video4": ("video", ["frame0", "frame1", "frame2", "frame3"], {}),
}


def sampling_config(case: dict) -> SamplingConfig:
    names = ("gen_length", "block_length", "steps", "temperature", "cfg_scale", "remasking", "seed", "suffix")
    return SamplingConfig(**{name: case[name] for name in names}, stop=case["stopping_criteria"] or ())


def messages_with_pictures(golden_prompts: dict, prompt: str, files: list[str]) -> list[dict]:
    """The messages of a golden prompt, its pictures in the first of them."""
    messages = [{"role": role, "content": text} for role, text in golden_prompts[prompt]["messages"] if text]
    pictures = [GOLDEN / "images" / f"{file}.png" for file in files]
    if prompt == "video":
        content = [{"type": "video", "video": pictures}]
    else:
        content = [{"type": "image", "image": picture} for picture in pictures]
    first = {"role": "user", "content": [*content, {"type": "text", "text": messages[0]["content"]}]}
    return [first, *messages[1:]]


@pytest.fixture(scope="module")
def golden_inputs(golden_processor, golden_prompts):
    """Name of an input -> what `sample` takes."""

    def make(name: str) -> Mapping[str, torch.Tensor]:
        if name not in PICTURES:
            return {"input_ids": torch.tensor([golden_prompts[name]["input_ids"]])}
        prompt, files, options = PICTURES[name]
        processor = copy.copy(golden_processor)
        vars(processor).update(options)
        return processor.apply_chat_template(messages_with_pictures(golden_prompts, prompt, files))

    return make


@pytest.fixture
def run(golden_model, golden_processor, golden_inputs):
    def run(name: str) -> list[SamplingStep]:
        case = CASES[name]
        inputs = golden_inputs(case["input"])
        return list(sample(golden_model, inputs, sampling_config(case), golden_processor.tokenizer))

    return run


@pytest.mark.parametrize("name", EXACT)
def test_trajectory_is_exact(name: str, run):
    case, golden = CASES[name], np.load(GOLDEN / "traj.npz")
    steps = run(name)
    length = case["gen_length"]
    visible = case["final_stop_position"] if case["spill_steps"] else length  # spilled commits lie behind the stop
    tokens = np.stack([step.tokens for step in steps[1:]])
    committed = np.stack([step.transfer_index for step in steps[1:]])
    confidence = np.stack([step.confidence for step in steps[1:]])
    expected = {key: golden[f"{name}/{key}"][:, :length] for key in ("x_after", "committed", "confidence")}

    np.testing.assert_array_equal(tokens[:, :visible], expected["x_after"][:, :visible])
    np.testing.assert_array_equal(committed[:, :visible], expected["committed"][:, :visible])
    np.testing.assert_allclose(confidence[committed], expected["confidence"][committed], atol=1e-4)
    suffix = case["suffix_ids"] or []
    assert steps[-1].answer_ids + suffix == case["returned"]
    assert [step.block for step in steps[1:]] == case["block_per_step"]
    before = [step.stop_position for step in steps[:-1]]
    assert before == case["stop_position_per_step_before_check"]


@pytest.mark.parametrize("name", REFUSED)
def test_what_was_refused_is_refused(name: str):
    with pytest.raises(ValueError, match="got"):
        sampling_config(CASES[name])


def test_masks_typed_in_the_prompt_are_left_alone(run):
    steps = run(DIFFERENT)
    assert not steps[-1].mask_index.any()
    assert [int(step.transfer_index.sum()) for step in steps[1:]] == [4] * 8

"""The denoising loop of LLaDA-V: the only one in this project."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from lladav.remasking import count_above_threshold, count_within_factor, select_most_confident
from lladav.sampling.canvas import Canvas, Proposal, SamplingStep, Task
from lladav.sampling.config import SamplingConfig
from lladav.sampling.denoiser import Denoiser


@torch.no_grad()
def sample(
    model: Any, inputs: Mapping[str, Tensor], config: SamplingConfig, tokenizer: Any = None
) -> Iterator[SamplingStep]:
    """Refine an answer and yield every state of it, the canvas of masks first.

    Args:
        model: called with `inputs_embeds`, `past_key_values` and `logits_to_keep`; has `embed_prompt`,
            `get_input_embeddings` and `config` (`mask_token_id`, `suppress_token_ids`).
        inputs: what `model.embed_prompt` takes, or `inputs_embeds` of shape (1, L, D); one prompt.
        config: how to sample.
        tokenizer: needed for `config.stop` and `config.suffix`.

    Raises:
        ValueError: more than one prompt, or `stop` or `suffix` without a tokenizer.
    """
    stop_sequences = [encode(text, tokenizer) for text in config.stop]
    canvas = Canvas(config, model.config.mask_token_id, stop_sequences)
    suffix = encode(config.suffix, tokenizer)
    plan = canvas.plan()
    task = next(plan, None)
    step = 0
    yield canvas.record(step, block=0, finished=task is None)

    denoiser = Denoiser(model, _embed_prompt(model, inputs), suffix, config)
    while task is not None:
        proposal = denoiser.propose(canvas.tokens, canvas.masked_before(task.end), step)
        canvas.commit(proposal, select_most_confident(proposal.confidence, _how_many(proposal, task, config)))
        block, task, step = task.block, next(plan, None), step + 1
        yield canvas.record(step, block, finished=task is None)


def encode(text: str | None, tokenizer: Any) -> list[int]:
    """The ids of a stop string or a suffix; none for None."""
    if not text:
        return []
    if tokenizer is None:
        raise ValueError(f"stop and suffix need a tokenizer, got tokenizer=None and {text!r}")
    return tokenizer.encode(text, add_special_tokens=False)


def _embed_prompt(model: Any, inputs: Mapping[str, Tensor]) -> Tensor:
    embeds = inputs["inputs_embeds"] if "inputs_embeds" in inputs else model.embed_prompt(**inputs)[0]
    if len(embeds) != 1:
        raise ValueError(f"inputs must hold one prompt, got a batch of {len(embeds)}: call sample for each")
    return embeds  # (1, L, D)


def _how_many(proposal: Proposal, task: Task, config: SamplingConfig) -> int:
    if config.threshold is not None:
        return max(task.floor, count_above_threshold(proposal.confidence, config.threshold))
    if config.factor is not None:
        return max(task.floor, count_within_factor(proposal.confidence, config.factor))
    return task.floor

"""The denoising loop of LLaDA-V: the only one in this project."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lladav.sampling.canvas import Canvas, SamplingStep
from lladav.sampling.causal import CausalDenoiser, effective_config, is_causal
from lladav.sampling.config import SamplingConfig
from lladav.sampling.deciding import decide
from lladav.sampling.denoiser import NONE, Denoiser
from lladav.sampling.elastic import ElasticDenoiser
from lladav.sampling.picture import picture_masks, with_features
from lladav.sampling.shadow import ShadowDenoiser
from lladav.tokenization import encode_stop, encode_text

Inputs = Mapping[str, Tensor]


def sample(
    model: Any, inputs: Inputs, config: SamplingConfig, tokenizer: Any = None, compiled: bool = False
) -> Iterator[SamplingStep]:
    """Refine an answer and yield every state of it, the canvas of masks first.

    Args:
        model: called with `inputs_embeds`, `past_key_values` and `logits_to_keep`; has `embed_prompt`,
            `get_input_embeddings` and `config` (`mask_token_id`, `suppress_token_ids`). Where `config.is_causal` is
            True, it is decoded left to right, and `left_to_right` says what `config` then means. With a
            `drift_threshold` its layers, `model.model.language_model`, are run one by one.
        inputs: what `model.embed_prompt` takes, or `inputs_embeds` of shape (1, L, D), with `image_mask` (1, L) where
            the settings look at pictures; one prompt.
        config: how to sample.
        tokenizer: needed for `config.stop` and `config.suffix`.
        compiled: record the step between refreshes, see `StepGraph`; no answer changes.

    Raises:
        ValueError: more than one prompt, or `stop` or `suffix` without a tokenizer.
    """
    if _batch_size(inputs) != 1:
        raise ValueError(f"inputs must hold one prompt, got a batch of {_batch_size(inputs)}: call sample_batch")
    for (step,) in sample_batch(model, inputs, config, tokenizer, compiled):
        yield step


@torch.no_grad()
def sample_batch(
    model: Any,
    inputs: Inputs | Sequence[Inputs],
    config: SamplingConfig,
    tokenizer: Any = None,
    compiled: bool = False,
) -> Iterator[list[SamplingStep]]:
    """Refine an answer to each of B prompts, and yield their states side by side: B records, in order.

    Every answer comes out as `sample` would give it, up to rounding. One that is finished stays as it is, while the
    others go on; its row is still run.

    Args:
        model: as for `sample`; where the prompts' lengths differ, also called with `attention_mask` and `position_ids`.
        inputs: a batch, padded on the left where `attention_mask` is zero, or a list of batches to be joined.
        config: how to sample each of them, with the same seed.
        tokenizer: needed for `config.stop` and `config.suffix`.
        compiled: as for `sample`.

    Raises:
        ValueError: `stop`, `suffix` or `delimiter_threshold` without a tokenizer, or `start_length` or
            `drift_threshold` with more than one prompt.
    """
    batches = [inputs] if isinstance(inputs, Mapping) else inputs
    config = effective_config(model, config)
    if config.alone is not None and sum(map(_batch_size, batches)) != 1:
        raise ValueError(f"{config.alone} takes one prompt at a time, got {sum(map(_batch_size, batches))}")
    delimiters = delimiter_ids(config, tokenizer)
    suffix = suffix_ids(config, tokenizer)
    canvases = [first_canvas(model, config, tokenizer) for _ in range(sum(map(_batch_size, batches)))]
    plans = [canvas.plan() for canvas in canvases]
    tasks = [next(plan, None) for plan in plans]
    records = [canvas.first_record() for canvas in canvases]
    yield list(records)

    pictures: list[Tensor] = []
    if config.watches_picture:
        batches = [with_features(model, batch) for batch in batches]
        pictures = [mask for batch in batches for mask in picture_masks(model, batch)]
    prompts = [row for batch in batches for row in _embed_prompts(model, batch)]
    denoiser = _denoiser(model, prompts, suffix, config, compiled, canvases[0], pictures)
    step = 0
    while due := {row: task for row, task in enumerate(tasks) if task is not None}:
        positions = {row: canvases[row].masked_before(task.reach) for row, task in due.items()}
        judged = {row: canvases[row].committed_in(task) for row, task in due.items()} if config.revises else NONE
        length = canvases[0].length if config.start_length is not None else None
        tokens = torch.stack([canvas.tokens for canvas in canvases])
        proposals = denoiser.propose(tokens, positions, step, judged, length)
        step += 1
        for row, task in due.items():
            decide(canvases[row], task, proposals[row], delimiters)
            tasks[row] = next(plans[row], None)
            records[row] = canvases[row].record(step, task.block, finished=tasks[row] is None)
        yield list(records)


def _denoiser(
    model: Any,
    prompts: Sequence[Tensor],
    suffix: list[int],
    config: SamplingConfig,
    compiled: bool,
    canvas: Canvas,
    pictures: Sequence[Tensor],
) -> Denoiser:
    """What runs the model as the configuration wants it run."""
    if is_causal(model):
        return CausalDenoiser(model, prompts, suffix, config)
    if config.revision == "wino":
        return ShadowDenoiser(model, prompts, suffix, config)
    if config.drift_threshold is not None:
        return ElasticDenoiser(model, prompts, suffix, config)
    end_token_id = None if config.start_length is None else int(canvas.stop_sequences[0][0])
    return Denoiser(model, prompts, suffix, config, compiled, end_token_id, pictures)


def first_canvas(model: Any, config: SamplingConfig, tokenizer: Any) -> Canvas:
    """The canvas that a run with `config` starts from; the model itself is not run."""
    return Canvas(effective_config(model, config), model.config.mask_token_id, stop_sequences(config, tokenizer))


def stop_sequences(config: SamplingConfig, tokenizer: Any) -> list[list[int]]:
    """The ids of each of the stop strings."""
    return [encode_stop(text, _present(tokenizer, text)) for text in config.stop]


def delimiter_ids(config: SamplingConfig, tokenizer: Any) -> Tensor | None:
    """The ids (K,) that a block may end at, or None where its length is fixed: the last token of each delimiter."""
    if config.delimiter_threshold is None:
        return None
    return torch.tensor([encode_text(text, _present(tokenizer, text))[-1] for text in config.delimiters])


def suffix_ids(config: SamplingConfig, tokenizer: Any) -> list[int]:
    """The ids of the suffix."""
    return encode_text(config.suffix, _present(tokenizer, config.suffix)) if config.suffix else []


def _present(tokenizer: Any, text: str) -> Any:
    if tokenizer is None:
        raise ValueError(f"stop and suffix need a tokenizer, got tokenizer=None and {text!r}")
    return tokenizer


def _batch_size(inputs: Inputs) -> int:
    return len(inputs["inputs_embeds"] if "inputs_embeds" in inputs else inputs["input_ids"])


def _embed_prompts(model: Any, inputs: Inputs) -> list[Tensor]:
    """The embeddings of every prompt of a batch, each of shape (L, D), without padding."""
    if "inputs_embeds" in inputs:
        embeds, mask = inputs["inputs_embeds"], inputs.get("attention_mask")
    else:
        embeds, mask = model.embed_prompt(**inputs)
    return list(embeds) if mask is None else [row[kept] for row, kept in zip(embeds, mask.bool(), strict=True)]

"""The published denoising loop, as plainly as its pseudocode: what the loop of this project is measured against.

It shares nothing with `lladav.sampling` but the settings, so that their agreement says something.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from lladav.sampling import SamplingConfig


@torch.no_grad()
def plain_loop(model: Any, prompt: Tensor, config: SamplingConfig) -> Iterator[Tensor]:
    """Sample greedily (arXiv 2502.09992, algorithm 5) and yield the answer, ids of shape (G,), after each step.

    The whole sequence goes through the model at every step, the head scores every position of it, and a float64
    softmax over the vocabulary says how sure the model is of each.

    Args:
        model: maps `inputs_embeds` of shape (1, L, D) to `logits` of shape (1, L, V).
        prompt: embeddings of shape (1, L, D).
        config: only its lengths and steps count: no noise, no guidance, no cache, no stops.
    """
    embed, mask_token_id = model.get_input_embeddings(), model.config.mask_token_id
    suppressed = list(model.config.suppress_token_ids)
    first = prompt.shape[1]
    answer = torch.full((config.gen_length,), mask_token_id, device=prompt.device)
    for start in range(0, config.gen_length, config.block_length):
        end = start + config.block_length
        for step in range(config.steps_per_block):
            count = config.block_length // config.steps_per_block
            count += step < config.block_length % config.steps_per_block
            if count == 0:
                break
            logits = model(inputs_embeds=torch.cat([prompt, embed(answer)[None]], dim=1)).logits[0]  # (L + G, V)
            logits[:, suppressed] = -torch.inf
            x0 = logits.argmax(dim=-1)
            probabilities = logits.double().softmax(dim=-1)
            confidence = probabilities.gather(-1, x0[:, None])[first:, 0]  # (G,)
            confidence[answer != mask_token_id] = -torch.inf
            confidence[end:] = -torch.inf
            chosen = confidence.topk(count).indices
            answer[chosen] = x0[first:][chosen]
            yield answer.clone()


@torch.no_grad()
def plain_generation(model: Any, prompt: Tensor, config: SamplingConfig) -> Iterator[Tensor]:
    """The counterpart for a causal model: write greedily from left to right, and yield the answer after each token.

    The whole sequence goes through the model for every token; what is not written yet is a mask.

    Args:
        model, prompt: as for `plain_loop`.
        config: only `gen_length` counts.
    """
    embed, mask_token_id = model.get_input_embeddings(), model.config.mask_token_id
    suppressed = [*model.config.suppress_token_ids, mask_token_id]
    answer = torch.full((config.gen_length,), mask_token_id, device=prompt.device)
    for position in range(config.gen_length):
        written = embed(answer[:position])[None]
        logits = model(inputs_embeds=torch.cat([prompt, written], dim=1)).logits[0, -1]  # (V,)
        logits[suppressed] = -torch.inf
        answer[position] = logits.argmax()
        yield answer.clone()

"""The loss that LLaDA-V is tuned with on conversations about pictures, for any model of this family.

`LladaVProcessor.training_inputs` makes the samples: prompt ids with one placeholder a picture, and labels.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lladav.modeling import LladaVForMaskedDiffusion
from lladav.training.objective import IGNORE, forward_process, masked_diffusion_loss

PICTURE_INPUTS = ("pixel_values", "image_sizes", "tile_counts", "image_layouts")


def embed_samples(model: LladaVForMaskedDiffusion, samples: Sequence[Mapping[str, Tensor]]) -> tuple[Tensor, Tensor]:
    """Embeddings of shape (B, L, D) and labels of shape (B, L), pictures in place.

    Shorter samples are filled up on the right with end-of-text tokens, which are labelled: the model learns to end.
    What is then still shorter because it has fewer picture tokens gets zeros, which are neither labelled nor hidden.

    Args:
        model: Embeds tokens and pictures.
        samples: Each with input_ids and labels of shape (1, L_i), and the picture tensors of its pictures, if any.
    """
    longest = max(sample["input_ids"].shape[1] for sample in samples)
    embeds, labels = [], []
    for sample in samples:
        filler = sample["input_ids"].new_full((1, longest - sample["input_ids"].shape[1]), model.config.eos_token_id)
        input_ids = torch.cat([sample["input_ids"], filler], dim=1)
        pictures = {name: sample[name] for name in PICTURE_INPUTS if name in sample}
        embeds.append(model.embed_prompt(input_ids, **pictures)[0][0])  # (L_i', D)
        labels.append(_spread(torch.cat([sample["labels"], filler], dim=1)[0], input_ids[0], len(embeds[-1]), model))
    return pad_sequence(embeds, batch_first=True), pad_sequence(labels, batch_first=True, padding_value=IGNORE)


def _spread(values: Tensor, input_ids: Tensor, length: int, model: LladaVForMaskedDiffusion) -> Tensor:
    """Values of shape (L_i,) with each picture's one position spread over its tokens, so that there are `length`.

    All pictures of a sample take equally many tokens, as tuning lays them out, unless there is only one.
    """
    is_image = input_ids == model.config.image_token_id
    if not is_image.any():
        return values
    width = (length - int((~is_image).sum())) // int(is_image.sum())
    return values.repeat_interleave(torch.where(is_image, width, 1))


def turns_mask(model: LladaVForMaskedDiffusion, sample: Mapping[str, Tensor], length: int) -> Tensor:
    """Who sees whom where a turn sees itself and earlier ones: of shape (1, 1, L, L), for one sample of L tokens.

    Args:
        model: Knows what stands for a picture.
        sample: From `LladaVProcessor.training_inputs`.
        length: L, pictures in place.
    """
    turns = _spread(sample["turn_ids"][0], sample["input_ids"][0], length, model)
    return (turns[:, None] >= turns)[None, None]


def tuning_loss(
    model: LladaVForMaskedDiffusion,
    samples: Sequence[Mapping[str, Tensor]],
    generator: torch.Generator | None = None,
    hide_later_turns: bool = False,
) -> Tensor:
    """The masked-diffusion loss of LLaDA-V (arXiv 2505.16933, eq. 3) on a batch of conversations: a scalar.

    Args:
        model: In training.
        samples: See `embed_samples`.
        generator: Of the times and masks, see `forward_process`; None draws them from torch's global generator.
        hide_later_turns: Keep a turn from seeing later ones. No published model was trained so. One sample at a time.
    """
    embeds, labels = embed_samples(model, samples)
    mask_index, p_mask = forward_process(labels, generator)
    mask = model.get_input_embeddings()(torch.tensor(model.config.mask_token_id, device=labels.device))
    noisy = torch.where(mask_index[..., None], mask, embeds)  # (B, L, D)
    seen = None
    if hide_later_turns:
        (sample,) = samples
        seen = turns_mask(model, sample, labels.shape[1])
    hidden = model.model.language_model(inputs_embeds=noisy, attention_mask=seen).last_hidden_state  # (B, L, D)
    logits = model.lm_head(hidden[mask_index]).float()  # (M, V): masks are few, and the vocabulary is large
    return masked_diffusion_loss(logits, labels, mask_index, p_mask)

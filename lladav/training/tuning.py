"""The loss that LLaDA-V is tuned with on conversations about pictures, for any model of this family.

`LladaVProcessor.training_inputs` makes the samples: prompt ids with one placeholder a picture, and labels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lladav.anyres import PICTURE_INPUTS
from lladav.configuration import IGNORE
from lladav.modeling import LladaVForMaskedDiffusion
from lladav.training.objective import forward_process, masked_diffusion_loss


@dataclass(frozen=True)
class Embedded:
    """One sample of L_i ids with its pictures in place: embeds (L', D) and labels (L',); widths (L_i,) say how many
    tokens each id became: 1, or as many as its picture has."""

    embeds: Tensor
    labels: Tensor
    widths: Tensor


def embed_samples(model: LladaVForMaskedDiffusion, samples: Sequence[Mapping[str, Tensor]]) -> tuple[Tensor, Tensor]:
    """Embed samples as one batch: embeddings of shape (B, L, D) and labels of shape (B, L), pictures in place.

    Shorter samples are filled up on the right with end-of-text tokens, which are labelled: the model learns to end.
    What is then still shorter because it has fewer picture tokens gets zeros, which are neither labelled nor hidden.

    Args:
        model: Embeds tokens and pictures.
        samples: Each with input_ids and labels of shape (1, L_i), and the picture tensors of its pictures, if any.
    """
    return _batch([_embed(model, sample, _longest(samples)) for sample in samples])


def _longest(samples: Sequence[Mapping[str, Tensor]]) -> int:
    return max(sample["input_ids"].shape[1] for sample in samples)


def _embed(model: LladaVForMaskedDiffusion, sample: Mapping[str, Tensor], length: int) -> Embedded:
    """Embed one sample, filled up to `length` ids."""
    filler = sample["input_ids"].new_full((1, length - sample["input_ids"].shape[1]), model.config.eos_token_id)
    input_ids, labels = (torch.cat([sample[name], filler], dim=1) for name in ("input_ids", "labels"))
    pictures = {name: sample[name] for name in PICTURE_INPUTS if name in sample}
    features = model.get_image_features(**pictures) if pictures else []
    widths = torch.ones_like(input_ids[0])
    widths[input_ids[0] == model.config.image_token_id] = widths.new_tensor([len(picture) for picture in features])
    embeds, _ = model.embed_prompt(input_ids, image_features=features)  # (1, L', D)
    return Embedded(embeds[0], labels[0].repeat_interleave(widths), widths)


def _batch(rows: Sequence[Embedded]) -> tuple[Tensor, Tensor]:
    embeds, labels = [row.embeds for row in rows], [row.labels for row in rows]
    return pad_sequence(embeds, batch_first=True), pad_sequence(labels, batch_first=True, padding_value=IGNORE)


def turns_mask(turn_ids: Tensor) -> Tensor:
    """Let a turn see itself and earlier ones: of shape (1, 1, L, L), for one sample's turn_ids of shape (L,)."""
    return (turn_ids[:, None] >= turn_ids)[None, None]


def tuning_loss(
    model: LladaVForMaskedDiffusion,
    samples: Sequence[Mapping[str, Tensor]],
    generator: torch.Generator | None = None,
    hide_later_turns: bool = False,
) -> Tensor:
    """Compute the masked-diffusion loss of LLaDA-V (arXiv 2505.16933, eq. 3) on a batch of conversations: a scalar.

    Args:
        model: In training.
        samples: See `embed_samples`.
        generator: Of the times and masks, see `forward_process`; None draws them from torch's global generator.
        hide_later_turns: Keep a turn from seeing later ones. No published model was trained so. One sample at a time.
    """
    rows = [_embed(model, sample, _longest(samples)) for sample in samples]
    embeds, labels = _batch(rows)
    mask_index, p_mask = forward_process(labels, generator)
    mask = model.get_input_embeddings()(torch.tensor(model.config.mask_token_id, device=labels.device))
    noisy = torch.where(mask_index[..., None], mask, embeds)  # (B, L, D)
    seen = None
    if hide_later_turns:
        (sample,), (row,) = samples, rows
        seen = turns_mask(sample["turn_ids"][0].repeat_interleave(row.widths))
    hidden = model.model.language_model(inputs_embeds=noisy, attention_mask=seen).last_hidden_state  # (B, L, D)
    logits = model.lm_head(hidden[mask_index]).float()  # (M, V): masks are few, and the vocabulary is large
    return masked_diffusion_loss(logits, labels, mask_index, p_mask)

"""Tuning on conversations, against figures of the published implementation."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lladav.configuration import IGNORE
from lladav.modeling import LladaVForMaskedDiffusion
from lladav.pipeline import LladaVPipeline
from lladav.processing import LladaVProcessor
from lladav.training.objective import forward_process
from lladav.training.tuning import embed_samples, tuning_loss

GOLDEN = Path(__file__).parents[1] / "fixtures" / "golden"


CASES = json.loads((GOLDEN / "train.json").read_text())


PUBLISHED_GRADIENTS = {  # published name: ours
    "model.mm_projector.2.weight": "model.projector.linear_2.weight",
    "model.image_newline": "model.image_newline",
    "model.layers.0.self_attn.q_proj.weight": "model.language_model.layers.0.self_attn.q_proj.weight",
    "model.layers.2.mlp.down_proj.weight": "model.language_model.layers.2.mlp.down_proj.weight",
    "model.norm.weight": "model.language_model.norm.weight",
}


@pytest.fixture(scope="module")
def arrays():
    return np.load(GOLDEN / "train.npz")


@pytest.fixture(scope="module")
def model() -> LladaVForMaskedDiffusion:
    """The published checkpoint. Its figures were made with the vocabulary cut, which the loss of rare words shows."""
    return LladaVForMaskedDiffusion.from_pretrained(GOLDEN / "checkpoint", dtype=torch.float32)


def processor(**options) -> LladaVProcessor:
    return LladaVProcessor.from_pretrained(GOLDEN / "checkpoint", **options)


def samples(case: dict) -> list:
    """The case's conversations as training inputs."""
    if case["template"] == "llada_plain":
        (sample,) = case["samples"]
        picture = GOLDEN / "images" / sample["image"]
        plain = processor(image_aspect_ratio="square")
        return [plain.pretraining_inputs(picture, sample["conversations"][1]["value"])]
    tuning = processor(multi_image="train")
    return [tuning.training_inputs(messages(sample)) for sample in case["samples"]]


def messages(sample: dict) -> list[dict]:
    """A sample as chat messages: its pictures stand at the head of the first question."""
    files = sample.get("image", [])
    pictures = [
        {"type": "image", "image": GOLDEN / "images" / name} for name in ([files] if isinstance(files, str) else files)
    ]
    turns = []
    for turn in sample["conversations"]:
        role = {"human": "user", "gpt": "assistant"}[turn["from"]]
        text = turn["value"].replace("<image>", "").strip()
        turns.append({"role": role, "content": [*pictures, {"type": "text", "text": text}]})
        pictures = []
    return turns


@pytest.mark.parametrize("name", CASES)
def test_masked_positions_and_loss(name, model, arrays):
    case = CASES[name]
    batch = samples(case)
    embeds, labels = embed_samples(model, batch)
    assert labels.tolist() == arrays[f"{name}/labels"].tolist()
    np.testing.assert_allclose(embeds.detach(), arrays[f"{name}/inputs_embeds_clean"], atol=1e-4)

    torch.manual_seed(case["torch_seed"])
    mask_index, p_mask = forward_process(labels)
    assert mask_index.tolist() == arrays[f"{name}/masked_indices"].tolist()
    torch.testing.assert_close(p_mask[:, 0], torch.tensor(case["p_mask_per_sample"]))

    torch.manual_seed(case["torch_seed"])
    model.zero_grad()
    loss = tuning_loss(model, batch, hide_later_turns=case["use_conversation_mask"])
    assert loss.item() == pytest.approx(case["loss"], rel=1e-5)
    if case["loss"]:
        loss.backward()
        ours = dict(model.named_parameters())
        for published, name_here in PUBLISHED_GRADIENTS.items():
            if f"{name}/grad/{published}" in arrays:
                expected = arrays[f"{name}/grad/{published}"]
                scale = np.abs(expected).max()
                gradient = ours[name_here].grad
                found = np.zeros_like(expected) if gradient is None else gradient.numpy()
                np.testing.assert_allclose(found, expected, atol=1e-4 * scale + 1e-7)


@pytest.mark.parametrize("frames", [(3, 1), (1, 3), (3, 2), (2, 1, 4)])
def test_labels_follow_each_picture_by_its_own_width(frames: tuple[int, ...], tiny_pipeline: LladaVPipeline):
    """Wherever there is a label, the embedding is that of its token, however unlike the pictures are."""
    subject = tiny_pipeline.model
    turns: list[dict] = []
    for count in frames:
        video = [Image.new("RGB", (32, 32), (40 * number, 90, 30)) for number in range(count)]
        content = [{"type": "video", "video": video}, {"type": "text", "text": "What is it?"}]
        turns += [{"role": "user", "content": content}, {"role": "assistant", "content": f"A film of {count}."}]
    sample = tiny_pipeline.processor.training_inputs(turns)
    embeds, labels = embed_samples(subject, [sample])
    (embeds,), (labels,) = embeds, labels
    assert len(embeds) == len(labels) == tiny_pipeline.processor.count_tokens(sample)
    labelled = labels != IGNORE
    assert labels[labelled].tolist() == sample["labels"][sample["labels"] != IGNORE].tolist()
    assert torch.equal(embeds[labelled], subject.get_input_embeddings()(labels[labelled]))
    assert torch.isfinite(tuning_loss(subject, [sample], hide_later_turns=True))

"""Everything that feeds the model, against figures of the published implementation (fixtures/golden).

Prompts, ids, labels and pixels are exact; features are within 1e-4 and logits within 2e-4.
"""

import hashlib
import json

import numpy as np
import pytest
import torch
from helpers import GOLDEN
from PIL import Image

from lladav import LladaVProcessor
from lladav.anyres import ImageLayout, anyres_tokens, select_best_resolution

IMAGES = GOLDEN / "images"


def figures(name: str) -> dict:
    return json.loads((GOLDEN / f"{name}.json").read_text())


def arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(GOLDEN / f"{name}.npz") as file:
        return dict(file)


def image(name: str) -> dict:
    return {"type": "image", "image": IMAGES / f"{name}.png"}


def text(words: str) -> dict:
    return {"type": "text", "text": words}


def frames(count: int) -> dict:
    return {"type": "video", "video": [IMAGES / f"frame{index}.png" for index in range(count)]}


def user(*content: dict) -> list[dict]:
    return [{"role": "user", "content": list(content)}]


def processor(**options) -> LladaVProcessor:
    return LladaVProcessor.from_pretrained(GOLDEN / "checkpoint", **options)


PROMPTS = figures("prompts")
TRAINING = figures("train")
PIXELS = figures("pixels")
ALONE = [name for name, case in PIXELS.items() if case.get("mode") == "RGB"]  # one converted RGB picture each
TWO = [image("wide900x300"), image("tall200x700")]


# Prompts


def published_messages(case: dict) -> list[dict]:
    """The messages of a case, with a picture for every mark."""
    blank = Image.new("RGB", (3, 2))
    return [
        {"role": role, "content": [*[{"type": "image", "image": blank}] * words.count("<image>"), text(words)]}
        for role, words in case["messages"]
        if words is not None
    ]


@pytest.mark.parametrize("name", PROMPTS)
def test_prompts_and_their_ids(name, golden_processor):
    case, messages = PROMPTS[name], published_messages(PROMPTS[name])
    assert golden_processor.apply_chat_template(messages, tokenize=False) == case["text"]
    inputs = golden_processor.apply_chat_template(messages)
    assert inputs["input_ids"].tolist() == [case["input_ids"]]
    assert (inputs["input_ids"][0] == -200).nonzero().flatten().tolist() == case["image_positions"]


@pytest.mark.parametrize("name", PROMPTS)
def test_keeping_the_token_after_a_picture(name):
    """With the option off, exactly the tokens come back that the published evaluation drops."""
    case = PROMPTS[name]
    first, *rest = case["chunk_ids"]
    kept = processor(drop_token_after_image=False).apply_chat_template(published_messages(case))
    assert kept["input_ids"][0].tolist() == first + [token for chunk in rest for token in (-200, *chunk)]


def test_list_content_makes_the_published_prompt(golden_processor):
    """Pictures first, then the question, as people and pages write it."""
    for name, count in (("single_image", 1), ("two_image", 2), ("three_image", 3)):
        question = PROMPTS[name]["messages"][0][1].rpartition("\n")[2]
        messages = user(*[image("tiny30x20")] * count, text(question))
        assert golden_processor.apply_chat_template(messages, tokenize=False) == PROMPTS[name]["text"]


# Pixels


def sha256(pixel_values: torch.Tensor) -> str:
    return hashlib.sha256(pixel_values.numpy().tobytes()).hexdigest()


@pytest.mark.parametrize("name", ALONE)
def test_pixels_of_one_picture(name, golden_processor):
    inputs = golden_processor.apply_chat_template(user(image(name)))
    assert inputs["pixel_values"].dtype == torch.float32
    assert inputs["image_sizes"].tolist() == [PIXELS[name]["size_wh"]]
    assert inputs["tile_counts"].tolist() == [PIXELS[name]["tiles"]]
    assert sha256(inputs["pixel_values"]) == PIXELS[name]["sha256_fp32_pixels"]


def test_pixels_of_several_pictures(golden_processor):
    inputs = golden_processor.apply_chat_template(user(*TWO))
    assert inputs["tile_counts"].tolist() == [1, 1]
    assert sha256(inputs["pixel_values"]) == PIXELS["pad_two_images"]["sha256_fp32_pixels"]


def test_pixels_of_a_video(golden_processor):
    inputs = golden_processor.apply_chat_template(user(frames(4)))
    assert inputs["tile_counts"].tolist() == [4]
    assert sha256(inputs["pixel_values"]) == PIXELS["video4"]["sha256_fp32_pixels"]


# Features


VISION = arrays("vision")
SEVERAL = {"eval": "features_4d_tensor_eval", "train": "features_list_train"}


@torch.no_grad()
def features(model, inputs) -> np.ndarray:
    pictures = [inputs[name] for name in ("pixel_values", "image_sizes", "tile_counts", "image_layouts")]
    return torch.cat(model.get_image_features(*pictures)).numpy()


@pytest.mark.parametrize("name", ALONE)
def test_features_of_one_picture(name, golden_model, golden_processor):
    inputs = golden_processor.apply_chat_template(user(image(name)))
    found = features(golden_model, inputs)
    assert len(found) == PIXELS[name]["visual_tokens"]
    assert golden_processor.count_tokens(inputs) == inputs["input_ids"].shape[1] - 1 + len(found)
    np.testing.assert_allclose(found, VISION[f"{name}/features"], atol=1e-4)


@pytest.mark.parametrize("name", ["square384", "wide900x300", "tiny30x20"])
def test_the_tower_before_its_last_norm_and_the_projector(name, golden_model, golden_processor):
    pixel_values = golden_processor.apply_chat_template(user(image(name)))["pixel_values"]
    tower = golden_model.model.vision_tower
    with torch.no_grad():
        hidden = tower.encoder(inputs_embeds=tower.embeddings(pixel_values)).last_hidden_state
        np.testing.assert_allclose(hidden, VISION[f"{name}/tower"], atol=1e-4)
        projected = golden_model.model.get_tile_features(pixel_values)
        np.testing.assert_allclose(projected, VISION[f"{name}/projector"], atol=1e-4)


@pytest.mark.parametrize("multi_image", SEVERAL)
def test_features_of_several_pictures(multi_image, golden_model):
    several = processor(multi_image=multi_image)
    inputs = several.apply_chat_template(user(*TWO))
    expected = VISION[f"pad_two_images/{SEVERAL[multi_image]}"]
    assert several.count_tokens(inputs) == inputs["input_ids"].shape[1] - 2 + len(expected)
    np.testing.assert_allclose(features(golden_model, inputs), expected, atol=1e-4)


def test_features_of_a_video(golden_model, golden_processor):
    inputs = golden_processor.apply_chat_template(user(frames(4)))
    assert golden_processor.count_tokens(inputs) == inputs["input_ids"].shape[1] - 1 + 4 * 210
    np.testing.assert_allclose(features(golden_model, inputs), VISION["video4/features"], atol=1e-4)


# Prompt embeddings and first logits


DESCRIBE, DIFFERENT, HAPPENS = (
    "Please describe the image in detail.",
    "What is different between the two images?",
    "What happens in the video?",
)
LOGITS = figures("logits")
EMBEDS = arrays("embeds_logits")
PROMPT_OF = {  # case: its prompt, and its pictures
    "text_only": ("text_only", []),
    "text_lily": ("text_lily", []),
    **{name: ("single_image", [image(name)]) for name in ("tiny30x20", "square384", "wide900x300", "tall200x700")},
    "large1600x1200": ("single_image", [image("large1600x1200")]),
    "two_turn": ("two_turn_image", [image("tiny30x20")]),
    "two_image_pad_eval": ("two_image", TWO),
    "two_image_pad_list": ("two_image", TWO),
    "two_image_anyres": ("two_image", [image("tiny30x20"), image("tall200x700")]),
    "video4": ("video", [frames(4)]),
}
MULTI_IMAGE = {"two_image_pad_list": "train", "two_image_anyres": "anyres"}


def test_every_case_is_covered():
    assert PROMPT_OF.keys() == LOGITS.keys()


@pytest.mark.parametrize("name", PROMPT_OF)
@torch.no_grad()
def test_prompt_embeddings_and_first_logits(name, golden_model):
    prompt, pictures = PROMPT_OF[name]
    messages = [{"role": role, "content": words} for role, words in PROMPTS[prompt]["messages"] if words is not None]
    messages[0]["content"] = [*pictures, text(messages[0]["content"])]
    inputs = processor(multi_image=MULTI_IMAGE.get(name, "eval")).apply_chat_template(messages)
    embeds, mask = golden_model.embed_prompt(**inputs)
    assert (mask, embeds.shape[1]) == (None, LOGITS[name]["prompt_len"])
    if f"{name}/inputs_embeds" in EMBEDS:
        np.testing.assert_allclose(embeds[0], EMBEDS[f"{name}/inputs_embeds"], atol=1e-4)
    else:
        ends = torch.cat([embeds[0, :64], embeds[0, -64:]])
        np.testing.assert_allclose(ends, EMBEDS[f"{name}/inputs_embeds_first64_last64"], atol=1e-4)

    masks = torch.full((1, LOGITS[name]["gen_length"]), golden_model.config.mask_token_id)
    canvas = torch.cat([embeds, golden_model.get_input_embeddings()(masks)], dim=1)
    first = torch.arange(embeds.shape[1], embeds.shape[1] + 8)
    logits = golden_model(inputs_embeds=canvas, logits_to_keep=first).logits[0]  # (8, V)
    top = logits.topk(10)
    np.testing.assert_allclose(top.values, LOGITS[name]["top10_values"], atol=2e-4)
    np.testing.assert_allclose(logits.logsumexp(-1), LOGITS[name]["logsumexp"], atol=2e-4)
    assert top.indices[:, 0].tolist() == [ids[0] for ids in LOGITS[name]["top10_ids"]]
    ids = torch.tensor(LOGITS[name]["top10_ids"])
    np.testing.assert_allclose(logits.gather(1, ids), LOGITS[name]["top10_values"], atol=2e-4)
    if f"{name}/logits_pos0" in EMBEDS:
        np.testing.assert_allclose(logits[0], EMBEDS[f"{name}/logits_pos0"], atol=2e-4)


# Training


def training_messages(sample: dict) -> list[dict]:
    """Pictures in front of the question, where published training puts a lone one, too."""
    names = sample.get("image", [])
    pictures = iter([names] if isinstance(names, str) else names)
    return [
        {
            "role": {"human": "user", "gpt": "assistant"}[turn["from"]],
            "content": [
                *[image(next(pictures).removesuffix(".png")) for _ in range(turn["value"].count("<image>"))],
                text(turn["value"].replace("<image>", "").strip()),
            ],
        }
        for turn in sample["conversations"]
    ]


@pytest.mark.parametrize("name", [name for name in TRAINING if name != "plain_pretrain"])
def test_labels_of_conversations(name):
    case, trainer = TRAINING[name], processor(multi_image="train")
    for sample, ids, labels in zip(case["samples"], case["input_ids"], case["labels"], strict=True):
        inputs = trainer.training_inputs(training_messages(sample))
        length = inputs["input_ids"].shape[1]
        assert inputs["input_ids"].tolist() == [ids[:length]]
        assert inputs["labels"].tolist() == [labels[:length]]
        assert set(ids[length:]) <= {126081}, "the rest is padding"
    if len(case["samples"]) == 1:
        assert trainer.count_tokens(inputs) == case["seq_len"]


def test_labels_of_a_caption(golden_model):
    case, trainer = TRAINING["plain_pretrain"], processor(image_aspect_ratio="square")
    (sample,) = case["samples"]
    inputs = trainer.pretraining_inputs(IMAGES / sample["image"], sample["conversations"][1]["value"])
    assert inputs["input_ids"].tolist() == case["input_ids"]
    assert inputs.pop("labels").tolist() == case["labels"]
    with torch.no_grad():
        embeds, _ = golden_model.embed_prompt(**inputs)
    np.testing.assert_allclose(embeds, arrays("train")["plain_pretrain/inputs_embeds_clean"], atol=1e-4)


@pytest.mark.parametrize("name", ["one_image", "two_turn_fullattn", "text_only", "multi_image"])
def test_embeddings_of_conversations(name, golden_model):
    (sample,) = TRAINING[name]["samples"]
    inputs = processor(multi_image="train").training_inputs(training_messages(sample))
    del inputs["labels"], inputs["turn_ids"]
    with torch.no_grad():
        embeds, _ = golden_model.embed_prompt(**inputs)
    np.testing.assert_allclose(embeds, arrays("train")[f"{name}/inputs_embeds_clean"], atol=1e-4)


# The arithmetic of tiles, where it is hardest


EXTREME = [(1, 1), (1, 16_384), (16_384, 1), (16_384, 3000), (2, 9000), (9000, 2), (385, 384), (1153, 1151), (97, 1009)]


@pytest.mark.parametrize("size", EXTREME)
def test_pictures_of_any_size_have_as_many_tokens_as_counted(size, golden_model):
    pinpoints = golden_model.config.image_grid_pinpoints
    width, height = select_best_resolution(size, pinpoints)
    tiles = torch.randn(1 + width // 384 * (height // 384), 729, 32)
    with torch.no_grad():
        tokens = golden_model.model.lay_out(tiles, size, ImageLayout.ANYRES)
    assert len(tokens) == anyres_tokens(size, pinpoints, tile=384, side=27, limit=4)
    assert torch.equal(tokens[:729], tiles[0])


@pytest.mark.parametrize("size", EXTREME)
def test_pictures_of_any_size_have_tiles(size, golden_processor):
    inputs = golden_processor([{"role": "user", "content": [{"type": "image", "image": Image.new("RGB", size)}]}])
    width, height = select_best_resolution(size, golden_processor.image_grid_pinpoints)
    assert inputs["pixel_values"].shape == (1 + width // 384 * (height // 384), 3, 384, 384)

"""The model: loading and saving in both layouts, what is refused, padding, cache and the causal twin."""

import json
import shutil

import pytest
import torch
from helpers import GOLDEN
from safetensors.torch import load_file, save_file
from transformers import AutoModel, BitsAndBytesConfig, DynamicCache
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, rename_source_key

from lladav import LladaVConfig, LladaVForMaskedDiffusion
from lladav.anyres import ImageLayout

CHECKPOINT = GOLDEN / "checkpoint"
ONE_PICTURE = {
    "input_ids": torch.tensor([[126080, -200, 13]]),
    "pixel_values": torch.linspace(-1, 1, 3 * 384 * 384).view(1, 3, 384, 384),
    "image_sizes": torch.tensor([[384, 384]]),
    "tile_counts": torch.tensor([1]),
    "image_layouts": torch.tensor([ImageLayout.TILE]),
}


@pytest.fixture
def tiny(tiny_random) -> LladaVForMaskedDiffusion:
    return LladaVForMaskedDiffusion.from_pretrained(tiny_random)


def published_shapes() -> dict[str, tuple[int, ...]]:
    """The published 8B checkpoint: every key and its shape."""
    hidden, mlp, vocabulary, tower, tower_mlp = 4096, 12288, 126464, 1152, 4304
    vision = "model.vision_tower.vision_tower.vision_model."
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (vocabulary, hidden),
        "model.norm.weight": (hidden,),
        "lm_head.weight": (vocabulary, hidden),
        "model.image_newline": (hidden,),
        "model.mm_projector.0.weight": (hidden, tower),
        "model.mm_projector.0.bias": (hidden,),
        "model.mm_projector.2.weight": (hidden, hidden),
        "model.mm_projector.2.bias": (hidden,),
        vision + "embeddings.patch_embedding.weight": (tower, 3, 14, 14),
        vision + "embeddings.patch_embedding.bias": (tower,),
        vision + "embeddings.position_embedding.weight": (729, tower),
        vision + "post_layernorm.weight": (tower,),
        vision + "post_layernorm.bias": (tower,),
    }
    for index in range(32):
        layer = f"model.layers.{index}."
        shapes |= {layer + f"{norm}_layernorm.weight": (hidden,) for norm in ("input", "post_attention")}
        shapes |= {layer + f"self_attn.{name}_proj.weight": (hidden, hidden) for name in "qkvo"}
        shapes |= {layer + f"mlp.{name}_proj.weight": (mlp, hidden) for name in ("gate", "up")}
        shapes[layer + "mlp.down_proj.weight"] = (hidden, mlp)
    for index in range(26):
        layer = f"{vision}encoder.layers.{index}."
        linears = {f"self_attn.{name}_proj": (tower, tower) for name in ("q", "k", "v", "out")}
        linears |= {"mlp.fc1": (tower_mlp, tower), "mlp.fc2": (tower, tower_mlp)}
        linears |= {"layer_norm1": (tower,), "layer_norm2": (tower,)}
        for name, shape in linears.items():
            shapes |= {layer + name + ".weight": shape, layer + name + ".bias": shape[:1]}
    return shapes


def test_at_full_size_the_model_has_exactly_the_published_weights():
    with torch.device("meta"):
        model = LladaVForMaskedDiffusion(LladaVConfig.from_dict({"model_type": "llava_llada"}, cut_vocabulary=False))
    conversions = get_model_conversion_mapping(model)
    converters = [conversion for conversion in conversions if isinstance(conversion, WeightConverter)]
    renamings = [conversion for conversion in conversions if conversion not in converters]
    expected = {rename_source_key(key, renamings, converters)[0]: shape for key, shape in published_shapes().items()}
    assert {key: tuple(weight.shape) for key, weight in model.state_dict().items()} == expected
    assert len(expected) == len(published_shapes())


def test_the_defaults_are_the_published_model_with_its_vocabulary_cut():
    with torch.device("meta"):
        model = LladaVForMaskedDiffusion(LladaVConfig())
    assert sum(weight.numel() for weight in model.parameters()) == pytest.approx(8.43e9, rel=1e-3)
    assert model.lm_head.weight.shape == model.get_input_embeddings().weight.shape == (126349, 4096)


def test_the_vocabulary_is_cut_on_loading(golden_model):
    full = LladaVForMaskedDiffusion.from_pretrained(CHECKPOINT, cut_vocabulary=False, dtype=torch.float32)
    for whole, cut in zip(embedding_and_head(full), embedding_and_head(golden_model), strict=True):
        assert whole.shape == (126464, 32)
        assert torch.equal(whole[:126349], cut)


def embedding_and_head(model: LladaVForMaskedDiffusion) -> list[torch.Tensor]:
    return [model.get_input_embeddings().weight, model.get_output_embeddings().weight]


def test_published_to_ours_and_back_in_shards(golden_model, tmp_path):
    golden_model.save_pretrained(tmp_path, max_shard_size="5MB")
    names = json.loads((tmp_path / "model.safetensors.index.json").read_text())["weight_map"]
    assert len(set(names.values())) > 1
    assert set(names) == set(golden_model.state_dict()), "saved in our layout"
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "lladav"
    again = AutoModel.from_pretrained(tmp_path)
    assert type(again) is LladaVForMaskedDiffusion
    assert_same_weights(again, golden_model)


def test_a_model_made_from_scratch_round_trips(tiny, tmp_path):
    tiny.save_pretrained(tmp_path)
    assert_same_weights(LladaVForMaskedDiffusion.from_pretrained(tmp_path), tiny)


def assert_same_weights(one: LladaVForMaskedDiffusion, other: LladaVForMaskedDiffusion):
    assert one.state_dict().keys() == other.state_dict().keys()
    for key, weight in one.state_dict().items():
        assert torch.equal(weight, other.state_dict()[key]), key


def test_dtype_device_map_and_loading_info_are_transformers_own():
    model, info = LladaVForMaskedDiffusion.from_pretrained(
        CHECKPOINT, dtype=torch.bfloat16, device_map="cpu", output_loading_info=True
    )
    assert {weight.dtype for weight in model.parameters()} == {torch.bfloat16}
    assert not info["missing_keys"]
    assert model(**ONE_PICTURE).logits.dtype == torch.float32


def test_weights_may_stay_on_disk(golden_model, tmp_path):
    """The cut embedding and head among them."""
    places = dict.fromkeys(("model.vision_tower", "model.projector", "model.image_newline"), "cpu")
    places |= dict.fromkeys(("model.language_model", "lm_head"), "disk")
    offloaded = LladaVForMaskedDiffusion.from_pretrained(
        CHECKPOINT, dtype=torch.float32, device_map=places, offload_folder=tmp_path
    )
    assert offloaded.get_input_embeddings().weight.device.type == "meta"
    with torch.no_grad():
        torch.testing.assert_close(offloaded(**ONE_PICTURE).logits, golden_model(**ONE_PICTURE).logits)


def test_eight_bits_come_close(golden_model):
    pytest.importorskip("bitsandbytes")
    quantized = LladaVForMaskedDiffusion.from_pretrained(
        CHECKPOINT, quantization_config=BitsAndBytesConfig(load_in_8bit=True), device_map="cpu", dtype=torch.float32
    )
    with torch.no_grad():
        close, exact = quantized(**ONE_PICTURE).logits, golden_model(**ONE_PICTURE).logits
    assert (close - exact).norm() < 0.1 * exact.norm()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda weights: weights.pop("model.image_newline"), "missing: model.image_newline"),
        (lambda weights: weights.pop("model.mm_projector.2.bias"), "missing: model.mm_projector.2.bias"),
        (
            lambda weights: weights.pop("model.vision_tower.vision_tower.vision_model.encoder.layers.2.mlp.fc1.bias"),
            "missing: model.vision_tower.vision_tower.vision_model.encoder.layers.2.mlp.fc1.bias",
        ),
        (
            lambda weights: weights.update({"model.layers.3.mlp.up_proj.weight": torch.zeros(96, 32)}),
            "unexpected: model.layers.3.mlp.up_proj.weight",
        ),
        (lambda weights: weights.update({"stray": torch.zeros(1)}), "unexpected: stray"),
        (
            lambda weights: weights.update({"model.layers.0.mlp.up_proj.weight": torch.zeros(95, 32)}),
            "of another shape: model.layers.0.mlp.up_proj.weight",
        ),
        (
            lambda weights: weights.update({"lm_head.weight": torch.zeros(126400, 32)}),
            "of another shape: lm_head.weight",
        ),
    ],
)
def test_a_wrong_checkpoint_is_refused_by_name(change, named, tmp_path):
    weights: dict[str, torch.Tensor] = {}
    for shard in CHECKPOINT.glob("*.safetensors"):
        weights |= load_file(shard)
    change(weights)
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    shutil.copy(CHECKPOINT / "config.json", tmp_path)
    with pytest.raises(ValueError, match="must hold this model's weights") as error:
        LladaVForMaskedDiffusion.from_pretrained(tmp_path)
    assert str(error.value).endswith(named)


def test_every_position_sees_every_other_unless_causal(tiny, tiny_random):
    twin = LladaVForMaskedDiffusion.from_pretrained(tiny_random, is_causal=True)
    ids, changed = torch.arange(10, 20)[None], torch.arange(10, 20)[None].clone()
    changed[0, -1] = 7
    with torch.no_grad():
        assert not torch.allclose(tiny(ids).logits[:, 0], tiny(changed).logits[:, 0])
        assert torch.equal(twin(ids).logits[:, :-1], twin(changed).logits[:, :-1])


def test_the_head_runs_where_it_is_asked_to(tiny):
    ids = torch.arange(10, 20)[None]
    with torch.no_grad():
        whole = tiny(ids).logits
        torch.testing.assert_close(tiny(ids, logits_to_keep=3).logits, whole[:, -3:])
        torch.testing.assert_close(tiny(ids, logits_to_keep=torch.tensor([2, 5])).logits, whole[:, [2, 5]])


def test_cached_positions_are_seen_as_if_they_were_there(tiny):
    """Exact for the first layer only: the keys of the prefix were computed without the rest."""
    tiny.model.language_model.layers = tiny.model.language_model.layers[:1]
    tiny.config.text_config.num_hidden_layers = 1
    ids, cache = torch.arange(10, 20)[None], DynamicCache()
    with torch.no_grad():
        tiny(ids[:, :6], past_key_values=cache)
        rest = tiny(ids[:, 6:], past_key_values=cache).logits
        torch.testing.assert_close(rest, tiny(ids).logits[:, 6:])
    assert cache.get_seq_length() == 10


def test_rows_of_a_batch_are_padded_on_the_left_and_do_not_see_it(tiny):
    long, short = torch.arange(10, 20), torch.arange(30, 34)
    ids = torch.stack([long, torch.cat([short, torch.zeros(6).long()])])
    mask = torch.tensor([[1] * 10, [1] * 4 + [0] * 6])
    embeds, embeds_mask = tiny.embed_prompt(ids, mask)
    assert embeds_mask.tolist() == [[1] * 10, [0] * 6 + [1] * 4]
    with torch.no_grad():
        logits = tiny(inputs_embeds=embeds, attention_mask=embeds_mask).logits
        torch.testing.assert_close(logits[1, 6:], tiny(short[None]).logits[0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(logits[0], tiny(long[None]).logits[0], atol=1e-4, rtol=1e-4)


def test_pictures_take_their_own_places_in_a_batch(tiny):
    pixels = torch.rand(3, 3, 128, 128)
    pictures = {
        "pixel_values": pixels,
        "image_sizes": torch.tensor([[5, 9], [9, 5], [7, 7]]),
        "tile_counts": torch.ones(3).long(),
        "image_layouts": torch.tensor([ImageLayout.TILE, ImageLayout.TILE_NEWLINE, ImageLayout.TILE]),
    }
    with torch.no_grad():
        features = tiny.get_image_features(**pictures)
        embeds, mask = tiny.embed_prompt(torch.tensor([[-200, 5, -200], [6, -200, 7]]), **pictures)
    words = tiny.get_input_embeddings().weight
    assert list(map(len, features)) == [64, 65, 64]
    assert mask.sum(1).tolist() == [130, 66]
    torch.testing.assert_close(embeds[0], torch.cat([features[0], words[[5]], features[1]]))
    torch.testing.assert_close(embeds[1, -66:], torch.cat([words[[6]], features[2], words[[7]]]))
    torch.testing.assert_close(features[1][-1], tiny.model.image_newline)


def test_placeholders_and_pictures_must_agree(tiny):
    with pytest.raises(ValueError, match="got it 1 times for 0"):
        tiny.embed_prompt(torch.tensor([[5, -200]]))
    with pytest.raises(ValueError, match="got neither"):
        tiny()
    with pytest.raises(ValueError, match="inputs_embeds must hold the whole prompt"):
        tiny(torch.tensor([[5]]), inputs_embeds=torch.zeros(1, 1, 48))


def test_gradients_reach_everything_but_the_towers_last_norm(tiny):
    pictures = {
        "pixel_values": torch.rand(1, 3, 128, 128),
        "image_sizes": torch.tensor([[5, 9]]),
        "tile_counts": torch.tensor([1]),
        "image_layouts": torch.tensor([ImageLayout.TILE_NEWLINE]),
    }
    tiny(torch.tensor([[4, -200, 5]]), **pictures).logits.logsumexp(-1).sum().backward()
    untouched = {name for name, weight in tiny.named_parameters() if weight.grad is None}
    assert untouched == {f"model.vision_tower.post_layernorm.{name}" for name in ("weight", "bias")}

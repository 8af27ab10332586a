"""The configuration: the published flat file in, our own layout out."""

import json

import pytest
from helpers import GOLDEN
from transformers import AutoConfig

from lladav import LladaVConfig
from lladav.configuration import from_published

CHECKPOINT = GOLDEN / "checkpoint"


@pytest.fixture
def flat() -> dict:
    return json.loads((CHECKPOINT / "config.json").read_text())


def test_the_published_configuration_is_read(flat):
    config = LladaVConfig.from_pretrained(CHECKPOINT)
    text, vision = config.text_config, config.vision_config
    assert (text.hidden_size, text.num_hidden_layers, text.num_attention_heads) == (32, 3, 4)
    assert text.rope_parameters["rope_theta"] == flat["rope_theta"] == 500000.0
    assert text.rms_norm_eps == 1e-5
    assert text.max_position_embeddings == 16384
    assert vision.num_hidden_layers == flat["vision_config"]["num_hidden_layers"] - 1
    assert (vision.hidden_size, vision.image_size, vision.patch_size) == (48, 384, 14)
    assert config.image_grid_pinpoints == flat["image_grid_pinpoints"]
    assert config.image_aspect_ratio == "anyres_max_4"


def test_special_tokens_are_the_tokenizers_and_not_the_published_files(flat):
    assert flat["bos_token_id"] == 128000
    config = LladaVConfig.from_dict(flat)
    tokenizer = {
        token["content"]: token["id"]
        for token in json.loads((CHECKPOINT / "tokenizer.json").read_text())["added_tokens"]
    }
    assert config.bos_token_id == tokenizer["<|startoftext|>"]
    assert config.eos_token_id == config.pad_token_id == tokenizer["<|endoftext|>"]
    assert config.eot_token_id == tokenizer["<|eot_id|>"]
    assert config.mask_token_id == tokenizer["<|mdm_mask|>"]
    assert list(config.suppress_token_ids) == [126081, 126080, 126346, 126347]
    assert config.text_config.pad_token_id is None, "a padding index would keep the end of text from being learnt"


def test_without_a_vision_section_the_tower_is_so400m(flat):
    del flat["vision_config"]
    vision = LladaVConfig.from_dict(flat).vision_config
    assert (vision.hidden_size, vision.intermediate_size, vision.num_attention_heads) == (1152, 4304, 16)
    assert (vision.num_hidden_layers, vision.image_size, vision.patch_size) == (26, 384, 14)
    assert vision == LladaVConfig().vision_config


def test_the_vocabulary_is_cut_unless_asked_otherwise(flat):
    assert LladaVConfig.from_dict(flat).text_config.vocab_size == 126349
    assert LladaVConfig.from_dict(flat).padded_vocab_size == 126464
    assert LladaVConfig.from_dict(flat, cut_vocabulary=False).text_config.vocab_size == 126464
    assert LladaVConfig.from_pretrained(CHECKPOINT, cut_vocabulary=False).text_config.vocab_size == 126464
    assert not hasattr(LladaVConfig.from_dict(flat, cut_vocabulary=False), "cut_vocabulary")


def test_auto_config_knows_both_layouts(tmp_path):
    published = AutoConfig.from_pretrained(CHECKPOINT)
    assert type(published) is LladaVConfig
    published.save_pretrained(tmp_path)
    ours = AutoConfig.from_pretrained(tmp_path)
    assert type(ours) is LladaVConfig
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "lladav"
    assert ours.to_dict() == published.to_dict() | {"_name_or_path": ours.name_or_path}


def test_a_range_of_grids_is_the_list_of_its_canvases(flat):
    listed = flat["image_grid_pinpoints"]
    for pinpoints in ("(1x1),...,(6x6)", None):
        assert LladaVConfig.from_dict(flat | {"image_grid_pinpoints": pinpoints}).image_grid_pinpoints == listed
    assert LladaVConfig(image_grid_pinpoints="(1x1),...,(2x3)").image_grid_pinpoints == [
        [384, 384], [384, 768], [384, 1152], [768, 384], [768, 768], [768, 1152],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [("mm_projector_type", "linear"), ("mm_patch_merge_type", "flat"), ("mm_newline_position", "one_token")],
)
def test_published_settings_that_are_not_reproduced_are_refused(flat, key, value):
    with pytest.raises(ValueError, match=f"{key} must be .* got '{value}'"):
        from_published(flat | {key: value})


@pytest.mark.parametrize("ratio", ["anyres_max_", "anyres_max_x", "crop", ""])
def test_unknown_aspect_ratios_are_refused(ratio):
    with pytest.raises(ValueError, match="image_aspect_ratio must be"):
        LladaVConfig(image_aspect_ratio=ratio)


def test_pinpoints_must_be_a_range_or_a_list():
    with pytest.raises(ValueError, match="image_grid_pinpoints must be"):
        LladaVConfig(image_grid_pinpoints="all of them")

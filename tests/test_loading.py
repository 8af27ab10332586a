"""Every file of a saved model, missing, cut or replaced: a sentence that names it, and no model."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
import torch

from lladav import LladaVForMaskedDiffusion, LladaVPipeline, LladaVProcessor, loading
from lladav.loading import PUBLISHED_MODEL, check_folder, check_model, check_safetensors

FILES = (
    "chat_template.jinja",
    "config.json",
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
    "processor_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 11851848\n"


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])


def cut_by_a_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes().rstrip()[:-1])


def fill_with_garbage(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 16)


def replace_by_a_page(path: Path) -> None:
    path.write_text("<!DOCTYPE html>\n<title>404: Not Found</title>\n", encoding="utf-8")


def replace_by_a_pointer(path: Path) -> None:
    path.write_bytes(POINTER)


DAMAGES = (remove, empty, cut, cut_by_a_byte, fill_with_garbage, replace_by_a_page, replace_by_a_pointer)


@pytest.fixture(scope="module")
def saved(tiny_random: Path, tmp_path_factory) -> Path:
    """A small model, saved in two parts."""
    folder = tmp_path_factory.mktemp("saved")
    LladaVForMaskedDiffusion.from_pretrained(tiny_random).save_pretrained(folder, max_shard_size="350KB")
    LladaVProcessor.from_pretrained(tiny_random).save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path) -> Path:
    """A copy of the model, to damage."""
    return shutil.copytree(saved, tmp_path / "copy")


@pytest.fixture(autouse=True)
def nothing_is_built(monkeypatch, request):
    """Fails the test if a model is built in spite of what is wrong; a test named `..._loads` may build one."""
    if not request.node.name.endswith("_loads"):
        built = lambda *_, **__: pytest.fail("a model was built")  # noqa: E731
        monkeypatch.setattr(LladaVForMaskedDiffusion, "from_pretrained", built)


def test_a_whole_folder_loads(saved):
    assert sorted(os.listdir(saved)) == sorted(FILES)
    assert LladaVPipeline.from_pretrained(saved, device="cpu").name == saved.name


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named(name: str, damage, folder):
    damage(folder / name)
    if name == "chat_template.jinja" and damage is remove:
        check_folder(folder)  # the package has one
        return
    with pytest.raises(ValueError, match=re.escape(name)) as error_info:
        LladaVPipeline.from_pretrained(folder)
    message = str(error_info.value)
    assert re.search(r": (copy|download|give|run|choose)\b", message) and str(folder) in message
    assert ("git lfs pull" in message) == (damage is replace_by_a_pointer)


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("config.json", {"model_type": "llama"}, "model_type lladav or llava_llada, got 'llama'"),
        ("config.json", {"model_type": None}, "got None"),
        ("config.json", {"vision_config": None}, "must hold the object vision_config, got None"),
        (
            "processor_config.json",
            {"image_processor": {"image_size": 384}},
            "must have the image_size of config.json, 128, got 384",
        ),
        ("model.safetensors.index.json", {"weight_map": {}}, "must say in weight_map where each weight is"),
        ("model.safetensors.index.json", {"weight_map": {"v": 1, "w": "w"}}, "must say in weight_map"),
        ("model.safetensors.index.json", {"weight_map": {"w": "../w"}}, "must hold ../w"),
        ("model.safetensors.index.json", {"weight_map": {"w": FILES[2]}}, f"{FILES[2]} must hold w"),
        ("tokenizer.json", {"model": {"type": "Dream"}}, "tokenizer.json cannot be read as a tokenizer"),
    ],
)
def test_what_does_not_fit_is_refused(name: str, changes: dict, words: str, folder):
    data = json.loads((folder / name).read_text(encoding="utf-8"))
    (folder / name).write_text(json.dumps(data | changes), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(words)):
        check_folder(folder)


def test_json_that_is_no_object_is_refused(folder):
    (folder / "config.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ValueError, match=r"config.json must be a JSON object, got list"):
        check_folder(folder)


def test_pickled_weights_are_not_loaded(folder):
    for path in folder.glob("model*"):
        path.unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"as model.safetensors.*weights in other formats, such as .bin"):
        check_folder(folder)


def test_a_header_longer_than_the_file_is_not_read(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes((2**63).to_bytes(8, "little") + b"{}")
    with pytest.raises(ValueError, match="is not a safetensors file"):
        check_safetensors(path)


@pytest.mark.parametrize("path", ["nowhere", "/a/b/c", "", "a/", "GSAI-ML/LLaDA-V/main"])
def test_what_is_neither_a_folder_nor_a_hub_id_is_refused(path: str):
    with pytest.raises(ValueError, match=f"model must be a directory or a hub id .* got '{path}'"):
        check_model(path)


class TestHub:
    """What is said and asked for, without a network."""

    @pytest.fixture(autouse=True)
    def hub(self, monkeypatch) -> dict:
        """A hub that has one configuration, and a cache that is empty."""
        self.config = {"model_type": "llava_llada"}
        monkeypatch.setattr(loading.PreTrainedConfig, "get_config_dict", lambda *_, **__: (self.config, {}))
        monkeypatch.setattr(loading, "try_to_load_from_cache", lambda *_, **__: None)

    def test_the_published_model_is_announced_with_its_size(self, capsys):
        check_model(PUBLISHED_MODEL)
        assert capsys.readouterr().err.startswith("Downloading GSAI-ML/LLaDA-V, 16.9 GB")

    def test_what_is_in_the_cache_is_not_announced(self, monkeypatch, capsys):
        monkeypatch.setattr(loading, "try_to_load_from_cache", lambda *_, **__: "/cache/index.json")
        check_model(PUBLISHED_MODEL)
        assert capsys.readouterr().err == ""

    def test_another_model_is_refused_before_it_is_downloaded(self):
        self.config = {"model_type": "qwen3"}
        with pytest.raises(ValueError, match=r"Qwen/Qwen3-8B: config.json must be of this model, .* got 'qwen3'"):
            LladaVPipeline.from_pretrained("Qwen/Qwen3-8B")

    def test_only_safetensors_of_the_main_branch_are_asked_for_and_no_code(self, monkeypatch):
        asked = {}

        def from_pretrained(path, **options):
            asked.update(options)
            raise InterruptedError

        monkeypatch.setattr(LladaVForMaskedDiffusion, "from_pretrained", from_pretrained)
        with pytest.raises(InterruptedError):
            LladaVPipeline.from_pretrained(PUBLISHED_MODEL, device="cpu")
        assert asked == {"dtype": torch.float32, "use_safetensors": True}

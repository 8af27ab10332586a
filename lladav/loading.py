"""What has to hold before a model is loaded: every file is there, whole, and of this model."""

import json
import re
import struct
import sys
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import try_to_load_from_cache
from jinja2 import Environment, TemplateSyntaxError
from jinja2.ext import loopcontrols
from jinja2.meta import find_undeclared_variables
from tokenizers import Tokenizer
from transformers import PreTrainedConfig

from lladav.configuration import LladaVConfig, PublishedConfig

PUBLISHED_MODEL = "GSAI-ML/LLaDA-V"
PUBLISHED_GIGABYTES = 16.9
PUBLISHED_MEMORY = 20 * 10**9  # bytes that its weights and a run take on a GPU
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
WEIGHTS_FILE = "model.safetensors"
INDEX = "model.safetensors.index.json"
TOKENIZER = "tokenizer.json"
PROCESSOR = "processor_config.json"
TEMPLATE = "chat_template.jinja"
CAPABILITIES = "capabilities.json"  # what the page offers of a model
SETTINGS = (  # what transformers reads where it is there
    PROCESSOR,
    "tokenizer_config.json",
    "generation_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
LFS_POINTER = b"version https://git-lfs"
LONGEST_HEADER = 10**8  # bytes; the limit of the safetensors format


def check_model(path: str) -> None:
    """Check that `path` holds a model that can be loaded, or names one of the hub; announce a long download.

    Raises:
        ValueError: it does neither. The sentence names the file that is wrong and what to do.
    """
    if path and Path(path).is_dir():
        check_folder(Path(path))
        return
    if Path(path).exists() or not HUB_ID.fullmatch(path):
        raise ValueError(f"model must be a directory or a hub id such as {PUBLISHED_MODEL}, got {path!r}")
    announce_download(path)
    config, _ = PreTrainedConfig.get_config_dict(path)
    _check_type(f"{path}: config.json", config)


def announce_download(path: str) -> None:
    """Say on stderr how much there is to download, where the published model is not in the cache."""
    if path == PUBLISHED_MODEL and not isinstance(try_to_load_from_cache(path, INDEX), str):
        print(f"Downloading {path}, {PUBLISHED_GIGABYTES} GB, unless it is complete in the cache.", file=sys.stderr)


def has_room_for_published_model() -> bool:
    """Whether there is a GPU with enough free memory for the published model; say so on stderr where it is too small.

    Such a GPU still runs the embedded model.
    """
    if not torch.cuda.is_available():
        return False
    free, _ = torch.cuda.mem_get_info()
    if free < PUBLISHED_MEMORY:
        print(
            f"The GPU has {free / 1e9:.1f} GB free and {PUBLISHED_MODEL} needs {PUBLISHED_MEMORY / 1e9:.0f} GB: "
            "the small embedded model answers instead. Set LLADAV_MODEL to choose another.",
            file=sys.stderr,
        )
    return free >= PUBLISHED_MEMORY


def check_folder(folder: Path) -> None:
    """Check the files of a saved model: configuration, weights, processor and tokenizer.

    Raises:
        ValueError: one is missing, cut, no file of its kind, or of another model.
    """
    config = read_json(_required(folder, "config.json", "it says what the model is"))
    _check_type(str(folder / "config.json"), config)
    for path in filter(Path.is_file, (folder / name for name in SETTINGS)):
        read_json(path)
    _check_weights(folder)
    if config["model_type"] == LladaVConfig.model_type:  # a published checkpoint is flat, and has no such file
        _check_parts(folder / "config.json", config)
        _check_processor(_required(folder, PROCESSOR, "it says how pictures are shown"), config)
    _check_template(folder / TEMPLATE)
    _check_tokenizer(_required(folder, TOKENIZER, "it splits text into tokens"))
    _required(folder, "tokenizer_config.json", "it names the special tokens")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ValueError: it is something else.
    """
    _check_not_pointer(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} must be JSON, and is damaged ({error}): copy or download it again") from error
    if not isinstance(data, dict):
        raise ValueError(f"{path} must be a JSON object, got {type(data).__name__}: copy or download it again")
    return data


def check_safetensors(path: Path) -> dict[str, Any]:
    """Return the header of a safetensors file, having checked that the file is as long as its header says.

    Raises:
        ValueError: it is cut, or of another format.
    """
    _check_not_pointer(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        raw = file.read(length) if 0 < length <= min(size - 8, LONGEST_HEADER) else b""
    try:
        header = json.loads(raw)
        tensors = {name: entry for name, entry in header.items() if name != "__metadata__"}
        whole = 8 + length + max(entry["data_offsets"][1] for entry in tensors.values())
    except (ValueError, AttributeError, KeyError, IndexError, TypeError) as error:
        raise ValueError(f"{path} is not a safetensors file, or is damaged: copy or download it again") from error
    if size != whole:
        raise ValueError(
            f"{path} must have {whole} bytes, as it begins by saying, got {size}: copy or download it again"
        )
    return tensors


def _required(folder: Path, name: str, purpose: str) -> Path:
    if not (folder / name).is_file():
        raise ValueError(
            f"{folder} must hold {name} ({purpose}), which is missing: "
            "give a folder that save_pretrained or `lladav train` wrote, or copy the file there"
        )
    return folder / name


def _check_not_pointer(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(len(LFS_POINTER)) == LFS_POINTER:
            raise ValueError(f"{path} is a pointer of git-lfs instead of the file: run `git lfs pull` in its folder")


def _check_type(where: str, config: dict[str, Any]) -> None:
    types = (LladaVConfig.model_type, PublishedConfig.model_type)
    if config.get("model_type") not in types:
        raise ValueError(
            f"{where} must be of this model, with the model_type {' or '.join(types)}, "
            f"got {config.get('model_type')!r}: give the folder or hub id of a LLaDA-V"
        )


def _check_weights(folder: Path) -> None:
    if (folder / WEIGHTS_FILE).is_file():
        check_safetensors(folder / WEIGHTS_FILE)
        return
    if not (folder / INDEX).is_file():
        raise ValueError(
            f"{folder} must hold its weights as {WEIGHTS_FILE}, or in parts with {INDEX}, and neither is there: "
            "copy or download them (weights in other formats, such as .bin, are not loaded)"
        )
    parts = read_json(folder / INDEX).get("weight_map")
    if not isinstance(parts, dict) or not parts or not all(isinstance(part, str) for part in parts.values()):
        raise ValueError(f"{folder / INDEX} must say in weight_map where each weight is: copy or download it again")
    for part in sorted(set(parts.values())):
        if not (folder / part).is_file():
            raise ValueError(f"{folder} must hold {part}, which {INDEX} names and is missing: copy or download it")
        missing = {name for name, home in parts.items() if home == part} - set(check_safetensors(folder / part))
        if missing:
            raise ValueError(f"{folder / part} must hold {min(missing)}, as {INDEX} says: copy or download both again")


def _check_parts(path: Path, config: dict[str, Any]) -> None:
    for name in ("text_config", "vision_config"):  # without them it would be the published model's size
        if not isinstance(config.get(name), dict):
            raise ValueError(f"{path} must hold the object {name}, got {config.get(name)!r}: copy or download it again")


def _check_processor(path: Path, config: dict[str, Any]) -> None:
    processor, vision = read_json(path), config["vision_config"]
    processor |= processor.get("image_processor") or {}
    for name in ("image_size", "patch_size"):
        if processor.get(name) != vision.get(name):
            raise ValueError(
                f"{path} must have the {name} of config.json, {vision.get(name)}, got {processor.get(name)}: "
                "copy both files from the same model"
            )


def _check_template(path: Path) -> None:
    """A folder may go without, and then has the template of the package."""
    if not path.is_file():
        return
    _check_not_pointer(path)
    try:
        names = find_undeclared_variables(Environment(extensions=[loopcontrols]).parse(path.read_text("utf-8")))
    except (ValueError, TemplateSyntaxError) as error:
        raise ValueError(f"{path} must be a Jinja template, and is damaged ({error}): copy it again") from error
    if "messages" not in names:
        raise ValueError(f"{path} must be a template of messages, and does not mention them: copy it again")


def _check_tokenizer(path: Path) -> None:
    _check_not_pointer(path)
    try:
        Tokenizer.from_file(str(path))
    except Exception as error:  # the tokenizers library raises no narrower one
        raise ValueError(f"{path} cannot be read as a tokenizer ({error}): copy or download it again") from error

"""What a figure was measured with: versions, weights, machine."""

import hashlib
import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

from lladav.pipeline import LladaVPipeline

HASH_DIGITS = 12
CHUNK = 1 << 22  # bytes that are read at once


def provenance(pipe: LladaVPipeline) -> dict[str, str]:
    """What stands beside every table: what two tables have to share for their times to be compared, too."""
    packages = {name: version(name) for name in ("lladav", "torch", "transformers")}
    weights = next(pipe.model.parameters())
    return {
        **packages,
        "python": platform.python_version(),
        "model": pipe.name,
        "model_hash": model_hash(pipe),
        "dtype": str(weights.dtype).removeprefix("torch."),
        "machine": machine_in_words(pipe.device),
    }


def model_hash(pipe: LladaVPipeline) -> str:
    """Twelve hexadecimal digits of the SHA-256 of a folder's weights and configuration, or a hub model's commit."""
    path, commit = Path(str(pipe.model.config.name_or_path)), getattr(pipe.model.config, "_commit_hash", None)
    if not path.is_dir():
        return str(commit)[:HASH_DIGITS]
    found = hashlib.sha256()
    for file in sorted([*path.glob("*.safetensors"), path / "config.json"]):
        with file.open("rb") as data:
            while chunk := data.read(CHUNK):
                found.update(chunk)
    return found.hexdigest()[:HASH_DIGITS]


def machine_in_words(device: torch.device) -> str:
    """The GPU, or the processor with the threads that PyTorch has of it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    names = Path("/proc/cpuinfo")
    lines = names.read_text(encoding="utf-8").splitlines() if names.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = models[0] if models else platform.processor() or platform.machine()
    return f"{processor}, {torch.get_num_threads()} of {os.cpu_count()} threads, {platform.system()}"

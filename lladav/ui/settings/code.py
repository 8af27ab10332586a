"""The settings of a run as text to copy: as Python and as JSON."""

import json
from dataclasses import fields
from typing import Any

from lladav.sampling import SamplingConfig


def changed(config: SamplingConfig) -> dict[str, Any]:
    """The settings that matter: the sizes, and whatever else differs from its default."""
    sizes = ("gen_length", "block_length", "steps")
    values = {entry.name: (getattr(config, entry.name), entry.default) for entry in fields(config)}
    return {name: value for name, (value, usual) in values.items() if name in sizes or value != usual}


def as_python(config: SamplingConfig) -> str:
    """An expression that makes the same settings."""
    return "SamplingConfig(" + ", ".join(f"{name}={value!r}" for name, value in changed(config).items()) + ")"


def as_json(config: SamplingConfig) -> str:
    """What `/sample` takes."""
    return json.dumps(changed(config), indent=1)

"""LLaDA-V in lmms-eval, which compares models of all kinds: the model "lladav", and held-out scenes as a task.

lmms-eval finds the model by an entry point of this package, see pyproject.toml. Only `model` needs it installed.
"""

from typing import Any


def manifest() -> Any:
    """What lmms-eval asks for: the name of the model, and where its class is."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest("lladav", chat_class_path="lladav.evaluation.lmms.model.LladaV")

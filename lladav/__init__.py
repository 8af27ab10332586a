"""LLaDA-V: a vision-language model that answers by refining a canvas of masks.

The public names. Each is imported when it is first asked for, because some of them take seconds.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lladav.cache import FeatureCache
    from lladav.configuration import LladaVConfig
    from lladav.modeling import LladaVForMaskedDiffusion
    from lladav.pipeline import LladaVPipeline
    from lladav.processing import LladaVProcessor
    from lladav.sampling import SamplingConfig, SamplingStep, sample, sample_batch
    from lladav.trace import Trace

__all__ = [
    "FeatureCache",
    "LladaVConfig",
    "LladaVForMaskedDiffusion",
    "LladaVPipeline",
    "LladaVProcessor",
    "SamplingConfig",
    "SamplingStep",
    "Trace",
    "sample",
    "sample_batch",
]

_HOMES = {
    "FeatureCache": "cache",
    "LladaVConfig": "configuration",
    "LladaVForMaskedDiffusion": "modeling",
    "LladaVPipeline": "pipeline",
    "LladaVProcessor": "processing",
    "SamplingConfig": "sampling",
    "SamplingStep": "sampling",
    "Trace": "trace",
    "sample": "sampling",
    "sample_batch": "sampling",
}

if not TYPE_CHECKING:  # a type checker knows the names from above, and others as mistakes

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        return globals()[name]


def __dir__() -> list[str]:
    return __all__

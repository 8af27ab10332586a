"""LLaDA-V: a vision-language model that answers by refining a canvas of masks.

The public names. Each is imported when it is first asked for, because some of them take seconds.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lladav.cache import FeatureCache as FeatureCache
    from lladav.configuration import LladaVConfig as LladaVConfig
    from lladav.modeling import LladaVForMaskedDiffusion as LladaVForMaskedDiffusion
    from lladav.pipeline import LladaVPipeline as LladaVPipeline
    from lladav.processing import LladaVProcessor as LladaVProcessor
    from lladav.sampling import SamplingConfig as SamplingConfig
    from lladav.sampling import SamplingStep as SamplingStep
    from lladav.sampling import sample as sample
    from lladav.sampling import sample_batch as sample_batch
    from lladav.trace import Trace as Trace

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
__all__ = [*_HOMES]  # noqa: PLE0604

if not TYPE_CHECKING:  # a type checker knows the names from above, and others as mistakes

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        return globals()[name]


def __dir__() -> list[str]:
    return __all__

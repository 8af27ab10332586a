"""LLaDA-V: a vision-language model that answers by refining a canvas of masks."""

from lladav.configuration import LladaVConfig
from lladav.modeling import LladaVForMaskedDiffusion
from lladav.pipeline import LladaVPipeline
from lladav.processing import LladaVProcessor
from lladav.sampling import SamplingConfig, SamplingStep, sample
from lladav.trace import Trace

__all__ = [
    "LladaVConfig",
    "LladaVForMaskedDiffusion",
    "LladaVPipeline",
    "LladaVProcessor",
    "SamplingConfig",
    "SamplingStep",
    "Trace",
    "sample",
]

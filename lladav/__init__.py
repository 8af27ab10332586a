"""LLaDA-V: a vision-language model that answers by refining a canvas of masks."""

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

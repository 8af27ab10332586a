"""Step by step from masks to an answer.

An answer starts as `gen_length` masks and is filled block by block. Every step runs the model over prompt, answer
and suffix, lets it propose a token for each masked position of the active block, and commits the most confident
proposals (arXiv 2502.09992, algorithm 5; arXiv 2505.16933). `sample` yields a `SamplingStep` for each; whatever
shows, stores or measures a run is a function of those. Published ways of decoding are points in the space of its
settings (`methods`): what orders proposals (`scores`, `history`), how many are committed (`lladav.remasking`), how
tokens are taken back (`revision`, `shadow`), where a block ends (`blocks`), how long the answer is (`lengths`) and when
all of it is filled at once (`early_end`). `deciding` puts them together for a step. An autoregressive model goes
through the same loop, a token a step from left to right.
"""

from lladav.sampling.canvas import NUM_ALTERNATIVES, Canvas, Proposal, SamplingStep
from lladav.sampling.causal import effective_config, left_to_right
from lladav.sampling.config import POLICIES, REMASKING, REVISIONS, SCORES, SamplingConfig
from lladav.sampling.loop import first_canvas, sample, sample_batch, stop_sequences, suffix_ids
from lladav.sampling.methods import METHODS, Method, method_of
from lladav.sampling.presets import PUBLISHED, SPEEDS, PublishedSetting, Speed

__all__ = [
    "METHODS",
    "NUM_ALTERNATIVES",
    "POLICIES",
    "PUBLISHED",
    "REMASKING",
    "REVISIONS",
    "SCORES",
    "SPEEDS",
    "Canvas",
    "Method",
    "Proposal",
    "PublishedSetting",
    "SamplingConfig",
    "SamplingStep",
    "Speed",
    "effective_config",
    "first_canvas",
    "left_to_right",
    "method_of",
    "sample",
    "sample_batch",
    "stop_sequences",
    "suffix_ids",
]

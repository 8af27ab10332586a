"""What is said about a run."""

from lladav.sampling import SamplingConfig
from lladav.trace import Trace

OPTIONAL = ("temperature", "cfg_scale", "threshold", "factor", "entropy_bound", "refresh_interval")


def summary(trace: Trace) -> str:
    """The model, its settings, and how the run came from another: "lladav-tiny · 32 tokens, 16 steps"."""
    return "  ·  ".join(filter(None, (trace.model, settings(trace.config), trace.edit)))


def settings(config: SamplingConfig) -> str:
    """Lengths and steps, and what else is not as it is by default: "32 tokens, blocks of 8, 16 steps"."""
    parts = [f"{config.gen_length} tokens", f"{config.steps} steps"]
    if config.num_blocks > 1:
        parts.insert(1, f"blocks of {config.block_length}")
    parts += [f"{name.replace('_', ' ')} {getattr(config, name):g}" for name in OPTIONAL if getattr(config, name)]
    parts += [f"{config.remasking} remasking"] if config.remasking != SamplingConfig.remasking else []
    return ", ".join(parts)

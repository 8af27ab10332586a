"""How a run is described in a line."""

from lladav.sampling import SamplingConfig

EXTRAS = ("temperature", "cfg_scale", "threshold", "factor", "entropy_bound", "refresh_interval")


def settings_line(config: SamplingConfig) -> str:
    """Lengths and steps, and what else is not as it is by default: "32 tokens, blocks of 8, 16 steps"."""
    parts = [f"{config.gen_length} tokens", f"{config.steps} steps"]
    if config.num_blocks > 1:
        parts.insert(1, f"blocks of {config.block_length}")
    parts += [f"{name.replace('_', ' ')} {getattr(config, name):g}" for name in EXTRAS if getattr(config, name)]
    parts += [f"{config.remasking} remasking"] if config.remasking != SamplingConfig.remasking else []
    return ", ".join(parts)

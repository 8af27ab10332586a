"""How an answer is sampled: the settings, their rules, and the published choices of them."""

from dataclasses import dataclass
from math import isqrt
from typing import Any

REMASKING = ("low_confidence", "random")
POLICIES = ("threshold", "factor", "entropy_bound")


@dataclass(frozen=True)
class SamplingConfig:
    """How an answer is sampled. Checked once, when made; a setting that cannot be honoured raises ValueError.

    Attributes:
        gen_length: tokens in the answer.
        block_length: tokens in a block; blocks are finished from left to right. Divides `gen_length`.
        steps: denoising steps over the whole answer, an equal number for each block.
        temperature: 0 takes the most probable token; above, tokens are drawn from softmax(logits / temperature).
        cfg_scale: 0 is off; above, logits move away from those of a prompt made of masks, for twice the work.
        remasking: "low_confidence" commits the most probable proposals, "random" any.
        threshold: also commit every proposal whose confidence lies above it.
        factor: also commit the n most confident while (n + 1)(1 - c_n) lies below it.
        entropy_bound: also commit the n most confident while their entropies, in nats, all but the largest, sum to
            less.
        schedule_shift: 1 commits evenly, less commits fewer at first and more at the end; see
            `remasking.num_transfer_tokens`.
        refresh_interval: run the prompt only every that many steps; None runs it at every step, without a cache.
        stop: strings that end the answer, matched as token ids; once one was found, only the first in the list can
            still move the end.
        seed: of the noise; None draws from torch's global generator.
        suffix: text behind the answer, seen from the first step, never changed.
        template: for each position of the answer the id of a token that is fixed, or None for a blank.
        suppress_token_ids: tokens that are never written, besides those that the model's own config names.

    The schedule given by `steps` is a floor under `threshold`, `factor` and `entropy_bound`, of which one may be set,
    and so `steps` bounds the forward passes.
    """

    gen_length: int = 64
    block_length: int = 64
    steps: int = 32
    temperature: float = 0.0
    cfg_scale: float = 0.0
    remasking: str = "low_confidence"
    threshold: float | None = None
    factor: float | None = None
    entropy_bound: float | None = None
    schedule_shift: float = 1.0
    refresh_interval: int | None = None
    stop: tuple[str, ...] = ("<|eot_id|>",)
    seed: int | None = None
    suffix: str | None = None
    template: tuple[int | None, ...] | None = None
    suppress_token_ids: tuple[int, ...] = ()

    def __post_init__(self):
        for name in ("stop", "template", "suppress_token_ids"):  # JSON has lists only
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        _check_lengths(self)
        _check_strategy(self)
        _check_texts(self)

    @property
    def num_blocks(self) -> int:
        return self.gen_length // self.block_length

    @property
    def steps_per_block(self) -> int:
        return self.steps // self.num_blocks

    @classmethod
    def preset(cls, name: str) -> "SamplingConfig":
        """The settings LLaDA-V's figures were measured with, by benchmark name, or those of its "demo" script."""
        if name not in PRESETS:
            raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {name!r}")
        return PRESETS[name]


def _require(rule: bool, message: str) -> None:
    if not rule:
        raise ValueError(message)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and 0 <= value < float("inf")


def _check_lengths(config: SamplingConfig) -> None:
    for name in ("gen_length", "block_length", "steps"):
        value = getattr(config, name)
        _require(_is_whole(value) and value > 0, f"{name} must be a positive whole number, got {value!r}")
    gen_length, block_length, steps = config.gen_length, config.block_length, config.steps
    _require(
        gen_length % block_length == 0,
        f"block_length must divide gen_length, got {block_length} and {gen_length}: "
        f"the nearest that does is {_nearest_divisor(gen_length, block_length)}",
    )
    blocks = config.num_blocks
    _require(
        steps % blocks == 0,
        f"steps must be a multiple of the number of blocks, gen_length / block_length, got {steps} and {blocks}: "
        f"the next one is {-(-steps // blocks) * blocks}",
    )


def _nearest_divisor(number: int, wanted: int) -> int:
    small = [d for d in range(1, isqrt(number) + 1) if number % d == 0]  # what is asked for may be huge
    return min(sorted({*small, *(number // d for d in small)}), key=lambda d: abs(d - wanted))


def _check_strategy(config: SamplingConfig) -> None:
    for name in ("temperature", "cfg_scale"):
        value = getattr(config, name)
        _require(_is_number(value), f"{name} must be zero or a positive number, got {value!r}")
    policies = {name: getattr(config, name) for name in POLICIES}
    for name, value in policies.items():
        _require(value is None or _is_number(value), f"{name} must be zero, a positive number or None, got {value!r}")
    chosen = [f"{name}={value!r}" for name, value in policies.items() if value is not None]
    _require(len(chosen) < 2, f"{', '.join(POLICIES)} exclude each other, got {' and '.join(chosen)}: set one of them")
    shift = config.schedule_shift
    _require(_is_number(shift) and shift > 0, f"schedule_shift must be a positive number, got {shift!r}")
    _require(
        config.remasking in REMASKING,
        f"remasking must be one of {', '.join(REMASKING)}, got {config.remasking!r}",
    )
    interval, seed = config.refresh_interval, config.seed
    _require(
        interval is None or (_is_whole(interval) and interval > 0),
        f"refresh_interval must be a positive whole number or None, got {interval!r}",
    )
    _require(
        seed is None or (_is_whole(seed) and 0 <= seed < 2**63),
        f"seed must be a whole number from 0 to 2**63 - 1 or None, got {seed!r}",
    )


def _check_texts(config: SamplingConfig) -> None:
    _require(
        isinstance(config.stop, tuple) and all(isinstance(text, str) and text for text in config.stop),
        f'stop must be a tuple of strings that are not empty, such as ("<|eot_id|>",), got {config.stop!r}',
    )
    _require(
        config.suffix is None or isinstance(config.suffix, str),
        f"suffix must be a string or None, got {config.suffix!r}",
    )
    _require(
        isinstance(config.suppress_token_ids, tuple)
        and all(_is_whole(token) and token >= 0 for token in config.suppress_token_ids),
        f"suppress_token_ids must be a tuple of token ids, got {config.suppress_token_ids!r}",
    )
    if config.template is not None:
        _require(
            len(config.template) == config.gen_length,
            f"template must have gen_length entries, got {len(config.template)} and {config.gen_length}",
        )
        _require(
            all(token is None or (_is_whole(token) and token >= 0) for token in config.template),
            f"template must hold token ids, and None for a blank, got {config.template!r}",
        )


_MULTIPLE_CHOICE = SamplingConfig(gen_length=2, block_length=2, steps=2)
_DOCUMENT = SamplingConfig(gen_length=32, block_length=32, steps=16)
_CHOICE_BENCHMARKS = "mmmu mmmu_pro mmstar ai2d seed mmbench muirbench videomme mlvu mme realworldqa"

PRESETS: dict[str, SamplingConfig] = {
    **dict.fromkeys(_CHOICE_BENCHMARKS.split(), _MULTIPLE_CHOICE),
    "chartqa": SamplingConfig(gen_length=16, block_length=16, steps=16, stop=("\n",)),
    "docvqa": _DOCUMENT,
    "infovqa": _DOCUMENT,
    "mathvista": SamplingConfig(gen_length=96, block_length=96, steps=48),
    "mathverse": SamplingConfig(gen_length=64, block_length=64, steps=32),
    "demo": SamplingConfig(gen_length=128, block_length=128, steps=128),
}
PRESET_THINKING: dict[str, bool | None] = {
    name: {"mathvista": True, "mathverse": True, "demo": None}.get(name, False) for name in PRESETS
}


@dataclass(frozen=True)
class Speed:
    """How quickly an answer is sampled, however long it is.

    Attributes:
        tokens: that a step commits by its schedule.
        refresh_interval: as in SamplingConfig.
        threshold: as in SamplingConfig.
    """

    tokens: int
    refresh_interval: int | None = None
    threshold: float | None = None

    def settings(self, gen_length: int, block_length: int) -> dict[str, Any]:
        """What to replace in a SamplingConfig of these lengths."""
        steps = gen_length // block_length * -(-block_length // self.tokens)
        return {"steps": steps, "refresh_interval": self.refresh_interval, "threshold": self.threshold}


SPEEDS = {  # from the exact answer to the quickest
    "faithful": Speed(tokens=1),
    "balanced": Speed(tokens=2, refresh_interval=4),
    "fast": Speed(tokens=1, refresh_interval=32, threshold=0.9),
}

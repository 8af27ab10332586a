"""How an answer is sampled: the settings and their rules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from math import isqrt
from typing import Any, NamedTuple

from lladav.checks import require, shown
from lladav.tokenization import clean

REMASKING = ("low_confidence", "random")
POLICIES = ("threshold", "factor", "entropy_bound")

# What a setting may be at most. Beyond, it would cost a machine its memory, or mean nothing: above a temperature of 10
# tokens are drawn at random, above a guidance of 20 they are those that differ most from a prompt of masks.
MOST_TOKENS = 4096  # in an answer, a block, a suffix; and steps
MOST_TEMPERATURE = 10
MOST_GUIDANCE = 20
MOST_POLICY = 1e6
SHIFTS = (1e-3, 1e3)
MOST_STOPS, LONGEST_STOP = 16, 64  # strings, and letters in one
LONGEST_SUFFIX = 4 * MOST_TOKENS  # letters
MOST_SUPPRESSED = 1024  # tokens


class Rule(NamedTuple):
    """What a setting must be, in words, and whether a value is."""

    wanted: str
    holds: Callable[[Any], bool]


def setting(default: Any, *rules: Rule) -> Any:
    """A field whose values are checked against `rules`, in order, when a configuration is made."""
    return field(default=default, metadata={"rules": rules})


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and 0 <= value < float("inf")


def _are_ids(values: Sequence[object]) -> bool:
    return all(_is_whole(token) and 0 <= token < 2**31 for token in values)  # type: ignore[operator]


def _or_none(rule: Rule) -> Rule:
    return Rule(rule.wanted, lambda value: value is None or rule.holds(value))


def _at_most(most: float) -> Rule:
    return Rule(f"at most {most:g}", lambda value: value is None or value <= most)


POSITIVE = Rule("a positive whole number", lambda value: _is_whole(value) and value > 0)
LENGTH = (POSITIVE, _at_most(MOST_TOKENS))
NUMBER = Rule("zero or a positive number", _is_number)
POLICY = (_or_none(Rule("zero, a positive number or None", _is_number)), _at_most(MOST_POLICY))
STOP = 'a tuple of strings that are not empty, such as ("<|eot_id|>",)'


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

    gen_length: int = setting(64, *LENGTH)
    block_length: int = setting(64, *LENGTH)
    steps: int = setting(32, *LENGTH)
    temperature: float = setting(0.0, NUMBER, _at_most(MOST_TEMPERATURE))
    cfg_scale: float = setting(0.0, NUMBER, _at_most(MOST_GUIDANCE))
    remasking: str = setting(
        "low_confidence",
        Rule(f"one of {', '.join(REMASKING)}", lambda value: isinstance(value, str) and value in REMASKING),
    )
    threshold: float | None = setting(None, *POLICY)
    factor: float | None = setting(None, *POLICY)
    entropy_bound: float | None = setting(None, *POLICY)
    schedule_shift: float = setting(
        1.0,
        Rule("a positive number", lambda value: _is_number(value) and value > 0),
        Rule(f"from {SHIFTS[0]:g} to {SHIFTS[1]:g}", lambda value: SHIFTS[0] <= value <= SHIFTS[1]),
    )
    refresh_interval: int | None = setting(
        None, _or_none(Rule(f"{POSITIVE.wanted} or None", POSITIVE.holds)), _at_most(MOST_TOKENS)
    )
    stop: tuple[str, ...] = setting(
        ("<|eot_id|>",),
        Rule(STOP, lambda value: isinstance(value, tuple)),
        Rule(f"at most {MOST_STOPS} strings", lambda value: len(value) <= MOST_STOPS),
        Rule(STOP, lambda value: all(isinstance(text, str) and text for text in value)),
        Rule(f"strings of at most {LONGEST_STOP} letters", lambda value: all(len(t) <= LONGEST_STOP for t in value)),
    )
    seed: int | None = setting(
        None,
        _or_none(
            Rule("a whole number from 0 to 2**63 - 1 or None", lambda value: _is_whole(value) and 0 <= value < 2**63)
        ),
    )
    suffix: str | None = setting(
        None,
        _or_none(Rule("a string or None", lambda value: isinstance(value, str))),
        _or_none(Rule(f"at most {LONGEST_SUFFIX} letters", lambda value: len(value) <= LONGEST_SUFFIX)),
    )
    template: tuple[int | None, ...] | None = setting(
        None, _or_none(Rule("a tuple of token ids and None", lambda value: isinstance(value, tuple)))
    )
    suppress_token_ids: tuple[int, ...] = setting(
        (),
        Rule("a tuple of token ids", lambda value: isinstance(value, tuple)),
        Rule(f"at most {MOST_SUPPRESSED} token ids", lambda value: len(value) <= MOST_SUPPRESSED),
        Rule("a tuple of token ids", _are_ids),
    )

    def __post_init__(self):
        for name in ("stop", "template", "suppress_token_ids"):  # JSON has lists only
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        for entry in fields(self):
            for rule in entry.metadata["rules"]:
                value = getattr(self, entry.name)
                require(rule.holds(value), entry.name, rule.wanted, value)
        _check_blocks(self)
        _check_policies(self)
        _check_template(self)
        object.__setattr__(self, "stop", tuple(map(clean, self.stop)))
        object.__setattr__(self, "suffix", None if self.suffix is None else clean(self.suffix))

    @property
    def num_blocks(self) -> int:
        return self.gen_length // self.block_length

    @property
    def steps_per_block(self) -> int:
        return self.steps // self.num_blocks

    @classmethod
    def preset(cls, name: str) -> "SamplingConfig":
        """The settings LLaDA-V's figures were measured with, by benchmark name, or those of its "demo" script."""
        from lladav.sampling.presets import published

        return published(name).config


def _check_blocks(config: SamplingConfig) -> None:
    gen_length, block_length, steps = config.gen_length, config.block_length, config.steps
    if gen_length % block_length:
        raise ValueError(
            f"block_length must divide gen_length, got {block_length} and {gen_length}: "
            f"the nearest that does is {_nearest_divisor(gen_length, block_length)}"
        )
    if steps % config.num_blocks:
        raise ValueError(
            "steps must be a multiple of the number of blocks, gen_length / block_length, "
            f"got {steps} and {config.num_blocks}: the next one is {-(-steps // config.num_blocks) * config.num_blocks}"
        )


def _nearest_divisor(number: int, wanted: int) -> int:
    small = [d for d in range(1, isqrt(number) + 1) if number % d == 0]
    return min(sorted({*small, *(number // d for d in small)}), key=lambda d: abs(d - wanted))


def _check_policies(config: SamplingConfig) -> None:
    policies = {name: getattr(config, name) for name in POLICIES}
    chosen = [f"{name}={value!r}" for name, value in policies.items() if value is not None]
    if len(chosen) > 1:
        raise ValueError(f"{', '.join(POLICIES)} exclude each other, got {' and '.join(chosen)}: set one of them")


def _check_template(config: SamplingConfig) -> None:
    if config.template is None:
        return
    if len(config.template) != config.gen_length:
        raise ValueError(f"template must have gen_length entries, got {len(config.template)} and {config.gen_length}")
    tokens = [token for token in config.template if token is not None]
    if not _are_ids(tokens):
        wrong = next(token for token in tokens if not _are_ids([token]))
        raise ValueError(f"template must hold token ids, and None for a blank, got {shown(wrong)}")

"""How an answer is sampled: the settings and their rules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from math import isqrt
from typing import Any, NamedTuple

from lladav.checks import require, shown
from lladav.remasking import num_transfer_tokens
from lladav.tokenization import clean

REMASKING = ("low_confidence", "random")  # as published
SCORES = (*REMASKING, "margin", "entropy", "left_to_right", "pc_sampler", "credit", "vrcd")  # see `sampling.scores`
PROBABILITIES = ("low_confidence", "credit", "vrcd")  # scores that say how probable a proposal is
RANKS = ("entropy", "left_to_right", "pc_sampler")  # scores that order proposals, and that no threshold applies to
POLICIES = ("threshold", "factor", "entropy_bound")
REVISIONS = ("none", "wino", "token_to_mask", "saber", "remdm")  # see `sampling.revision`
JUDGED_BY = {"wino": 0.9, "token_to_mask": 0.1}  # the published `revision_threshold`

# What a setting may be at most. Beyond, it would cost a machine its memory, or mean nothing: above a temperature of 10
# tokens are drawn at random, above a guidance of 20 they are those that differ most from a prompt of masks, above an
# exponent of 20 nothing but what it is put on counts.
MOST_TOKENS = 4096  # in an answer, a block, a suffix; and steps
MOST_TEMPERATURE = 10
MOST_GUIDANCE = 20
MOST_EXPONENT = 20  # of `position_decay` and `redundancy_power`
MOST_POLICY = 1e6
SHIFTS = (1e-3, 1e3)
MOST_STOPS, LONGEST_STOP = 16, 64  # strings, and letters in one
LONGEST_SUFFIX = 4 * MOST_TOKENS  # letters
MOST_SUPPRESSED = 1024  # tokens
MOST_REVOCATIONS, MOST_ROUNDS = 16, 1024  # of a position; of ReMDM's loop
MOST_DELIMITERS = 16


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
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < float("inf")


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
DELIMITERS = f'a tuple of one to {MOST_DELIMITERS} strings of up to {LONGEST_STOP} letters, such as (".",)'
STOP = 'a tuple of strings that are not empty, such as ("<|eot_id|>",)'


LISTS = ("stop", "template", "suppress_token_ids", "delimiters", "gap_thresholds")


@dataclass(frozen=True)
class SamplingConfig:
    """How an answer is sampled. Checked once, when made; a setting that cannot be honoured raises ValueError.

    Attributes:
        gen_length: tokens in the answer.
        block_length: tokens in a block; blocks are finished from left to right. Divides `gen_length`.
        steps: denoising steps over the whole answer, an equal number for each block.
        temperature: 0 takes the most probable token; above, tokens are drawn from softmax(logits / temperature).
        cfg_scale: 0 is off; above, logits move away from those of a prompt made of masks, for twice the work.
        remasking: what orders proposals. "low_confidence" commits the most probable ones, "random" any, "margin" those
            that lead by most, "entropy" those of the most certain distributions, "left_to_right" the first;
            "pc_sampler" weighs by position and rarity, "credit" adds what earlier steps proposed, "vrcd" spreads what a
            step commits over the picture. See `sampling.scores`.
        position_decay: how fast "pc_sampler" lets go of the left; its lambda.
        redundancy_power: how much "vrcd" minds that two words look at the same; its alpha. 0 is "low_confidence".
        threshold: also commit every proposal whose confidence lies above it.
        factor: also commit the n most confident while (n + 1)(1 - c_n) lies below it.
        entropy_bound: also commit the n most confident while their entropies, in nats, all but the largest, sum to
            less.
        kl_threshold: `threshold` holds only for a position whose distribution moved less than this, in nats, in each
            of the last `kl_steps` steps (KLASS).
        kl_steps: see `kl_threshold`.
        relaxed_threshold: the threshold that holds up to `anchor_radius` positions from one above `threshold`
            (LocalLeap).
        anchor_radius: see `relaxed_threshold`.
        mean_threshold: also commit what lies above the mean confidence of what is committed (Saber).
        schedule_shift: 1 commits evenly, less commits fewer at first and more at the end; see
            `remasking.num_transfer_tokens`.
        revision: how committed tokens of the active block are taken back: "none", "wino" (a shadow block doubts them),
            "token_to_mask" (they have become improbable), "saber" (their confidence fell most), "remdm" (the least
            likely, round after round). See `sampling.revision`.
        revision_threshold: "wino" and "token_to_mask" take back what falls below it.
        max_revocations: "wino", "token_to_mask" and "saber" take back a position at most so often.
        revision_rounds: of "remdm", which takes as many tokens back as the schedule commits in a step.
        revision_from: the share of the block that is filled when the rounds of "remdm" begin.
        delimiter_threshold: a block ends at the surest delimiter that is at least so probable; see
            `sampling.blocks` (AdaBlock).
        delimiters: strings of one token each.
        start_length: begin with so many masks and grow up to `gen_length` as the end asks for it; see
            `sampling.lengths` (DAEDAL).
        gap_thresholds: how far the best token must lead, in logits and on the mean over the masks, for all of them to
            be filled at once, in the first, second and last third of the steps; see `sampling.early_end` (Prophet).
        refresh_interval: run the prompt only every that many steps; None runs it at every step, without a cache.
        drift_threshold: run only what has moved: of the masks the first `window_length`, and everything behind the
            first layer in which what is looked at most looks elsewhere, by a cosine below this; see `sampling.elastic`
            (Elastic-Cache). Above 1 everything is run in every step.
        window_length: see `drift_threshold`; only these masks are asked about.
        keep_image_tokens: the share of the picture's tokens that stay after the first step, those that the masks attend
            to most (RedVTP); 1 keeps all. See `sampling.picture`.
        stop: strings that end the answer, matched as token ids; once one was found, only the first in the list can
            still move the end.
        seed: of the noise; None draws from torch's global generator.
        suffix: text behind the answer, seen from the first step, never changed.
        template: for each position of the answer the id of a token that is fixed, or None for a blank.
        suppress_token_ids: tokens that are never written, besides those that the model's own config names.

    The schedule given by `steps` is a floor under `threshold`, `factor`, `entropy_bound` and `mean_threshold`, of which
    one may be set. `most_steps` bounds the forward passes; without revision, adaptive blocks and growth it is `steps`.
    """

    gen_length: int = setting(64, *LENGTH)
    block_length: int = setting(64, *LENGTH)
    steps: int = setting(32, *LENGTH)
    temperature: float = setting(0.0, NUMBER, _at_most(MOST_TEMPERATURE))
    cfg_scale: float = setting(0.0, NUMBER, _at_most(MOST_GUIDANCE))
    remasking: str = setting(
        "low_confidence",
        Rule(f"one of {', '.join(SCORES)}", lambda value: isinstance(value, str) and value in SCORES),
    )
    position_decay: float = setting(0.25, NUMBER, _at_most(MOST_EXPONENT))
    redundancy_power: float = setting(1.5, NUMBER, _at_most(MOST_EXPONENT))
    threshold: float | None = setting(None, *POLICY)
    factor: float | None = setting(None, *POLICY)
    entropy_bound: float | None = setting(None, *POLICY)
    kl_threshold: float | None = setting(None, *POLICY)
    kl_steps: int = setting(2, *LENGTH)
    relaxed_threshold: float | None = setting(None, *POLICY)
    anchor_radius: int = setting(4, *LENGTH)
    mean_threshold: bool = setting(False, Rule("True or False", lambda value: isinstance(value, bool)))
    schedule_shift: float = setting(
        1.0,
        Rule("a positive number", lambda value: _is_number(value) and value > 0),
        Rule(f"from {SHIFTS[0]:g} to {SHIFTS[1]:g}", lambda value: SHIFTS[0] <= value <= SHIFTS[1]),
    )
    revision: str = setting(
        "none", Rule(f"one of {', '.join(REVISIONS)}", lambda value: isinstance(value, str) and value in REVISIONS)
    )
    revision_threshold: float | None = setting(None, *POLICY)
    max_revocations: int = setting(3, POSITIVE, _at_most(MOST_REVOCATIONS))
    revision_rounds: int = setting(32, POSITIVE, _at_most(MOST_ROUNDS))
    revision_from: float = setting(0.875, NUMBER, _at_most(1))
    delimiter_threshold: float | None = setting(None, *POLICY)
    delimiters: tuple[str, ...] = setting(
        ("\n",),
        Rule(DELIMITERS, lambda value: isinstance(value, tuple) and 0 < len(value) <= MOST_DELIMITERS),
        Rule(DELIMITERS, lambda value: all(isinstance(text, str) and 0 < len(text) <= LONGEST_STOP for text in value)),
    )
    start_length: int | None = setting(None, _or_none(POSITIVE), _at_most(MOST_TOKENS))
    gap_thresholds: tuple[float, float, float] | None = setting(
        None,
        _or_none(
            Rule(
                "three numbers or None",
                lambda value: isinstance(value, tuple) and len(value) == 3 and all(map(_is_number, value)),
            )
        ),
        _or_none(Rule(f"numbers of at most {MOST_POLICY:g}", lambda value: max(value) <= MOST_POLICY)),
    )
    refresh_interval: int | None = setting(
        None, _or_none(Rule(f"{POSITIVE.wanted} or None", POSITIVE.holds)), _at_most(MOST_TOKENS)
    )
    drift_threshold: float | None = setting(None, *POLICY)
    window_length: int = setting(16, *LENGTH)
    keep_image_tokens: float = setting(
        1.0, Rule("a number above 0, up to 1", lambda value: _is_number(value) and 0 < value <= 1)
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
        for name in LISTS:  # JSON has lists only
            if isinstance(getattr(self, name), list):
                object.__setattr__(self, name, tuple(getattr(self, name)))
        for entry in fields(self):
            for rule in entry.metadata["rules"]:
                value = getattr(self, entry.name)
                require(rule.holds(value), entry.name, rule.wanted, value)
        _check_blocks(self)
        _check_policies(self)
        _check_scores(self)
        _check_revision(self)
        _check_length(self)
        _check_template(self)
        _check_drift(self)
        for name in ("stop", "delimiters"):
            object.__setattr__(self, name, tuple(map(clean, getattr(self, name))))
        object.__setattr__(self, "suffix", None if self.suffix is None else clean(self.suffix))

    @property
    def num_blocks(self) -> int:
        return self.gen_length // self.block_length

    @property
    def steps_per_block(self) -> int:
        return self.steps // self.num_blocks

    @property
    def revises(self) -> bool:
        return self.revision != "none"

    @property
    def watches_picture(self) -> bool:
        """Whether steps have to know what the masks look at."""
        return self.remasking == "vrcd" or self.keep_image_tokens < 1

    @property
    def alone(self) -> str | None:
        """The setting because of which prompts are run one at a time, or None."""
        return next(iter(_chosen(self, ("start_length", "drift_threshold"))), None)

    @property
    def rate(self) -> int:
        """Tokens that a step commits by the schedule, rounded up."""
        return -(-self.gen_length // self.steps)

    @property
    def most_steps(self) -> int:
        """A bound on the forward passes of a run.

        Blocks that end at delimiters and answers that grow take a step a token at worst, and a growing answer as many
        again to grow. Taking back costs at most a step each time, and at most `max_revocations` times a position, or
        the two steps of each of ReMDM's rounds in every block; and a step for each blank that only showed when the
        end of the answer was taken back.
        """
        most = self.steps
        if self.delimiter_threshold is not None or self.start_length is not None:
            most = max(self.steps, self.gen_length)
        if self.start_length is not None:
            most += self.gen_length
        if self.revision == "remdm":
            return most + self.gen_length + self.num_blocks * 2 * self.revision_rounds
        return most + self.gen_length * (1 + self.max_revocations) if self.revises else most

    @classmethod
    def method(cls, name: str, **changes: Any) -> "SamplingConfig":
        """The settings of a published way of decoding, with `changes`; see `sampling.methods.METHODS`.

        The answer is one block unless the method or a change says otherwise, and a step commits at least one token.

        Raises:
            ValueError: there is no such method, or the changes do not go with it.
        """
        from lladav.sampling.methods import method_settings

        return cls(**method_settings(name, changes))

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


def _chosen(config: SamplingConfig, names: Sequence[str]) -> list[str]:
    """Those of the settings that are on: neither None nor False, though perhaps zero."""
    return [name for name in names if getattr(config, name) is not None and getattr(config, name) is not False]


def _check_policies(config: SamplingConfig) -> None:
    names = ("mean_threshold", *POLICIES)
    chosen = [f"{name}={getattr(config, name)!r}" for name in _chosen(config, names)]
    if len(chosen) > 1:
        raise ValueError(f"{', '.join(names)} exclude each other, got {' and '.join(chosen)}: set one of them")
    refinements = _chosen(config, ("kl_threshold", "relaxed_threshold"))
    if refinements and config.threshold is None:
        raise ValueError(f"{refinements[0]} refines threshold, got threshold=None: set both")
    if len(refinements) > 1:
        raise ValueError("kl_threshold and relaxed_threshold exclude each other, got both: set one of them")


def _check_scores(config: SamplingConfig) -> None:
    compared = ("threshold", "factor", "mean_threshold", "delimiter_threshold", "start_length")
    chosen = _chosen(config, compared)
    if config.remasking in RANKS and chosen:
        raise ValueError(f"{chosen[0]} compares probabilities, which remasking={config.remasking!r} does not give")
    refinements = _chosen(config, ("kl_threshold", "relaxed_threshold"))
    if config.remasking == "vrcd" and refinements:
        raise ValueError(f"{refinements[0]} must be None with remasking='vrcd', got {getattr(config, refinements[0])}")


def _check_revision(config: SamplingConfig) -> None:
    judged = config.revision in JUDGED_BY
    if judged != (config.revision_threshold is not None):
        raise ValueError(
            f"revision_threshold must be a number for {' and '.join(JUDGED_BY)} and None for other revisions, "
            f"got {config.revision_threshold!r} for {config.revision!r}"
        )
    if config.revision == "saber" and config.remasking not in PROBABILITIES:
        raise ValueError(f"revision='saber' compares probabilities, which remasking={config.remasking!r} does not give")
    if config.revision == "wino" and config.refresh_interval is not None:
        raise ValueError(
            "refresh_interval must be None for revision='wino', whose shadow block is run with the whole sequence, "
            f"got {config.refresh_interval}"
        )
    if config.revision == "wino" and config.watches_picture:
        raise ValueError(
            "remasking='vrcd' and keep_image_tokens below 1 do not go with revision='wino', whose shadow block "
            f"is in the way, got {config.remasking!r} and {config.keep_image_tokens}"
        )
    if config.revises and config.delimiter_threshold is not None:
        raise ValueError(f"delimiter_threshold must be None with a revision, got {config.delimiter_threshold}")


def _check_length(config: SamplingConfig) -> None:
    start = config.start_length
    if start is None:
        return
    if start > config.gen_length:
        raise ValueError(f"start_length must be at most gen_length, got {start} and {config.gen_length}")
    if config.block_length != config.gen_length:
        raise ValueError(f"block_length must be gen_length where start_length is set, got {config.block_length}")
    if not config.stop:
        raise ValueError("stop must hold the string whose token ends an answer where start_length is set, got ()")
    unfit = (
        "refresh_interval", "drift_threshold", "suffix", "template", "delimiter_threshold", "gap_thresholds",
        "kl_threshold",
    )  # fmt: skip
    others = _chosen(config, unfit)
    others += ["revision"] * config.revises + ["remasking"] * (config.remasking == "credit")
    if others:
        raise ValueError(f"start_length does not go with {others[0]}, got {getattr(config, others[0])!r}: unset one")


def _check_drift(config: SamplingConfig) -> None:
    if config.drift_threshold is None:
        return
    others = _chosen(config, ("refresh_interval", "gap_thresholds"))
    others += ["revision"] * (config.revision == "wino") + ["remasking"] * (config.remasking == "vrcd")
    others += ["keep_image_tokens"] * (config.keep_image_tokens < 1)
    if others:
        raise ValueError(f"drift_threshold does not go with {others[0]}, got {getattr(config, others[0])!r}: unset one")
    most = max(
        max(num_transfer_tokens(blanks, config.steps_per_block, config.schedule_shift))
        for blanks in _blanks_of_blocks(config)
    )
    if config.window_length < most:
        raise ValueError(
            "window_length must be at least what the schedule commits in a step, "
            f"got {config.window_length} and {most}: set more steps or a longer window"
        )


def _blanks_of_blocks(config: SamplingConfig) -> set[int]:
    """How many masks blocks begin with."""
    template, length = config.template or (None,) * config.gen_length, config.block_length
    return {template[start : start + length].count(None) for start in range(0, config.gen_length, length)}


def _check_template(config: SamplingConfig) -> None:
    if config.template is None:
        return
    if len(config.template) != config.gen_length:
        raise ValueError(f"template must have gen_length entries, got {len(config.template)} and {config.gen_length}")
    tokens = [token for token in config.template if token is not None]
    if not _are_ids(tokens):
        wrong = next(token for token in tokens if not _are_ids([token]))
        raise ValueError(f"template must hold token ids, and None for a blank, got {shown(wrong)}")

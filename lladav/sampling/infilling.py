"""Templates with blanks that find their own length.

A blank of a fixed number of masks forces the model to say a name of three tokens in two, or to pad one of one. So a
blank that leaves it open is tried at several lengths, and the filling that the model finds most probable is kept.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log

from lladav.sampling.canvas import SamplingStep
from lladav.sampling.config import SamplingConfig

BLANK = re.compile(r"_{2,}|\{(\d{1,4})\}")
TRIED_LENGTHS = (1, 2, 3, 4)
FIRST_GUESS = 2  # masks of a blank while the ones before it are being settled
MOST_BLANKS = 8  # that find their own length

Encode = Callable[[str], list[int]]


@dataclass(frozen=True)
class Template:
    """Text with blanks: `parts` holds ids that are fixed, of a blank its number of masks, or None where it is open."""

    parts: tuple[tuple[int, ...] | int | None, ...]

    @classmethod
    def read(cls, text: str, encode: Encode, longest: int) -> "Template":
        """Read "The ___ is {2} left": `___` is a blank that finds its own length, `{2}` one of two tokens.

        Args:
            encode: gives the ids of a text.
            longest: how many tokens an answer may have.

        Raises:
            ValueError: there is no blank, there are too many, or the template is too long.
        """
        parts: list[tuple[int, ...] | int | None] = []
        end = 0
        for blank in BLANK.finditer(text):
            parts.append(tuple(encode(text[end : blank.start()].removesuffix(" "))))  # a space belongs to its word
            parts.append(int(blank[1]) if blank[1] else None)
            end = blank.end()
        template = cls((*parts, tuple(encode(text[end:]))))
        blanks = len(parts) // 2
        if not blanks or 0 in template.parts:
            raise ValueError("There is no blank to fill: write ___ for a blank, or {2} for one of two tokens.")
        if template.parts.count(None) > MOST_BLANKS:
            raise ValueError(f"A template may have {MOST_BLANKS} blanks like ___, this one has more: shorten it.")
        length = sum(
            part if isinstance(part, int) else len(TRIED_LENGTHS if part is None else part) for part in template.parts
        )
        if length >= longest:
            raise ValueError(f"A template may take {longest - 1} tokens, this one takes {length}: shorten it.")
        return template

    @property
    def open_blanks(self) -> list[int]:
        """Indices of the parts that find their own length."""
        return [index for index, part in enumerate(self.parts) if part is None]

    def settle(self, index: int, length: int) -> "Template":
        """The template with the blank at `index` as long as that."""
        return Template((*self.parts[:index], length, *self.parts[index + 1 :]))

    def config(self, config: SamplingConfig, stop: Sequence[int]) -> SamplingConfig:
        """Settings that fill the template, and as many tokens a step as `config` says; open blanks are guessed.

        The answer is as long as the template, all of it one block, and no blank may be filled with its end, `stop`, nor
        with what `config` suppresses.
        """
        tokens: list[int | None] = []
        for part in self.parts:
            tokens += part if isinstance(part, tuple) else [None] * (part or FIRST_GUESS)
        tokens += stop
        length = len(tokens)
        steps = -(-length * config.steps // config.gen_length)
        return replace(
            config, gen_length=length, block_length=length, steps=steps, template=tuple(tokens),
            suppress_token_ids=tuple(dict.fromkeys((*config.suppress_token_ids, *stop))),
        )  # fmt: skip


def settled(template: Template, probability: Callable[[Template], float]) -> Template:
    """The template with every open blank at the length that is most probable, from the first to the last.

    Args:
        probability: of the best filling of a template, see `mean_log_confidence`.
    """
    for index in template.open_blanks:
        template = max((template.settle(index, length) for length in TRIED_LENGTHS), key=probability)
    return template


def mean_log_confidence(last: SamplingStep, template: Sequence[int | None]) -> float:
    """How probable the filling of a template was: the mean over its blanks of the logarithm of the confidence at which
    each was committed, so that long fillings are not at a disadvantage."""
    blanks = [at for at, token in enumerate(template) if token is None]
    return sum(log(max(last.confidence[at].item(), 1e-12)) for at in blanks) / len(blanks)

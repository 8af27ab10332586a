"""Taking hold of an answer: from what a visitor did on the canvas, or wrote as a template, to settings of a new run."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lladav.sampling import SamplingConfig
from lladav.trace import Trace

BLANK = re.compile(r"_{2,}|\{(\d+)\}")  # in a template: some masks, or as many as the braces say
MASKS_A_BLANK = 2
MOST_LETTERS = 2000  # typed at once

Encode = Callable[[str], list[int]]
Change = int | str | None  # the id of a token, words, or None for a mask
Places = list[tuple[int | None, bool]]  # of a canvas: the id of a token or None for a mask, and whether it was chosen


@dataclass(frozen=True)
class Edit:
    """The settings of a run that goes on from an edited canvas.

    Attributes:
        config: the settings; their template is what stays.
        pins: positions of the tokens that the visitor chose.
        label: what was done, in a few words.
    """

    config: SamplingConfig
    pins: list[int]
    label: str


def edited(trace: Trace, event: Mapping[str, Any], encode: Encode) -> Edit:
    """The run that goes on from a trace on whose canvas a visitor changed something.

    Words take the place of the token that they were typed over and of the masks right behind it that the same edit
    made; what follows moves up or down.

    Args:
        trace: what the canvas showed.
        event: what the canvas says of the edit: `step`, the one on show; `changes`, from a position as text to the id
            of a token, to words, or to None for a mask; and `label`.
        encode: gives the ids of a text.

    Raises:
        ValueError: the event does not fit the trace, or the words do not fit into the answer.
    """
    step = event["step"]
    changes = {int(position): _checked(change, trace) for position, change in event["changes"].items()}
    masked = {position: None if isinstance(change, str) else change for position, change in changes.items()}
    config = trace.branch(step, masked)
    assert config.template is not None
    places = [(token, isinstance(changes.get(at), int)) for at, token in enumerate(config.template)]
    before = trace.branch(step, {}).template or ()
    for position, words in sorted(changes.items(), reverse=True):  # from behind, so that positions stay true
        if isinstance(words, str):
            old = before[position]
            spaced = trace.pieces[old].startswith(" ") if old is not None else position > 0
            end = position + 1
            while end in changes and changes[end] is None:
                end += 1
            places[position:end] = [(token, True) for token in encode(_spaced(words, spaced))]
    places = _fitted(places, config.gen_length, trace.stop_sequences)
    template, chosen = zip(*places, strict=True)
    pins = [position for position, pinned in enumerate(chosen) if pinned]
    return Edit(replace(config, template=template), pins, str(event["label"]))


def _checked(change: Any, trace: Trace) -> Change:
    if change is None or (isinstance(change, int) and change in trace.pieces):
        return change
    if isinstance(change, str) and change.strip() and len(change) <= MOST_LETTERS:
        return change.strip()
    raise ValueError(f"A change must be a token of this run, words or a mask, got {change!r:.40}: take another.")


def _spaced(words: str, spaced: bool) -> str:
    return f" {words}" if spaced and words[0].isalnum() else words


def _fitted(places: Places, length: int, stop_sequences: Sequence[list[int]]) -> Places:
    """As many places as the answer has. What is cut off must be empty, or lie behind the end of the answer."""
    tokens = [token for token, _ in places]
    starts = range(len(tokens))
    ends = [at + len(ids) for ids in stop_sequences for at in starts if tokens[at : at + len(ids)] == ids]
    if min(ends, default=len(tokens)) > length and any(token is not None for token in tokens[length:]):
        raise ValueError(f"With these words the answer is longer than its {length} tokens: ask for a longer one first.")
    return places[:length] + [(None, False)] * (length - len(places))


def filled(text: str, config: SamplingConfig, encode: Encode, longest: int) -> Edit:
    """The run that fills the blanks of a template: `___` is two masks, `{5}` is five.

    Args:
        text: such as "The ___ is left of the ___."
        config: other settings of the run. The answer is as long as the template, all of it one block, and as many
            tokens are committed a step as these settings say. No blank may be filled with the end of the answer.
        encode: gives the ids of a text.
        longest: how many tokens an answer may have.

    Raises:
        ValueError: there is no blank in the template, or too much.
    """
    template: list[int | None] = []
    end, blanks = 0, 0
    for blank in BLANK.finditer(text[:MOST_LETTERS]):
        template += encode(text[end : blank.start()].removesuffix(" "))  # a space belongs to the word behind it
        template += [None] * min(int(blank[1] or MASKS_A_BLANK), longest)
        end, blanks = blank.end(), blanks + 1
    if None not in template:
        raise ValueError("There is no blank to fill: write ___ for one of two tokens, or {5} for one of five.")
    stop = encode(config.stop[0])
    template += [*encode(text[end:]), *stop]
    length = len(template)
    if length > longest:
        raise ValueError(f"A template may take {longest} tokens, this one takes {length}: shorten it.")
    steps = -(-length * config.steps // config.gen_length)
    config = replace(
        config, gen_length=length, block_length=length, steps=steps,
        template=tuple(template), suppress_token_ids=tuple(stop),
    )  # fmt: skip
    return Edit(config, [], f"filled {blanks} blank{'s' if blanks > 1 else ''}")

"""Taking hold of an answer: from what a visitor did on the canvas to the settings of a new run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from lladav.sampling import SamplingConfig
from lladav.sampling.infilling import Encode
from lladav.trace import Trace, TraceStep
from lladav.ui.limits import LIMITS
from lladav.ui.texts import said

Change = int | str | None  # the id of a token, words, or None for a mask


class Place(NamedTuple):
    """A position of an edited canvas.

    Attributes:
        token: the id of what stands there, or None for a mask.
        chosen: whether the visitor chose it.
        origin: the position that it had before, if it is what the model had put there.
    """

    token: int | None
    chosen: bool = False
    origin: int | None = None


@dataclass(frozen=True)
class Edit:
    """The settings of a run that goes on from an edited canvas.

    Attributes:
        config: the settings; their template is what stays.
        pins: positions of the tokens that the visitor chose.
        label: what was done, in a few words.
        carried: what is known of the tokens that stay, see `Trace.carried`.
    """

    config: SamplingConfig
    pins: tuple[int, ...]
    label: str
    carried: TraceStep | None = None


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
    places = [
        Place(token, isinstance(changes.get(at), int), None if at in changes else at)
        for at, token in enumerate(config.template)
    ]
    before = trace.branch(step, {}).template or ()
    for position, words in sorted(changes.items(), reverse=True):  # from behind, so that positions stay true
        if isinstance(words, str):
            old = before[position]
            spaced = trace.pieces[old].startswith(" ") if old is not None else position > 0
            end = position + 1
            while end in changes and changes[end] is None:
                end += 1
            places[position:end] = [Place(token, chosen=True) for token in encode(_spaced(words, spaced))]
    places = _fitted(places, config.gen_length, trace.stop_sequences)
    template, pins = tuple(place.token for place in places), tuple(at for at, one in enumerate(places) if one.chosen)
    origins = {at: one.origin for at, one in enumerate(places) if one.token is not None and one.origin is not None}
    return Edit(replace(config, template=template), pins, str(event["label"]), trace.carry(step, origins))


def _checked(change: Any, trace: Trace) -> Change:
    if change is None or (isinstance(change, int) and change in trace.pieces):
        return change
    if isinstance(change, str) and change.strip() and len(change) <= LIMITS.letters:
        return change.strip()
    raise ValueError(f"A change must be a token of this run, words or a mask, got {change!r:.40}: take another.")


def _spaced(words: str, spaced: bool) -> str:
    return f" {words}" if spaced and words[0].isalnum() else words


def _fitted(places: list[Place], length: int, stop_sequences: Sequence[list[int]]) -> list[Place]:
    """As many places as the answer has. What is cut off must be empty, or lie behind the end of the answer."""
    tokens = [place.token for place in places]
    starts = range(len(tokens))
    ends = [at + len(ids) for ids in stop_sequences for at in starts if tokens[at : at + len(ids)] == ids]
    if min(ends, default=len(tokens)) > length and any(token is not None for token in tokens[length:]):
        raise ValueError(said("said.longer", tokens=length))
    return places[:length] + [Place(None)] * (length - len(places))

"""A whole run as data: enough to replay it, look into it and draw it without the model that made it."""

import hashlib
import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lladav.checks import require, shown
from lladav.remasking import num_transfer_tokens
from lladav.sampling import NUM_ALTERNATIVES, Canvas, Proposal, SamplingConfig, SamplingStep
from lladav.sampling.config import LONGEST_STOP, MOST_STOPS
from lladav.tokenization import clean

VERSION = 4
READABLE_VERSIONS = (1, 2, 3, 4)
# The first had neither `question` nor `thumbnails`, `parent` and `edit`; up to the second `transfer_index` was called
# `committed`; up to the third no step had `revoked_index` and `room`.
LONGEST = {"model": 256, "prompt": 1 << 20, "text": 1 << 16, "question": 1 << 20, "parent": 256, "edit": 256}  # letters
MOST_PICTURES = 256
THUMBNAIL, LONGEST_THUMBNAIL = "data:image/jpeg;base64,", 1 << 16
MOST_PIECES, LONGEST_PIECE = 1 << 18, 512
MOST_SECONDS = 1e6
LARGEST_ID = 1 << 31
PROBABILITY_UNIT = 1e-4  # probabilities of alternatives are kept as whole multiples of this
CONFIDENCE_DIGITS = 6


@dataclass(frozen=True)
class TraceStep:
    """What one step changed. Lists run over the N masked positions that the model was asked about.

    Attributes:
        block: the active block.
        positions: N positions of the answer.
        x0: N proposed ids.
        confidence: N confidences, rounded to 6 digits.
        transfer_index: the positions that were committed.
        top_ids: N x 5 ids of the most probable tokens, one row after the other.
        top_probs: N x 5 probabilities, in units of 0.0001.
        revoked_index: the positions whose tokens were taken back.
        room: a position and the number of masks that were put behind it after all that, or nothing.
    """

    block: int
    positions: list[int]
    x0: list[int]
    confidence: list[float]
    transfer_index: list[int]
    top_ids: list[int]
    top_probs: list[int]
    revoked_index: list[int] = field(default_factory=list)
    room: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Trace:
    """A run, as JSON-ready values: `save` and `load` give back an equal one.

    Attributes:
        model: name of the model.
        prompt: the prompt's text, with a placeholder for each picture.
        images: SHA-256 of the pixels of each picture as the model saw it, in the order of the prompt.
        prompt_length: positions before the answer, picture tokens included.
        config: the settings.
        mask_token_id: the id that stands for a masked position.
        stop_sequences: the ids of each of the stop strings.
        steps: one entry a step, without the canvas of masks they start from.
        seconds: when each state was there, since the start; one more entry than `steps`.
        pieces: the printable form of every id that occurs in the answer, the proposals or the alternatives.
        text: the finished answer.
        finish_reason: "stop", "length", or None when the run was broken off.
        question: the text of the last message.
        thumbnails: data URLs of small JPEGs, one for each of `images`; leave them out with `replace(trace,
            thumbnails=[])`, and nothing of the pictures but their hashes remains.
        parent: the `id` of the trace that this one was edited from, or None.
        edit: what was changed there, in a few words, or None.
        carried: what an earlier run had found out about the tokens that an edit kept of it, as if one step had
            committed them all; None where nothing was kept.
        version: of this schema.
    """

    model: str
    prompt: str
    images: list[str]
    prompt_length: int
    config: SamplingConfig
    mask_token_id: int
    stop_sequences: list[list[int]]
    steps: list[TraceStep]
    seconds: list[float]
    pieces: dict[int, str]
    text: str
    finish_reason: str | None
    question: str = ""
    thumbnails: list[str] = field(default_factory=list)
    parent: str | None = None
    edit: str | None = None
    carried: TraceStep | None = None
    version: int = VERSION

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that stand for the run, however long it took."""
        content = {name: value for name, value in self._to_json().items() if name != "seconds"}
        return hashlib.sha256(_dump(content).encode()).hexdigest()[:12]

    def save(self, path: str | Path) -> None:
        """Write the trace as JSON; about 0.7 MB for 128 tokens in 128 steps."""
        Path(path).write_text(_dump(self._to_json()), encoding="utf-8")

    def to_json(self) -> str:
        """The trace as JSON, which `from_dict` takes once it is parsed."""
        return _dump(self._to_json())

    def _to_json(self) -> dict[str, Any]:
        """What `dataclasses.asdict` gives, without its copy of every number."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        carried = None if self.carried is None else vars(self.carried)
        return values | {
            "config": asdict(self.config), "steps": [vars(step) for step in self.steps], "carried": carried,
        }  # fmt: skip

    @classmethod
    def load(cls, path: str | Path) -> "Trace":
        """Read what `save` wrote, now or in an earlier version. Raises ValueError for a file that is no trace."""
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except ValueError as error:
            raise ValueError(f"{path} cannot be read as a trace: {error}") from error

    @classmethod
    def from_dict(cls, data: dict) -> "Trace":
        """The trace whose `dataclasses.asdict` is `data`, or what JSON made of it. Raises ValueError for other data."""
        version = data.get("version") if isinstance(data, Mapping) else None
        if version not in READABLE_VERSIONS:
            readable = " or ".join(map(str, READABLE_VERSIONS))
            raise ValueError(f"its version must be {readable}, got {version!r}: record it again")
        try:
            config = SamplingConfig(**data["config"])
            _check_values(data)
            most = config.most_steps
            require(len(data["steps"]) <= most, "steps", f"at most the {most} of config", data["steps"])
            steps = [TraceStep(**_renamed(step, version)) for step in data["steps"]]
            pieces = {int(token): clean(piece) for token, piece in data["pieces"].items()}
            _check_run(config, steps, pieces, data["mask_token_id"])
            texts = {name: clean(data[name]) for name in LONGEST if data.get(name) is not None}
            carried = None if data.get("carried") is None else TraceStep(**data["carried"])
            _check_carried(carried, config, pieces)
            built = {"config": config, "steps": steps, "pieces": pieces, "carried": carried, "version": VERSION}
            return cls(**dict(data) | texts | built)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"its keys must be those of version {version}: {error}") from error

    def replay(self) -> Iterator[SamplingStep]:
        """The steps again, canvas first, with confidences and probabilities to the digits that were kept."""
        canvas = Canvas(self.config, self.mask_token_id, self.stop_sequences)
        ended = self.finish_reason is not None
        yield canvas.record(step=0, block=0, finished=ended and not self.steps)
        for index, step in enumerate(self.steps, start=1):
            transferred = set(step.transfer_index)
            chosen = torch.tensor([position in transferred for position in step.positions], dtype=torch.bool)
            canvas.commit(_proposal(step), chosen, torch.tensor(step.revoked_index, dtype=torch.long))
            canvas.open_room((step.room[0], step.room[1]) if step.room else None)
            yield canvas.record(index, step.block, finished=ended and index == len(self.steps))

    def until(self, step: int) -> list[SamplingStep]:
        """The states up to that after `step`, the canvas first. Raises ValueError where there is no such step."""
        require(isinstance(step, int) and not isinstance(step, bool), "step", "a whole number", step)
        if not 0 <= step <= len(self.steps):
            raise ValueError(
                f"step must lie between 0 and {len(self.steps)}, the steps of the trace, got {shown(step)}"
            )
        return list(islice(self.replay(), step + 1))

    def branch(self, step: int, changes: Mapping[int, int | None]) -> SamplingConfig:
        """Settings that go on from the canvas as it stood after `step`, with `changes` put in.

        What is not masked there stays as it is. There are as many steps as the schedule had left for as many blanks,
        so that without a change, and without noise or a cache, the rest of the last block comes out as it did.

        Args:
            step: 0 for the canvas before the first step, up to the number of steps.
            changes: what to put at a position of the answer: the id of a token, or None to mask what is there.

        Raises:
            ValueError: there is no such step or position, or a change is not a token id.
        """
        states = self.until(step)
        last = self.config.gen_length - 1
        if outside := [position for position in changes if not _is_count(position) or position > last]:
            raise ValueError(f"changes must be to positions from 0 to {last}, got {shown(outside[0])}")
        start, now = states[0].tokens.tolist(), states[-1].tokens.tolist()
        for position, token in changes.items():
            now[position] = self.mask_token_id if token is None else token
        template = tuple(None if token == self.mask_token_id else token for token in now)
        return replace(self.config, template=template, steps=self._steps_for(start, now), start_length=None)

    def carry(self, step: int, origins: Mapping[int, int]) -> TraceStep | None:
        """What is known after `step` of tokens that another run is given, as its `carried`.

        Args:
            step: as for `branch`.
            origins: from the positions of the other run to those that their tokens have here. Tokens that no step
                committed, as those of a template, are left out.
        """
        committed = {} if self.carried is None else {at: (self.carried, at) for at in self.carried.positions}
        for before in self.steps[:step]:
            committed |= {at: (before, at) for at in before.transfer_index}
            position, count = before.room or (0, 0)
            committed = {at + count * (at > position): known for at, known in committed.items()}
        known = {at: committed[origin] for at, origin in sorted(origins.items()) if origin in committed}
        if not known:
            return None
        rows = [(before, before.positions.index(at)) for before, at in known.values()]
        wide = NUM_ALTERNATIVES
        return TraceStep(
            block=0,
            positions=[*known],
            x0=[before.x0[row] for before, row in rows],
            confidence=[before.confidence[row] for before, row in rows],
            transfer_index=[*known],
            top_ids=[id for before, row in rows for id in before.top_ids[row * wide : (row + 1) * wide]],
            top_probs=[p for before, row in rows for p in before.top_probs[row * wide : (row + 1) * wide]],
        )

    def _steps_for(self, start: list[int], now: list[int]) -> int:
        """How many steps the masks of `now` take, if each commits what the last steps from `start` were to commit."""
        config, most = self.config, 1
        for first in range(0, config.gen_length, config.block_length):
            before, masks = (ids[first : first + config.block_length].count(self.mask_token_id) for ids in (start, now))
            counts = num_transfer_tokens(max(before, masks), config.steps_per_block, config.schedule_shift)
            filled = [0, *accumulate(count for count in reversed(counts) if count)]
            most = max(most, bisect_left(filled, masks))
        return most * config.num_blocks


def _renamed(step: dict, version: int) -> dict:
    """A step of a trace of `version` with the keys of today."""
    return {"transfer_index" if name == "committed" and version < 3 else name: value for name, value in step.items()}


def _check_values(data: Mapping[str, Any]) -> None:
    """Refuse what is not of the types and sizes of a trace, before anything is made of it."""
    for name, longest in LONGEST.items():
        text = data.get(name, "")
        optional = name in ("parent", "edit") and text is None
        require(optional or isinstance(text, str), name, "a string", text)
        require(optional or len(text) <= longest, name, f"at most {longest} letters", text)
    for name in ("images", "thumbnails", "stop_sequences", "steps", "seconds"):
        require(isinstance(data.get(name, []), list), name, "a list", data.get(name))
    images, thumbnails, stops = data["images"], data.get("thumbnails", []), data["stop_sequences"]
    require(len(images) <= MOST_PICTURES, "images", f"at most {MOST_PICTURES}", images)
    hashes = all(_is_text(name, 64) and name.isascii() for name in images)
    require(hashes, "images", "hashes of 64 digits", images)
    require(len(thumbnails) in (0, len(images)), "thumbnails", "none, or one for each of images", thumbnails)
    small = all(_is_text(url, LONGEST_THUMBNAIL) and url.startswith(THUMBNAIL) and url.isascii() for url in thumbnails)
    require(small, "thumbnails", f"data URLs of JPEGs, of at most {LONGEST_THUMBNAIL} letters", thumbnails)
    require(len(stops) <= MOST_STOPS, "stop_sequences", f"at most {MOST_STOPS}", stops)
    require(all(_is_ids(ids) and len(ids) <= 4 * LONGEST_STOP for ids in stops), "stop_sequences", "ids", stops)
    require(_is_count(data["prompt_length"]), "prompt_length", "a number of tokens", data["prompt_length"])
    require(_is_count(data["mask_token_id"]), "mask_token_id", "a token id", data["mask_token_id"])
    reason, seconds = data["finish_reason"], data["seconds"]
    require(reason in (None, "stop", "length"), "finish_reason", '"stop", "length" or null', reason)
    require(len(seconds) == len(data["steps"]) + 1, "seconds", "one more than steps", seconds)
    require(all(_lies(moment, MOST_SECONDS) for moment in seconds), "seconds", "moments", seconds)
    pieces = data["pieces"]
    require(isinstance(pieces, Mapping), "pieces", "a dictionary from ids to strings", pieces)
    require(len(pieces) <= MOST_PIECES, "pieces", f"at most {MOST_PIECES}", pieces)
    short = all(_is_text(piece, LONGEST_PIECE) for piece in pieces.values())
    require(short, "pieces", f"strings of at most {LONGEST_PIECE} letters", pieces)


def _check_run(config: SamplingConfig, steps: Sequence[TraceStep], pieces: Mapping[int, str], mask: int) -> None:
    """Refuse steps that no run could have taken one after the other; in a time that grows with their sizes alone."""
    template = config.template or (None,) * config.gen_length
    blanks = {position for position, token in enumerate(template) if token is None}
    masked, blocks = {*blanks}, config.num_blocks if config.delimiter_threshold is None else config.gen_length
    for index, step in enumerate(steps, start=1):
        name = f"step {index}"
        require(_is_count(step.block) and step.block < blocks, name, "in a block", step.block)
        for ids in (step.revoked_index, step.room):
            require(_is_ids(ids), name, "made of lists of whole numbers", ids)
        _check_step(step, name, masked, pieces)
        # A model may write the mask token itself, which leaves the position masked.
        proposed = dict(zip(step.positions, step.x0, strict=True))
        revoked = {*step.revoked_index} if config.revises else set()
        possible = revoked <= blanks - masked and len(revoked) == len(step.revoked_index)
        require(possible, name, "of a run that revises, and take back committed tokens", step.revoked_index)
        masked -= {position for position in step.transfer_index if proposed[position] != mask}
        masked = _with_room(masked | revoked, step.room, name, config)
    fixed = {token for token in template if token is not None}
    require(pieces.keys() >= fixed, "template", "of tokens that pieces spells", template)


def _check_step(step: TraceStep, name: str, possible: Set[int], pieces: Mapping[int, str]) -> None:
    """Refuse a step that is not about some of the `possible` positions, or whose lists do not go together."""
    for ids in (step.positions, step.transfer_index, step.x0, step.top_ids, step.top_probs):
        require(_is_ids(ids), name, "made of lists of whole numbers", ids)
    positions, transferred = set(step.positions), set(step.transfer_index)
    distinct = len(positions) == len(step.positions) and len(transferred) == len(step.transfer_index)
    holds = distinct and transferred <= positions <= possible
    require(holds, name, "about masked positions, and commit some of them", step.transfer_index)
    lengths = [len(step.x0), len(step.confidence), len(step.top_ids), len(step.top_probs)]
    wide = NUM_ALTERNATIVES * len(positions)
    require(lengths == [len(positions)] * 2 + [wide] * 2, name, "of lists that go together", lengths)
    require(all(_lies(value, 1) for value in step.confidence), name, "of confidences from 0 to 1", step.confidence)
    units = round(1 / PROBABILITY_UNIT)
    require(max(step.top_probs, default=0) <= units, name, "of probabilities up to 10000", step.top_probs)
    known = pieces.keys() >= {*step.x0, *step.top_ids}
    require(known, name, "of tokens that pieces spells", step.x0)


def _check_carried(carried: TraceStep | None, config: SamplingConfig, pieces: Mapping[int, str]) -> None:
    """Refuse what is said to be known of tokens that are not there from the start."""
    if carried is None:
        return
    fixed = {position: token for position, token in enumerate(config.template or ()) if token is not None}
    _check_step(carried, "carried", fixed.keys(), pieces)
    same = all(fixed[at] == token for at, token in zip(carried.positions, carried.x0, strict=True))
    require(same, "carried", "about the tokens of the template", carried.x0)
    others = (carried.block, carried.transfer_index, carried.revoked_index, carried.room)
    require(others == (0, carried.positions, [], []), "carried", "as one step would commit it", others)


def _with_room(masked: set[int], room: Sequence[int], name: str, config: SamplingConfig) -> set[int]:
    """The masked positions once room is opened; refuse where that could not be."""
    if not room:
        return masked
    fits = config.start_length is not None and len(room) == 2 and room[1] > 0 and sum(room) < config.gen_length
    require(fits, name, "of a run that grows, and open room within gen_length", room)
    position, count = room
    moved = {at if at <= position else at + count for at in masked}
    return {at for at in moved if at < config.gen_length} | {*range(position + 1, position + 1 + count)}


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and len(value) <= longest


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST_ID


def _is_ids(values: Any) -> bool:
    return isinstance(values, list) and all(map(_is_count, values))


def _lies(value: Any, most: float) -> bool:
    return isinstance(value, (int, float)) and 0 <= value <= most


def _dump(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def trace_step(before: SamplingStep, after: SamplingStep) -> TraceStep:
    """What `after` tells that `before` did not."""
    names = ("x0", "confidence", "transfer_index", "top_ids", "top_probs")
    values = {name: _unmoved(getattr(after, name), after.room) for name in names}
    asked = before.mask_index & (values["top_probs"][:, 0] > 0)  # (G,)
    probabilities = (values["top_probs"][asked] / PROBABILITY_UNIT).round().long()
    return TraceStep(
        block=after.block,
        positions=_indices(asked),
        x0=values["x0"][asked].tolist(),
        confidence=[round(value, CONFIDENCE_DIGITS) for value in values["confidence"][asked].tolist()],
        transfer_index=_indices(values["transfer_index"]),
        top_ids=values["top_ids"][asked].flatten().tolist(),
        top_probs=probabilities.flatten().tolist(),
        revoked_index=_indices(after.revoked_index),
        room=[*(after.room or ())],
    )


def _unmoved(values: Tensor, room: tuple[int, int] | None) -> Tensor:
    """Values of shape (G, ...) where they stood before room was opened, with zeros for what was beyond the answer."""
    if room is None:
        return values
    position, count = room
    kept = torch.cat([values[: position + 1], values[position + 1 + count :]])
    return torch.cat([kept, torch.zeros_like(values[:count])])


def distinct_ids(
    config: SamplingConfig, mask_token_id: int, steps: Sequence[TraceStep], carried: TraceStep | None = None
) -> list[int]:
    """Every id that a view of the run may have to print; the mask's where the run leaves any."""
    fixed = [token for token in config.template or () if token is not None]
    seen = set(fixed)
    for step in steps if carried is None else (*steps, carried):
        seen.update(step.x0, step.top_ids)
    written = len(fixed) + sum(len(step.transfer_index) - len(step.revoked_index) for step in steps)
    return sorted(seen if written == config.gen_length else seen | {mask_token_id})


def _indices(mask: Tensor) -> list[int]:
    return mask.nonzero().squeeze(1).tolist()


def _proposal(step: TraceStep) -> Proposal:
    return Proposal(
        positions=torch.tensor(step.positions, dtype=torch.long),
        x0=torch.tensor(step.x0, dtype=torch.long),
        confidence=torch.tensor(step.confidence, dtype=torch.float64),
        top_ids=torch.tensor(step.top_ids, dtype=torch.long).view(-1, NUM_ALTERNATIVES),
        top_probs=torch.tensor(step.top_probs, dtype=torch.float64).view(-1, NUM_ALTERNATIVES) * PROBABILITY_UNIT,
    )

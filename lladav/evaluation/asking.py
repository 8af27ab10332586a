"""Asking a model many questions: the one place where answers are made to be measured."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from lladav.messages import Messages
from lladav.pipeline import LladaVPipeline
from lladav.sampling import SamplingConfig, SamplingStep, stop_sequences

UNSURE = 0.5  # a commit below this probability is more likely wrong than right
BATCH_SIZE = 32


@dataclass(frozen=True, eq=False)
class Asked:
    """A question with the answers that are right.

    Attributes:
        id: unlike those of the others that are asked with it.
        kind: what such questions have in common.
        question: its text.
        answers: the right ones, the best first.
        messages: makes the conversation that it ends.
        is_right: whether an answer is one of them.
        repeat: the set that it belongs to, where the same is asked several times in other words or about other scenes.
    """

    id: str
    kind: str
    question: str
    answers: tuple[str, ...]
    messages: Callable[[], Messages]
    is_right: Callable[[str], bool]
    repeat: str = ""


@dataclass(frozen=True)
class Given:
    """What a model answered, and how the answer came about; JSON-ready.

    Attributes:
        text: the answer.
        right: whether it is.
        nfe: forward passes.
        confidence: the probability of each of its tokens, the stop included, when it was committed.
        hits: whether that token is right: all are in a right answer, else those that the expected one has there.
        committed: commits, those that were taken back later included.
        unsure: commits of a probability below `UNSURE`.
        revoked: how many were taken back.
        seconds: its share of the time that its batch took, the picture included.
    """

    text: str
    right: bool
    nfe: int
    confidence: list[float]
    hits: list[bool]
    committed: int
    unsure: int
    revoked: int
    seconds: float


@dataclass
class _Tally:
    """What the steps of one answer did."""

    step: int = 0
    committed: int = 0
    unsure: int = 0
    revoked: int = 0

    def add(self, step: SamplingStep) -> None:
        if step.step == self.step:  # an answer that is done is handed out again
            return
        self.step = step.step
        self.committed += int(step.transfer_index.sum())
        self.unsure += int((token_probabilities(step)[step.transfer_index] < UNSURE).sum())
        self.revoked += int(step.revoked_index.sum())


def ask_all(
    pipe: LladaVPipeline, asked: Sequence[Asked], config: SamplingConfig, batch_size: int = BATCH_SIZE
) -> Iterator[list[tuple[Asked, Given]]]:
    """Ask everything, `batch_size` questions at a time, those with answers of about one length together.

    Settings that take one prompt at a time are given one.

    Yields:
        Nothing, as an empty list, after every step, so that whoever takes no more stops the model; and at the
        end of a batch what was answered.
    """
    at_once = batch_size if config.alone is None else 1
    by_length = sorted(asked, key=lambda one: len(expected_ids(pipe, one.answers[0], config)))
    for start in range(0, len(by_length), at_once):
        some, began = by_length[start : start + at_once], time.perf_counter()
        tallies = [_Tally() for _ in some]
        for steps in pipe.stream_batch([one.messages() for one in some], config):
            for tally, step in zip(tallies, steps, strict=True):
                tally.add(step)
            yield []
        seconds = (time.perf_counter() - began) / len(some)
        yield [
            (one, _given(pipe, one, step, config, tally, seconds))
            for one, step, tally in zip(some, steps, tallies, strict=True)
        ]


def token_probabilities(step: SamplingStep) -> Tensor:
    """How probable each token of the answer (G,) was when it was proposed, whatever score then decided over it.

    It is 0 for one that was not among the most probable, which only noise takes.
    """
    return (step.top_probs * (step.top_ids == step.x0[:, None])).sum(1)


def expected_ids(pipe: LladaVPipeline, answer: str, config: SamplingConfig) -> list[int]:
    """The ids of an answer, and of the stop behind it."""
    return [*pipe.encode(answer), *(stop_sequences(config, pipe.tokenizer) or [[]])[0]]


def _given(
    pipe: LladaVPipeline, one: Asked, step: SamplingStep, config: SamplingConfig, tally: _Tally, seconds: float
) -> Given:
    text, ids = pipe.text(step), step.tokens.tolist()
    right = one.is_right(text)
    if step.stop_position is not None:
        ids = ids[: step.stop_position + 1]
    expected = expected_ids(pipe, one.answers[0], config)
    expected += [-1] * (len(ids) - len(expected))  # behind its end nothing is right
    return Given(
        text=text,
        right=right,
        nfe=step.nfe,
        confidence=token_probabilities(step)[: len(ids)].tolist(),
        hits=[right or token == wanted for token, wanted in zip(ids, expected, strict=False)],
        committed=tally.committed,
        unsure=tally.unsure,
        revoked=tally.revoked,
        seconds=seconds,
    )

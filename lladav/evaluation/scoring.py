"""Asking a model, and what its answers add up to: accuracy, forward passes, calibration."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor
from tqdm.auto import tqdm

from lladav.evaluation.asking import BATCH_SIZE, Asked, ask_all
from lladav.evaluation.pictures import Draw
from lladav.evaluation.questions import Question, conversation, is_right
from lladav.pipeline import LladaVPipeline
from lladav.sampling import SamplingConfig
from lladav.scenes import render

NUM_BINS = 10


@dataclass(frozen=True)
class Answer:
    """What a model answered to a question.

    Attributes:
        question: the scene and what was asked about it.
        text: the answer.
        right: whether it is.
        nfe: forward passes.
        confidence: of each of its tokens, the stop included, when it was committed.
        hits: whether that token is right: all are in a right answer, else those that the expected one has there.
    """

    question: Question
    text: str
    right: bool
    nfe: int
    confidence: list[float]
    hits: list[bool]

    @property
    def kind(self) -> str:
        return self.question[1].kind

    @property
    def mistake(self) -> str:
        """What was asked, answered and expected, on one line."""
        question, expected = self.question[1].turns[-1]
        return f"{self.kind}: {question} {self.text!r}, not {expected!r}"


@dataclass(frozen=True)
class Bin:
    """The tokens committed with a confidence in one tenth of 0 to 1: how many, how sure on average, how often right."""

    tokens: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Score:
    """A model under one setting; JSON-ready.

    Attributes:
        model: its name.
        objective: "masked" or "autoregressive".
        study: what the setting belongs to: "questions", "sweep", "speeds", "robust" or "scalability".
        label: the setting, in words.
        accuracy: the share of right answers, of "all" questions and of each kind.
        asked: how many questions those are.
        nfe: forward passes an answer.
        tokens_per_forward: tokens of an answer, the stop included, by forward pass.
        reliability: the bins that hold tokens.
        calibration_error: how far confidence is from accuracy, averaged over tokens.
        seconds: for all questions, their pictures included.
    """

    model: str
    objective: str
    study: str
    label: str
    accuracy: dict[str, float]
    asked: dict[str, int]
    nfe: float
    tokens_per_forward: float
    reliability: list[Bin]
    calibration_error: float
    seconds: float


def objective(pipe: LladaVPipeline) -> str:
    """What the model was trained for: "masked" or "autoregressive"."""
    return "autoregressive" if pipe.model.config.is_causal else "masked"


def asked_about(question: Question, draw: Draw = render, id: str = "", repeat: str = "") -> Asked:
    """A question about a scene, to be asked with the picture that `draw` makes of it."""
    scene, example = question
    text, expected = example.turns[-1]
    return Asked(
        id=id,
        kind=example.kind,
        question=text,
        answers=(expected,),
        messages=lambda: conversation(scene, example, draw(scene)),
        is_right=lambda given: is_right(example, given),
        repeat=repeat,
    )


def answer(
    pipe: LladaVPipeline,
    questions: Sequence[Question],
    config: SamplingConfig,
    draw: Draw = render,
    batch_size: int = BATCH_SIZE,
) -> list[Answer]:
    """Ask everything, see `ask_all`."""
    of_id = {str(index): question for index, question in enumerate(questions)}
    asked = [asked_about(question, draw, id) for id, question in of_id.items()]
    answers = []
    with tqdm(total=len(questions), desc="questions", leave=False) as progress:
        for answered in ask_all(pipe, asked, config, batch_size):
            for one, given in answered:
                answers.append(Answer(of_id[one.id], given.text, given.right, given.nfe, given.confidence, given.hits))
            progress.update(len(answered))
    return answers


def score(
    pipe: LladaVPipeline,
    questions: Sequence[Question],
    config: SamplingConfig,
    draw: Draw = render,
    study: str = "questions",
    label: str = "",
    batch_size: int = BATCH_SIZE,
) -> tuple[Score, list[Answer]]:
    """What the answers to `questions` add up to, and the answers."""
    start = time.perf_counter()
    answers = answer(pipe, questions, config, draw, batch_size)
    seconds = time.perf_counter() - start
    kinds = ["all", *dict.fromkeys(example.kind for _, example in questions)]
    of_kind = {kind: [one.right for one in answers if kind in ("all", one.kind)] for kind in kinds}
    confidence = torch.tensor(list(chain.from_iterable(one.confidence for one in answers)))
    hits = torch.tensor(list(chain.from_iterable(one.hits for one in answers))).double()
    bins = list(reliability(confidence, hits))
    passes = sum(one.nfe for one in answers)
    return Score(
        model=pipe.name,
        objective=objective(pipe),
        study=study,
        label=label,
        accuracy={kind: round(sum(right) / len(right), 4) for kind, right in of_kind.items()},
        asked={kind: len(right) for kind, right in of_kind.items()},
        nfe=round(passes / len(answers), 2),
        tokens_per_forward=round(len(hits) / passes, 2),
        reliability=bins,
        calibration_error=round(calibration_error(bins), 4),
        seconds=round(seconds, 3),
    ), answers


def reliability(confidence: Tensor, hits: Tensor) -> Iterator[Bin]:
    """The bins that hold some of N tokens, by their confidence (N,); `hits` (N,) is 1 where a token is right."""
    index = (confidence * NUM_BINS).long().clamp(max=NUM_BINS - 1)
    for number in index.unique().tolist():
        inside = index == number
        averages = confidence[inside].mean().item(), hits[inside].mean().item()
        yield Bin(int(inside.sum()), *(round(value, 4) for value in averages))


def calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error: |accuracy - confidence|, averaged over tokens (arXiv 1706.04599, eq. 3)."""
    return sum(each.tokens * abs(each.accuracy - each.confidence) for each in bins) / sum(each.tokens for each in bins)

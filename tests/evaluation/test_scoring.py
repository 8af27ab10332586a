"""Answers, and what they come to."""

from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from lladav.evaluation import answer, conversation, held_out_questions, score, scoring
from lladav.evaluation.questions import ASKED
from lladav.evaluation.scoring import Bin, calibration_error, reliability
from lladav.sampling import SamplingConfig
from lladav.scenes import Example, Scene

SHORT = SamplingConfig(gen_length=8, block_length=8, steps=4)


class Parrot:
    """A pipeline that says what it is told to, in ids that are the lengths of words."""

    name, stop = "parrot", 9

    def __init__(self, sayings: dict[str, tuple[str, list[float]]], passes: int | None = None, is_causal: bool = False):
        self.sayings, self.passes = sayings, passes
        self.batch_sizes: list[int] = []
        self.pictures: list[Image.Image] = []
        self.model = SimpleNamespace(config=SimpleNamespace(is_causal=is_causal))
        self.tokenizer = SimpleNamespace(encode=lambda text, add_special_tokens: self.ids(text))

    def ids(self, text: str) -> list[int]:
        return [len(word) for word in text.replace("<|eot_id|>", " " + "x" * self.stop).split()]

    def encode(self, text: str) -> list[int]:
        return self.ids(text)

    def text(self, step) -> str:
        return step.text

    def stream_batch(self, conversations, config):
        self.batch_sizes.append(len(conversations))
        self.pictures += [messages[0]["content"][0]["image"] for messages in conversations]
        begun = SimpleNamespace(step=0)
        yield [begun] * len(conversations)
        yield [self.say(*self.sayings[messages[0]["content"][1]["text"]]) for messages in conversations]

    def say(self, text: str, confidence: list[float]):
        ids = [*self.ids(text), self.stop, 0, 0]
        return SimpleNamespace(
            text=text, tokens=torch.tensor(ids), nfe=self.passes or len(confidence), stop_position=len(ids) - 3,
            confidence=torch.tensor([*confidence, 0.5, 0.5], dtype=torch.float64),
            step=1, transfer_index=torch.tensor(ids) > 0, revoked_index=torch.tensor(ids) < 0,
        )  # fmt: skip


def question(kind: str, asked: str, expected: str) -> tuple[Scene, Example]:
    return Scene((), 0), Example(kind, ((asked, expected),))


QUESTIONS = (
    question("name", "What?", "A red dog."),
    question("name", "Who?", "A cat."),
    question("caption", "Describe.", "A bee and a dog."),
)

SAYINGS = {
    "What?": ("A blue dog.", [0.9, 0.3, 0.8, 0.7]),
    "Who?": ("A cat.", [1.0, 0.96, 0.92]),
    "Describe.": ("A dog and a bee.", [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]),
}


def test_every_token_up_to_the_stop_is_held_against_the_answer():
    answers = {one.question: one for one in answer(Parrot(SAYINGS), QUESTIONS, SHORT)}
    what, who, caption = (answers[one] for one in QUESTIONS)
    assert (what.right, what.hits, what.confidence) == (False, [True, False, True, True], [0.9, 0.3, 0.8, 0.7])
    assert who.right and all(who.hits) and len(who.hits) == 3
    assert caption.right and all(caption.hits) and len(caption.hits) == 6
    assert what.mistake == "name: What? 'A blue dog.', not 'A red dog.'"


def test_every_question_is_asked_about_the_picture_that_is_drawn_for_it():
    parrot, picture = Parrot(SAYINGS), Image.new("RGB", (8, 8))
    answer(parrot, QUESTIONS, SHORT, draw=lambda scene: picture)
    assert len(parrot.pictures) == 3 and all(shown is picture for shown in parrot.pictures)


def test_what_is_said_behind_the_expected_end_is_wrong():
    (long,) = answer(Parrot({"Who?": ("A cat. A dog.", [0.5] * 5)}), QUESTIONS[1:2], SHORT)
    assert long.hits == [True, True, False, False, False]


def test_they_add_up():
    result, answers = score(Parrot(SAYINGS), QUESTIONS, SHORT)
    assert result.accuracy == {"all": 0.6667, "name": 0.5, "caption": 1.0}
    assert result.asked == {"all": 3, "name": 2, "caption": 1}
    assert len(answers) == 3 and result.nfe == round(13 / 3, 2) and result.tokens_per_forward == 1.0
    assert sum(each.tokens for each in result.reliability) == 13
    assert (result.model, result.objective) == ("parrot", "masked")


def test_a_score_says_what_was_asked_and_how_it_went(monkeypatch):
    clock = iter((100.0, 101.23456))
    monkeypatch.setattr(scoring, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    parrot = Parrot(SAYINGS, passes=2, is_causal=True)
    result, _ = score(parrot, QUESTIONS, SHORT, study="speeds", label="fast", batch_size=2)
    assert (result.study, result.label, result.objective) == ("speeds", "fast", "autoregressive")
    assert parrot.batch_sizes == [2, 1]
    assert (result.nfe, result.tokens_per_forward, result.seconds) == (2.0, 2.17, 1.235)  # 13 tokens in 6 passes
    gaps = 4 * 0.055 + 0.2 + 0.3 + 6 * 0.5 + 0.3  # of 4 tokens above 0.9, one each above 0.8, 0.7 and 0.3, 6 of 0.5
    assert result.calibration_error == round(gaps / 13, 4)
    monkeypatch.undo()
    plain, _ = score(Parrot(SAYINGS), QUESTIONS, SHORT)
    assert (plain.study, plain.label) == ("questions", "")


def test_bins_average_what_is_in_them():
    bins = list(reliability(torch.tensor([0.21, 0.29, 0.95, 1.0]), torch.tensor([1.0, 0, 1, 1]).double()))
    assert bins == [Bin(2, 0.25, 0.5), Bin(2, 0.975, 1.0)]
    assert list(reliability(torch.tensor([0.12347]), torch.tensor([1.0]))) == [Bin(1, 0.1235, 1.0)]
    assert len(list(reliability(torch.tensor([0.85, 0.95]), torch.ones(2).double()))) == 2
    assert calibration_error(bins) == pytest.approx((2 * 0.25 + 2 * 0.025) / 4)
    assert calibration_error([Bin(5, 0.8, 0.8), Bin(1, 0.1, 0.1)]) == 0


def test_a_batch_is_as_good_as_one_by_one(tiny_pipeline):
    questions = list(held_out_questions(0, len(ASKED)))
    batched = answer(tiny_pipeline, questions, SHORT, batch_size=7)
    for one, alone in zip(batched, answer(tiny_pipeline, questions, SHORT, batch_size=1), strict=True):
        assert (one.question, one.text, one.nfe, one.hits) == (alone.question, alone.text, alone.nfe, alone.hits)
        assert one.confidence == pytest.approx(alone.confidence, abs=1e-5)
    reply = tiny_pipeline(conversation(*batched[0].question), SHORT)
    assert (reply.text, reply.nfe) == (batched[0].text, batched[0].nfe)

"""Held-out questions in everyday words."""

import random
import re

from lladav import cli
from lladav.evaluation import everyday_questions
from lladav.evaluation.wordings import FACTS, wordings
from lladav.scenes import ASKERS, FURTHER_WEIGHTS, WEIGHTS, ask, make_scene

TOTAL = sum(len(templates) for templates in wordings().values())


def test_there_are_at_least_200_and_every_kind_is_known():
    assert TOTAL >= 200 and set(wordings()) == set(FACTS)
    assert {asker for asker, _ in FACTS.values()} <= set(ASKERS)


def test_they_are_seeded_and_each_wording_has_its_turn():
    first = list(everyday_questions(3, TOTAL))
    assert first == list(everyday_questions(3, TOTAL)) != list(everyday_questions(4, TOTAL))
    kinds = [example.kind for _, example in first]
    assert {kind: kinds.count(kind) for kind in wordings()} == {kind: len(each) for kind, each in wordings().items()}
    half = [example.kind for _, example in everyday_questions(3, TOTAL // 2)]
    assert set(half) == set(wordings())


def test_every_slot_is_filled_and_every_answer_given():
    for scene, example in everyday_questions(0, TOTAL):
        question, answer = example.turns[-1]
        assert question and answer and not re.search(r"[{}]", question + answer)
        assert len(example.turns) == (2 if example.kind.startswith("follow_up") else 1)
        if example.kind == "caption":
            assert len(scene.items) > 1


def test_training_composes_none_of_them():
    """The few that are so short that anybody says them are left out of account."""
    rng = random.Random(0)
    composed = set()
    for _ in range(20_000):
        example = ask(make_scene(rng), rng, weights=WEIGHTS | FURTHER_WEIGHTS, everyday_share=1.0)
        composed.add(_bare(example.turns[-1][0]))
    asked = [_bare(example.turns[-1][0]) for _, example in everyday_questions(0, TOTAL)]
    long = [question for question in asked if len(question.split()) > 3]
    assert len(long) > 0.7 * TOTAL
    assert sum(question in composed for question in long) < 0.05 * len(long)


def _bare(question: str) -> str:
    return re.sub(r"[^a-z ]", "", question.lower()).strip()


def test_the_command_asks_them(tiny_random, capsys):
    arguments = ["--wordings", "--count", "2", "--gen-length", "8", "--model", str(tiny_random)]
    assert cli.main(["evaluate", *arguments]) == 0
    table = capsys.readouterr().out
    assert "| all " in table and any(f"| {kind} " in table for kind in wordings())

"""Scores as tables."""

from lladav.evaluation import Score
from lladav.evaluation.report import report


def test_models_stand_side_by_side(scores: list[Score]):
    lines = report(scores[:2]).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == ["question", "asked", "lladav-tiny", "lladav-tiny-ar"]
    assert cells[2] == ["all", "100", "80.0%", "70.0%"] and cells[7][0] == "forward passes an answer"
    assert len(set(map(len, lines))) == 1


def test_every_study_has_a_table(scores: list[Score]):
    text = report(scores)
    for title in ("**Steps and block length**", "**Speeds**", "**Pictures as people send them**"):
        assert title in text
    assert text.count("\n| lladav-tiny ") == sum(one.study != "questions" for one in scores) - 1

"""`lladav evaluate`: what it prints, writes and refuses."""

import json

import pytest

from lladav import cli
from lladav.scenes import (
    KINDS,
)


def test_it_ends_with_a_line_of_json(tiny_random, twin_folder, tmp_path, capsys):
    arguments = ["--count", "3", "--gen-length", "8", "--model", str(tiny_random), "--twin", str(twin_folder)]
    saved, drawn = tmp_path / "scores.json", tmp_path / "scores.png"
    assert cli.main(["evaluate", *arguments, "--json", "--save", str(saved), "--plot", str(drawn)]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(result["accuracy"]) == ["all", *list(KINDS)[:3]]
    assert all(0 <= share <= 1 for share in result["accuracy"].values())
    assert result["model"] == tiny_random.name and result["asked"]["all"] == 3 and result["nfe"] <= 8
    assert [one["objective"] for one in result["scores"]] == ["masked", "autoregressive"]
    assert drawn.stat().st_size > 10_000
    assert cli.main(["evaluate", "--load", str(saved), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["scores"] == result["scores"]


def test_amounts_of_data_are_compared(tiny_random, twin_folder, tmp_path, capsys):
    for name, source in (("masked-1_16", tiny_random), ("autoregressive-1", twin_folder)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model").symlink_to(source)
    arguments = ["--count", "1", "--gen-length", "8", "--scalability", str(tmp_path), "--json"]
    assert cli.main(["evaluate", *arguments]) == 0
    scores = json.loads(capsys.readouterr().out.splitlines()[-1])["scores"]
    assert [(one["model"], one["objective"], one["label"]) for one in scores] == [
        ("masked-1_16", "masked", "1/16"),
        ("autoregressive-1", "autoregressive", "1"),
    ]


def test_scalability_asks_its_own_models_only(tmp_path, capsys):
    assert cli.main(["evaluate", "--scalability", str(tmp_path), "--speeds"]) == 2
    assert "speeds does not go with scalability" in capsys.readouterr().err


@pytest.mark.parametrize("asking", [["--methods"], ["--json"], ["--model", "x"], ["--speeds"], ["--load", "x"]])
def test_questions_are_only_written(asking: list[str], tmp_path, capsys):
    assert cli.main(["evaluate", "--questions", str(tmp_path / "new"), *asking]) == 2
    assert f"{asking[0][2:]} does not go with questions, which are only written" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_no_question_is_refused(capsys):
    assert cli.main(["evaluate", "--count", "0"]) == 2
    assert "count must be at least 1, got 0" in capsys.readouterr().err

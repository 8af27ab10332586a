"""`lladav evaluate`: what it prints, writes and refuses."""

import json

import pytest

from lladav import cli
from lladav.evaluation import command
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
    loaded = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert loaded["scores"] == result["scores"] and loaded["seed"] is None  # which a file of scores does not tell


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


PLAIN = "--sweep --speeds --robust --mistakes"
DROPPED = {  # the options that each of these would have no use for
    "--methods": f"{PLAIN} --attention --scalability=x --load=x --save=x --json --wordings --held-out-artwork "
    "--steps=4 --steps=0 --block-length=4",
    "--attention": f"{PLAIN} --scalability=x --load=x --save=x --plot=x --json --wordings --held-out-artwork --twin=x "
    "--batch-size=2",
    "--load=x": f"{PLAIN} --scalability=x --model=x --twin=x --wordings --held-out-artwork --dtype=float32 --steps=4 "
    "--block-length=4 --seed=0 --count=3 --gen-length=8 --batch-size=2",
    "--scalability=x": "--mistakes --model=x --twin=x --sweep --robust",
}


@pytest.mark.parametrize(
    ("wanted", "dropped"), [(wanted, one) for wanted, all in DROPPED.items() for one in all.split()]
)
def test_an_option_that_would_be_dropped_is_refused(wanted: str, dropped: str, monkeypatch):
    monkeypatch.setattr(command, "_pipeline", lambda *_: pytest.fail("a model was loaded"))
    args = cli.build_parser("evaluate").parse_args(["evaluate", wanted, dropped])
    name = dropped[2:].split("=")[0].replace("-", "_")
    with pytest.raises(ValueError, match=f"^{name} does not go with .*{wanted[2:].split('=')[0]}.*: leave it out$"):
        command.evaluate(args)


@pytest.mark.parametrize("wanted", [[], ["--attention"], ["--load", "x"]], ids=str)
def test_a_folder_is_for_the_answers_to_methods(wanted: list[str], monkeypatch, capsys):
    monkeypatch.setattr(command, "_pipeline", lambda *_: pytest.fail("a model was loaded"))
    assert cli.main(["evaluate", "--folder", "x", *wanted]) == 2
    assert "folder does not go with anything but methods: leave it out" in capsys.readouterr().err


def test_no_step_is_refused(monkeypatch, capsys):
    """It was taken for a step that was not given."""
    monkeypatch.setattr(command, "_pipeline", lambda *_: None)
    assert cli.main(["evaluate", "--count", "1", "--steps", "0"]) == 2
    assert "steps must be a positive whole number, got 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    "asking", [["--methods"], ["--json"], ["--model", "x"], ["--speeds"], ["--load", "x"], ["--gen-length", "8"]]
)
def test_questions_are_only_written(asking: list[str], tmp_path, capsys):
    assert cli.main(["evaluate", "--questions", str(tmp_path / "new"), *asking]) == 2
    name = asking[0][2:].replace("-", "_")
    assert f"{name} does not go with questions, which are only written" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_no_question_is_refused(capsys):
    assert cli.main(["evaluate", "--count", "0"]) == 2
    assert "count must be at least 1, got 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asking", "words"),
    [
        (["--held-out-artwork"], "held_out_artwork does not go with signs"),
        (["--robust"], "robust does not go with signs"),
        (["--methods"], "signs does not go with methods"),
        (["--attention"], "signs does not go with attention"),
        (["--load", "x"], "signs does not go with load"),
    ],
)
def test_what_would_not_ask_for_signs_is_refused_with_them(asking: list[str], words: str, capsys):
    assert cli.main(["evaluate", "--signs", *asking]) == 2
    assert words in capsys.readouterr().err


def test_signs_are_asked_alone(tiny_random, capsys):
    asked = ["evaluate", "--model", str(tiny_random), "--count", "2", "--gen-length", "8", "--signs"]
    assert cli.main([*asked, "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out.splitlines()[-1])["accuracy"]) == ["all", "sign"]
    with pytest.raises(SystemExit):
        cli.main([*asked, "--wordings"])
    assert "not allowed with argument --signs" in capsys.readouterr().err

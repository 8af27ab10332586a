"""`lladav evaluate --methods`, with two of them."""

import pytest

from lladav import cli
from lladav.evaluation import command
from lladav.evaluation.methods_study import methods_sweep, presets
from lladav.sampling import METHODS
from lladav.ui.settings import snapping


def test_all_methods_are_asked_the_same(tiny_random, twin_folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(command, "METHODS", {name: METHODS[name] for name in ("exact", "token_to_mask")})
    folder, plot = tmp_path / "methods", tmp_path / "methods.png"
    models = ["--model", str(tiny_random), "--twin", str(twin_folder), "--folder", str(folder)]
    arguments = ["evaluate", "--methods", *models, "--count", "9", "--gen-length", "8", "--plot", str(plot)]
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    for name in ("exact", "token_to_mask"):
        assert out.count(f"| {name} ") == 3  # by figure, kind of question, and set
    for name in ("balanced", "fast", twin_folder.name):
        assert out.count(f"| {name} ") == 1
    assert "model_hash" in out
    assert plot.stat().st_size > 20_000 and (folder / "table.csv").exists()
    before = (folder / "answers.jsonl").read_text()
    assert cli.main(arguments) == 0
    assert (folder / "answers.jsonl").read_text() == before, "nothing is asked twice"
    assert capsys.readouterr().out == out


def test_sets_and_wordings_share_the_count():
    sweep = methods_sweep(seed=4, count=100, gen_length=64, batch_size=8, methods=tuple(METHODS))
    assert sweep.axes["method"] == tuple(METHODS) and len(sweep.combinations()) == len(METHODS)
    assert (sweep.questions.count, sweep.questions.seeds, sweep.questions.wordings) == (11, (4, 5, 6), 3)


def test_the_presets_are_those_of_the_page():
    sweep = methods_sweep(seed=4, count=9, gen_length=64, batch_size=8, methods=tuple(METHODS))
    configs = {name: preset.combinations()[0][1] for name, preset in presets(sweep)}
    assert configs == {name: snapping.preset(name.capitalize(), 64).config() for name in ("balanced", "fast")}


@pytest.mark.parametrize("option", [["--sweep"], ["--steps", "4"], ["--model", "a", "--model", "b"]], ids=str)
def test_what_does_not_go_with_methods_is_refused(option: list[str], capsys):
    assert cli.main(["evaluate", "--methods", *option]) == 2
    assert "methods" in capsys.readouterr().err

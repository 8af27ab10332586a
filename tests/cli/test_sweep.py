"""`lladav sweep`."""

import json

import pandas as pd

from lladav import cli
from lladav.evaluation.sweep import SweepRun

SWEEP = "axes: {steps: [8, 2]}\nquestions: {count: 3}\nsettings: {gen_length: 8}\n"


def test_it_prints_writes_and_draws_one_table(tiny_random, tmp_path, capsys):
    path, folder = tmp_path / "mine.yaml", tmp_path / "results"
    path.write_text(SWEEP)
    arguments = ["sweep", str(path), "--folder", str(folder), "--model", str(tiny_random), "--plot", "--json"]
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    printed = json.loads(out.splitlines()[-1])
    assert [row["steps"] for row in printed["rows"]] == [8, 2] and "| steps |" in out
    assert printed == json.loads((folder / "table.json").read_text())
    assert pd.read_csv(folder / "table.csv", comment="#")["nfe"].tolist() == [row["nfe"] for row in printed["rows"]]
    assert (folder / "table.png").stat().st_size > 10_000


def test_ctrl_c_keeps_what_is_there(tiny_random, tmp_path, capsys, monkeypatch):
    path, folder = tmp_path / "mine.yaml", tmp_path / "results"
    path.write_text(SWEEP)
    whole = SweepRun.run

    def interrupted(run):
        for progress in whole(run):
            yield progress
            if progress.done >= 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(SweepRun, "run", interrupted)
    arguments = ["sweep", str(path), "--folder", str(folder), "--model", str(tiny_random)]
    assert cli.main(arguments) == 130
    assert "the same command goes on" in capsys.readouterr().out
    monkeypatch.undo()
    assert cli.main([*arguments, "--json"]) == 0
    assert [row["asked"] for row in json.loads(capsys.readouterr().out.splitlines()[-1])["rows"]] == [3, 3]


def test_what_is_no_sweep_is_refused_before_a_model_is_loaded(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text("axes: {steps: [7], block_length: [8]}")
    assert cli.main(["sweep", str(path)]) == 2
    assert "steps=7, block_length=8: steps must be a multiple" in capsys.readouterr().err

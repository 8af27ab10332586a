"""Tables of sweeps."""

import json
from pathlib import Path

import pandas as pd
import pytest

from lladav import LladaVPipeline
from lladav.evaluation.frontier import plot_sweep
from lladav.evaluation.results import (
    FIGURES,
    IDEAL,
    MEASURED,
    answers_table,
    in_markdown,
    kinds_table,
    pareto,
    reliability_bins,
    reliability_points,
    save_table,
    sweep_table,
)
from lladav.evaluation.sweep import Sweep, SweepRun

SWEEP = "axes: {threshold: [null, 0.5]}\nquestions: {count: 4, wordings: 2}\nsettings: {gen_length: 8, steps: 8}"


@pytest.fixture(scope="module")
def run(tiny_pipeline: LladaVPipeline, tmp_path_factory: pytest.TempPathFactory) -> SweepRun:
    run = SweepRun(tiny_pipeline, Sweep.read(SWEEP), tmp_path_factory.mktemp("sweep"))
    for _ in run.run():
        pass
    return run


def test_a_row_is_the_mean_of_its_answers(run: SweepRun):
    table, answers = sweep_table(run), answers_table(run)
    assert [*table.columns] == ["threshold", *FIGURES] and len(answers) == 16
    for _, row in table.iterrows():
        of_row = answers[answers["threshold"] == row["threshold"]]
        assert row["asked"] == len(of_row) == 8
        assert row["accuracy"] == of_row["right"].mean() and row["nfe"] == of_row["nfe"].mean()
        assert row["spread"] == of_row.groupby("repeat")["right"].mean().std()
        assert row["tokens_per_forward"] == of_row["tokens"].sum() / of_row["nfe"].sum()
        assert sum(one.tokens for one in reliability_bins(of_row)) == of_row["tokens"].sum()
        exact = answers[answers["threshold"] == "null"].set_index("id")["right"].rename("right_exact")
        both = of_row.set_index("id").join(exact)
        assert row["gained"] - row["lost"] == both["right"].sum() - both["right_exact"].sum()
        assert row["gained"] == (both["right"] & ~both["right_exact"]).sum()
    assert table["agreement"][0] == 1.0  # of exact mode with itself
    assert kinds_table(run).shape == (2, 5)


def test_a_reliability_diagram_has_every_token_and_the_diagonal(run: SweepRun):
    answers = answers_table(run)
    points = reliability_points(answers)
    measured, ideal = (points[points["line"] == line] for line in (MEASURED, IDEAL))
    assert measured["tokens"].sum() == answers["tokens"].sum()
    assert [*ideal["confidence"]] == [*ideal["accuracy"]] and [*ideal["accuracy"][[0, 10]]] == [0, 1]


def test_nothing_is_a_table_too(tiny_pipeline: LladaVPipeline, tmp_path: Path):
    table = sweep_table(SweepRun(tiny_pipeline, Sweep.read(SWEEP), tmp_path))
    assert [*table.columns] == ["threshold", *FIGURES] and table.empty


def test_the_pareto_front():
    table = pd.DataFrame({"nfe": [1, 2, 2, 4, 8, 1], "accuracy": [0.5, 0.7, 0.6, 0.7, 0.9, 0.5]})
    assert pareto(table) == [True, True, False, False, True, True]


def test_a_saved_table_says_what_it_was_measured_with(run: SweepRun, tmp_path: Path):
    table = sweep_table(run)
    save_table(table, tmp_path / "a.csv")
    save_table(table, tmp_path / "a.json")
    head = (tmp_path / "a.csv").read_text().splitlines()
    assert f"# model_hash: {run.about['model_hash']}" in head
    read = pd.read_csv(tmp_path / "a.csv", comment="#")
    assert read["accuracy"].tolist() == pytest.approx(table["accuracy"].tolist())
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["about"] == run.about and len(written["rows"]) == 2
    assert {"lladav", "torch", "model_hash", "machine", "seeds"} <= set(run.about)
    with pytest.raises(ValueError, match=r"path must end in \.csv or \.json, got '\.xls'"):
        save_table(table, tmp_path / "a.xls")


def test_markdown_and_picture(run: SweepRun, tmp_path: Path):
    lines = in_markdown(sweep_table(run)).splitlines()
    assert len(lines) == 4 and lines[0].startswith("| threshold") and "100.0%" in lines[2]
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["null", "0.5"]  # settings, not shares
    plot_sweep(run, tmp_path / "plot.png", beside=sweep_table(run)[:1].assign(method="another"))
    assert (tmp_path / "plot.png").stat().st_size > 20_000

"""The curve and the hours of a training run."""

import json

import pytest

from lladav.training.report import plot_log, read_log


def test_hours_are_those_that_training_ran(tmp_path):
    marks = [("a", 0), ("b", 10), ("a", 90), ("a", 180), ("a", 10_000), ("a", 10_090), ("b", 100)]  # one long pause
    marks.append(("short", 5))  # of which the log has one line
    lines = [json.dumps({"stage": s, "step": at, "loss": 1.0, "seconds": at}) for s, at in marks]
    (tmp_path / "log.jsonl").write_text("\n".join([*lines, json.dumps({"stage": "b", "step": 100, "name": 0.5})]))
    losses, hours = read_log(tmp_path / "log.jsonl")
    assert list(losses["b"]) == [10, 100]
    assert hours == pytest.approx({"a": 270 / 3600, "b": 90 / 3600, "short": 0})
    plot_log(tmp_path / "log.jsonl", tmp_path / "curve.png")
    assert (tmp_path / "curve.png").exists()

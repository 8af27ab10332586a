"""`lladav load`."""

import json
from pathlib import Path

import pytest

from lladav.benchmarks import load as benchmark
from lladav.cli import main


def test_it_prints_a_table_and_json_and_draws(
    embedded: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(benchmark, "ASKED", benchmark.ASKED[:1])
    options = ["--url", embedded, "--clients", "2", "--seconds", "2", "--json", "--plot", str(tmp_path / "load.png")]
    assert main(["load", *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    figures = json.loads(lines[-1])
    assert figures["clients"] == 2
    assert figures["completed"] > 0
    assert (figures["hung"], figures["wrong"]) == (0, 0)
    assert lines[0].startswith("| figure")
    assert (tmp_path / "load.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--clients", "0"], "clients must be at least 1, got 0"),
        (["--seconds", "0"], "seconds must be a positive number, got 0.0"),
        (["--seconds", "inf"], "seconds must be a positive number, got inf"),
        (["--url", "http://127.0.0.1:1/", "--model", "a"], "model must be left out"),
    ],
)
def test_what_it_cannot_do_is_a_sentence(options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]):
    assert main(["load", *options]) == 2
    assert sentence in capsys.readouterr().err

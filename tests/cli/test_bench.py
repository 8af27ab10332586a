"""`lladav bench`, as far as it is refused; what it measures is in test_benchmarks."""

import pytest

from lladav import cli
from lladav.cli import bench, checks


@pytest.fixture(autouse=True)
def no_model(monkeypatch):
    monkeypatch.setattr(bench, "make_subject", lambda *_: pytest.fail("a model was loaded"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--plot", "/nowhere/growth.png"], "plot must lie in a folder that exists"),
        (["--plot", "growth.png"], '--plot needs matplotlib, which is not installed: pip install "lladav[train]"'),
        (["--quantized"], '--quantized needs bitsandbytes, which is not installed: pip install "lladav[quantized]"'),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused_before_anything_is_measured(options, words, monkeypatch, capsys):
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    assert cli.main(["bench", *options]) == 2
    assert words in capsys.readouterr().err

"""`lladav evaluate`, as far as it is refused; what it measures is in tests/evaluation."""

import pytest

from lladav import cli
from lladav.cli import checks, evaluate


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--save", "/nowhere/scores.json"], "save must lie in a folder that exists"),
        (["--plot", "scores.png"], '--plot needs matplotlib, which is not installed: pip install "lladav[train]"'),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused_before_anything_is_asked(options, words, monkeypatch, capsys):
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    monkeypatch.setattr(evaluate, "evaluate", lambda args: pytest.fail("questions were asked"))
    assert cli.main(["evaluate", *options]) == 2
    assert words in capsys.readouterr().err

"""`lladav train` without its extra; what it does is in test_training."""

import sys

import pytest

from lladav import cli

OURS = ("lladav.cli.train", "lladav.training", "lladav.evaluation")


@pytest.mark.parametrize("package", ["accelerate", "matplotlib"])
def test_a_missing_extra_is_named(package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    for name in [name for name in sys.modules if name.startswith(OURS)]:
        monkeypatch.delitem(sys.modules, name)  # so that they import it again,
    monkeypatch.setitem(sys.modules, package, None)  # which fails as if it were not installed
    assert cli.main(["train", "--scale", "0"]) == 2
    assert capsys.readouterr().err == (
        f'lladav: lladav train needs {package}, which is not installed: pip install "lladav[train]"\n'
    )

"""`lladav export`."""

import pytest
from PIL import Image

from lladav import Trace, cli
from lladav.assets import asset

TRACE = asset("traces") / "color.json"


def test_a_trace_becomes_a_film(tmp_path, capsys):
    film = tmp_path / "run.gif"
    assert cli.main(["export", str(TRACE), str(film)]) == 0
    assert "run.gif" in capsys.readouterr().err  # the progress bar
    with Image.open(film) as gif:
        assert gif.n_frames >= len(Trace.load(TRACE).steps)


@pytest.mark.parametrize(
    ("trace", "output", "words"),
    [
        (str(TRACE), "run.avi", "path must end in .gif, .mp4, .png, .html, .json, got '.avi'\n"),
        ("nowhere.json", "run.gif", "lladav: no such file: nowhere.json\n"),
        (__file__, "run.gif", "test_export.py cannot be read as a trace"),
        (str(TRACE), "nowhere/run.gif", "output must lie in a folder that exists, got nowhere/run.gif"),
    ],
    ids=["format", "missing", "code", "folder"],
)
def test_what_cannot_be_exported_gets_one_sentence(trace, output, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["export", trace, output]) == 2
    assert words in capsys.readouterr().err

"""`lladav app`."""

import runpy
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lladav import LladaVPipeline, cli
from lladav.cli.app import server_port
from lladav.cli.checks import EXTRAS

APP = Path(__file__).parents[2] / "app.py"


@pytest.mark.parametrize("text", ["abc", "0", "65536", "-1", "7860.0", " ", "²"], ids=ascii)
def test_what_is_no_port_is_refused_before_a_model_is_loaded(text: str, monkeypatch, capsys):
    monkeypatch.setenv("LLADAV_PORT", text)
    monkeypatch.setattr(LladaVPipeline, "from_pretrained", lambda *_, **__: pytest.fail("a model was loaded"))
    assert cli.main(["app"]) == 2
    expected = f"lladav: LLADAV_PORT must be a whole number from 1 to 65535, got {text!r}: choose one, such as 7860\n"
    assert capsys.readouterr().err == expected


def test_a_busy_port_is_refused_and_a_free_one_is_not(monkeypatch):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        monkeypatch.setenv("LLADAV_PORT", str(port))
        with pytest.raises(ValueError, match=rf"LLADAV_PORT must be a port .* 127.0.0.1, got {port} \(Address already"):
            server_port()
    assert server_port() == port


def test_without_a_port_gradio_looks_for_one(monkeypatch):
    monkeypatch.delenv("LLADAV_PORT", raising=False)
    assert server_port() is None


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("LLADAV_PORT", "abc", "LLADAV_PORT must be"), ("LLADAV_MODEL", "nowhere", "model must be a directory")],
)
def test_the_space_ends_with_a_sentence(name: str, value: str, words: str, monkeypatch, capsys):
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match="1"):
        runpy.run_path(str(APP), run_name="__main__")
    assert capsys.readouterr().err.startswith(f"lladav: {words}")


def test_the_page_needs_no_extra():
    """In a process of its own, as what is imported stays so."""
    extras = EXTRAS.keys() - {"tqdm"}  # which transformers brings
    code = f"import sys\nsys.modules |= dict.fromkeys({sorted(extras)})\nimport lladav.ui.server, lladav.cli.app"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_space_is_short_and_imports_spaces_first():
    lines = APP.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 40
    assert next(line for line in lines if "import" in line).startswith("import spaces")

"""The page as a program: its folder, and how it ends."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from helpers import program

from lladav.ui import server


def test_a_server_has_a_folder_of_its_own_which_goes_when_it_is_told_to_end(tmp_path: Path):
    left = tmp_path / server.FOLDER.format(ended_process())
    left.mkdir()
    with program(tmp_path) as address:
        assert not left.exists(), "what a server that was killed had left"
        (folder,) = tmp_path.glob(server.FOLDER.format("*"))
        body = b'--b\r\ncontent-disposition: form-data; name="files"; filename="a.txt"\r\n\r\nwords\r\n--b--'
        kind = {"content-type": "multipart/form-data; boundary=b"}
        urlopen(Request(f"{address}gradio_api/upload", data=body, headers=kind)).close()
        assert [path.name for path in folder.rglob("a.txt")] == ["a.txt"]
    assert not folder.exists()
    assert "Traceback" not in (tmp_path / "output.txt").read_text()


def test_folders_of_servers_that_go_on_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server.tempfile, "gettempdir", lambda: str(tmp_path))
    other = tmp_path / server.FOLDER.format(os.getppid())
    other.mkdir()
    with server.own_folder() as folder:
        assert os.environ["GRADIO_TEMP_DIR"] == str(folder)
        assert other.exists()
    assert not folder.exists()


def ended_process() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid

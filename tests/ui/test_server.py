"""The page as a program: its folder, and how it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.request import Request, urlopen

import httpx
import pytest
from helpers import awaited, until

from lladav.assets import asset
from lladav.benchmarks import visitors
from lladav.benchmarks.page_process import page_process
from lladav.ui import server
from lladav.ui.limits import LIMITS

MODEL = str(asset("lladav-tiny"))
LONG = visitors.Request("Describe the picture.", None, gen_length=64, steps=64)


def test_a_server_that_is_told_to_end_in_the_middle_of_a_run_ends_politely_and_its_folder_goes(tmp_path: Path):
    left = tmp_path / server.FOLDER.format(ended_process())
    left.mkdir()
    with (tmp_path / "output.txt").open("w") as output, page_process(MODEL, output, TMPDIR=str(tmp_path)) as page:
        address, process = page
        assert not left.exists(), "what a server that was killed had left"
        (folder,) = tmp_path.glob(server.FOLDER.format("*"))
        upload(address)
        assert [path.name for path in folder.rglob("a.txt")] == ["a.txt"]
        awaited(ask_until(3, address, lambda: os.kill(process, signal.SIGTERM)))
        until(lambda: not folder.exists())
    assert "Traceback" not in (tmp_path / "output.txt").read_text()


def upload(address: str) -> None:
    """Send a file, which the server keeps in its folder."""
    body = b'--b\r\ncontent-disposition: form-data; name="files"; filename="a.txt"\r\n\r\nwords\r\n--b--'
    kind = {"content-type": "multipart/form-data; boundary=b"}
    urlopen(Request(f"{address}gradio_api/upload", data=body, headers=kind)).close()


async def ask_until(state: int, address: str, then: Callable[[], None]) -> None:
    """Ask, and do something once so many states of an answer that is not finished have come."""
    seen = 0
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        with suppress(httpx.HTTPError):
            async for _, finished in visitors.Program(client).states(LONG):
                seen += 1
                if seen == state:
                    assert not finished
                    then()
    assert seen >= state


def test_folders_of_servers_that_go_on_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server.tempfile, "gettempdir", lambda: str(tmp_path))
    other = tmp_path / server.FOLDER.format(os.getppid())
    other.mkdir()
    with server.own_folder() as folder:
        assert os.environ["GRADIO_TEMP_DIR"] == str(folder)
        assert other.exists()
    assert not folder.exists()


def test_what_an_earlier_server_of_the_same_number_left_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / server.FOLDER.format(os.getpid()) / "left").mkdir(parents=True)
    with server.own_folder() as folder:
        assert not [*folder.iterdir()]


def test_files_are_dropped_in_time_whoever_wrote_them(tmp_path: Path):
    for name, age in (("old", 2 * LIMITS.cache_seconds), ("new", 0)):
        (tmp_path / name).mkdir()
        for path in (tmp_path / name / "picture.png", tmp_path / f"{name}.txt"):
            path.touch()
            os.utime(path, (time.time() - age,) * 2)
    os.utime(tmp_path / "new", (0, 0))  # a folder is not empty
    server.drop_old_files(tmp_path)
    os.utime(tmp_path / "old", (0, 0))  # it changed when its file went
    server.drop_old_files(tmp_path)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["new", "new.txt", "new/picture.png"]


def ended_process() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid

"""What is refused before it reaches the page."""

import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from errno import ENOSPC
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from gradio import routes
from gradio_client.utils import QueueError
from helpers import ROOT, held, queue_status, served, until_idle

from lladav import LladaVPipeline
from lladav.ui import guard
from lladav.ui.failures import NO_ROOM
from lladav.ui.limits import LIMITS


@pytest.fixture(scope="module")
def address(tiny_pipeline: LladaVPipeline) -> Iterator[str]:
    with served(tiny_pipeline) as url:
        yield url


def refusal(request: Request) -> str:
    """The sentence that a request is refused with."""
    with pytest.raises(HTTPError) as caught:
        urlopen(request)
    assert caught.value.code == 429
    return json.loads(caught.value.read())["detail"]


def upload(address: str, size: int) -> Request:
    """An upload of so many bytes."""
    body = b'--b\r\ncontent-disposition: form-data; name="files"; filename="a.png"\r\n\r\n' + bytes(size) + b"\r\n--b--"
    kind = "multipart/form-data; boundary=b"
    return Request(f"{address}gradio_api/upload", data=body, headers={"content-type": kind})


def question(address: str, **headers: str) -> Request:
    body = json.dumps({"data": ["What is this?", None, [], 8, 8, 8, 0, 0, "low_confidence", 0]}).encode()
    kind = {"content-type": "application/json"}
    return Request(f"{address}gradio_api/call/sample", data=body, headers=kind | headers)


def test_health(address: str):
    status = queue_status(address)
    assert status["status"] == "ok"
    assert (status["waiting"], status["running"]) == (0, 0)


def test_every_answer_has_careful_headers(address: str):
    for path in ("", "health", "gradio_api/info"):
        with urlopen(address + path) as answer:
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "object-src 'none'" in answer.headers["content-security-policy"]
            assert answer.headers["referrer-policy"]


def test_uploads_have_a_bound_each_and_in_all(address: str, monkeypatch: pytest.MonkeyPatch):
    with urlopen(upload(address, 1000)) as answer:
        assert Path(json.loads(answer.read())[0]).exists()
    monkeypatch.setattr(guard, "LIMITS", replace(LIMITS, message_bytes=2000))
    assert refusal(upload(address, 3000)).startswith("An upload may have")
    monkeypatch.setattr(guard, "LIMITS", replace(LIMITS, cache_bytes=2000))
    assert refusal(upload(address, 3000)) == guard.STORE_FULL


def test_a_full_disk_is_a_sentence_and_the_next_upload_is_taken(address: str, monkeypatch: pytest.MonkeyPatch):
    async def full(*_: Any, **__: Any) -> None:
        raise OSError(ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(routes, "upload_fn", full)
        assert refusal(upload(address, 1000)) == NO_ROOM
    urlopen(upload(address, 1000)).close()


EVENTS = (f"{guard.API}/queue/join", f"{guard.API}/call/sample")


@pytest.mark.parametrize("path", [guard.UPLOAD, guard.COMPLETIONS, *EVENTS])
def test_whatever_is_sent_has_a_length_and_a_bound(path: str):
    """Pictures as data URLs come in events, not in uploads alone."""
    for headers, told in (({}, guard.NO_LENGTH), ({"content-length": str(2**36)}, "An upload may have")):
        listed = [(name.encode(), value.encode()) for name, value in headers.items()]
        refused = guard.Guard(None, None)._refusal({"path": path, "headers": listed})  # type: ignore[arg-type]
        assert refused and refused.startswith(told)


def test_a_folder_that_goes_while_it_is_measured_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("gone", "kept"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(bytes(5000))
    listed = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "gone":
            raise FileNotFoundError(path)
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert guard.folder_size(tmp_path) >= 5000


def test_one_address_gets_its_share_and_others_still_get_theirs(address: str, tiny_pipeline: LladaVPipeline):
    with held(tiny_pipeline, steps=0):
        for _ in range(LIMITS.share):
            urlopen(question(address, **{"x-forwarded-for": "192.0.2.1"})).close()
        assert "share" in refusal(question(address, **{"x-forwarded-for": "192.0.2.1"}))
        for _ in range(LIMITS.share):
            urlopen(question(address, **{"x-forwarded-for": "127.0.0.1"})).close()
        assert "share" in refusal(question(address, **{"x-forwarded-for": "127.0.0.1"})), "it says so itself"
        urlopen(question(address, **{"x-forwarded-for": "192.0.2.2"})).close()
    until_idle(address)


def test_a_full_line_ends_the_loop_of_the_guide_in_a_sentence(address: str, monkeypatch: pytest.MonkeyPatch):
    """The loop of docs/api.md, run as it stands there."""
    guide = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    (loop,) = re.findall(r"```python\n(import time\n\nfrom gradio_client.*?)```", guide, re.DOTALL)
    loop = loop.replace("http://127.0.0.1:7860", address).replace("assets/", f"{ROOT}/assets/")
    exec(loop, {})
    monkeypatch.setattr(guard, "LIMITS", replace(LIMITS, queue=0))
    with pytest.raises(QueueError, match="Queue is full"):
        exec(loop, {})


def test_a_full_line_is_a_sentence(address: str, tiny_pipeline: LladaVPipeline):
    with held(tiny_pipeline, steps=0), ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(lambda: urlopen(question(address)).close()) for _ in range(LIMITS.queue + LIMITS.runs + 8)]
        errors = [error for future in asked if (error := future.exception()) is not None]
        assert {error.code for error in errors if isinstance(error, HTTPError)} == {429}
        assert refusal(question(address)) == guard.FULL.format(LIMITS.queue)
    until_idle(address)

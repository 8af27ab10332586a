"""Runs on a GPU that is lent: the page under the `spaces` package's own patches, with the CPU for a device."""

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import torch
from helpers import ROOT, awaited, until, until_idle

from lladav import LladaVPipeline, SamplingConfig
from lladav.benchmarks.page_process import page_process
from lladav.benchmarks.visitors import Browser, Program, RefusedRequest, Request, Response, Visitor, read_page
from lladav.ui.failures import FAILED, OUT_OF_MEMORY
from lladav.ui.settings.knobs import Decoding
from lladav.ui.streaming import LONGEST_GRANT, seconds_to_look

pytestmark = pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods() or not Path("/proc/self/fd").is_dir(),
    reason="the spaces package forks its workers and reads /proc",
)
QUESTION = Request("What is this?", None, gen_length=16, steps=8, seed=3)
LONG = Request("What is this?", None, gen_length=128, steps=128, seed=4)
REFUSAL = "Space app has reached its GPU limit"


class Lender:
    """What lends out GPUs: one that is always free, or none.

    Attributes:
        calls: (path, parameters) of all that was asked of it and not refused.
        workers: the processes that have had the GPU.
        refuses: whether nobody has any quota left.
        idle: whether a worker that has the GPU already may go on with it.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.workers: list[int] = []
        self.refuses, self.idle = False, True

    def answer(self, path: str, parameters: dict[str, str]) -> tuple[int, Any]:
        if path == "/schedule" and self.refuses:
            return 429, {"left": 0, "wait": 3600}
        self.calls.append((path, parameters))
        if path == "/allow":
            self.workers.append(int(parameters["pid"]))
        if path != "/schedule":
            return 200, None
        token = f"grant-{len(self.calls)}"
        return 200, {"idle": self.idle, "nvidiaIndex": 0, "nvidiaUUID": "GPU-0", "allowToken": token}

    def asked(self, path: str) -> list[dict[str, str]]:
        return [parameters for called, parameters in self.calls if called == path]

    @property
    def lent(self) -> int:
        """GPUs that were not given back."""
        return len(self.asked("/schedule")) - len(self.asked("/release"))


@pytest.fixture(scope="module")
def lender() -> Iterator[tuple[Lender, str]]:
    """A lender, and its address."""
    lender = Lender()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            url = urlsplit(self.path)
            code, answer = lender.answer(url.path, dict(parse_qsl(url.query)))
            self.send_response(code)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield lender, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the files of the page."""
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def address(lender: tuple[Lender, str], tiny_random: Path, folder: Path) -> Iterator[str]:
    (folder / "cgroup").write_text("0::/page\n")
    settings = {
        "SPACES_ZERO_GPU": "true", "SPACES_ZERO_DEVICE_API_URL": lender[1], "HOME": str(folder),
        "ZEROGPU_OFFLOAD_DIR": str(folder / "tensors"), "ZEROGPU_PROC_SELF_CGROUP_PATH": str(folder / "cgroup"),
        "LLADAV_MODEL": str(tiny_random), "TMPDIR": str(folder), "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",  # OpenMP's threads do not survive a fork
        "PYTHONPATH": str(ROOT), "OUT_OF_MEMORY": str(folder / "out-of-memory"),
    }  # fmt: skip
    command = [sys.executable, str(Path(__file__).with_name("zero_gpu.py"))]
    with (folder / "output.txt").open("w") as output, page_process(None, output, command, **settings) as (url, _):
        yield url


@pytest.fixture
def grants(lender: tuple[Lender, str], address: str) -> Iterator[Lender]:
    """The lender, all of whose GPUs are back at the end of the test."""
    lender[0].calls.clear()
    yield lender[0]
    until_idle(address)
    until(lambda: lender[0].lent == 0)


def visit(address: str, *asks: Callable[[Visitor], Any], program: bool = False) -> list[Response]:
    """What came of a visit, in which one thing is asked after the other."""

    async def all_of_it() -> list[Response]:
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            visitor = Program(client) if program else Browser(client, await read_page(client), session="visit")
            return [await ask(visitor) for ask in asks]

    return awaited(all_of_it())


@pytest.fixture(scope="module")
def alone(tiny_random: Path) -> LladaVPipeline:
    """The model as it runs on a GPU, but here."""
    return LladaVPipeline.from_pretrained(tiny_random, device="cpu", dtype=torch.bfloat16)


async def ask_and_compare(visitor: Visitor, messages: list[dict[str, Any]], alone: LladaVPipeline) -> str:
    """An answer, which is the one that the model gives alone."""
    length, settings = QUESTION.gen_length, {}
    if isinstance(visitor, Browser):
        shown = {name: visitor.components[visitor.ids[name]]["value"] for name in ("refresh_interval", "method")}
        decoding = Decoding.read(shown.pop("method"))
        assert decoding.method == "exact"
        settings = shown | decoding.settings()
    config = SamplingConfig(
        gen_length=length, block_length=length, steps=QUESTION.steps, seed=QUESTION.seed, **settings
    )
    answer = await visitor.ask(QUESTION)
    assert answer.finished
    assert answer.text == alone([*messages, {"role": "user", "content": QUESTION.text}], config).text
    return answer.text


def test_a_question_and_a_follow_up_are_answered_by_a_worker(address: str, grants: Lender, alone: LladaVPipeline):
    async def ask_twice(visitor: Visitor) -> None:
        first = await ask_and_compare(visitor, [], alone)
        history = [{"role": "user", "content": QUESTION.text}, {"role": "assistant", "content": first}]
        await ask_and_compare(visitor, history, alone)

    visit(address, ask_twice)
    assert len(grants.asked("/schedule")) == 2
    assert all(int(grant["durationSeconds"]) <= LONGEST_GRANT for grant in grants.asked("/schedule"))
    assert len(grants.asked("/allow")) <= 1, "a worker that has the GPU goes on"


def test_a_program_is_answered_by_a_worker(address: str, grants: Lender, alone: LladaVPipeline):
    visit(address, lambda visitor: ask_and_compare(visitor, [], alone), program=True)


def test_a_new_grant_is_a_new_worker(address: str, grants: Lender):
    visit(address, lambda visitor: visitor.ask(QUESTION))
    before, grants.idle = grants.workers[-1], False
    visit(address, lambda visitor: visitor.ask(QUESTION))
    grants.idle = True
    assert grants.workers[-1] != before


@pytest.mark.parametrize("program", [False, True], ids=["Stop", "a dropped connection"])
def test_a_run_that_is_left_gives_the_gpu_back(address: str, grants: Lender, program: bool):
    left, answered = visit(
        address, lambda visitor: visitor.ask(LONG, states=4), lambda visitor: visitor.ask(QUESTION), program=program
    )
    assert not left.finished and answered.finished


async def broken_off(visitor: Visitor, while_it_runs: Callable[[], None]) -> str:
    """The sentence with which a question ends, in the middle of whose answer something happens."""
    with pytest.raises(RefusedRequest) as refusal:
        seen = 0
        async for _, finished in visitor.states(LONG):
            assert not finished
            seen += 1
            if seen == 4:
                while_it_runs()
    return str(refusal.value)


def test_a_refused_quota_is_a_sentence_and_the_next_question_is_answered(address: str, grants: Lender):
    grants.refuses = True

    async def ask(visitor: Visitor) -> str:
        with pytest.raises(RefusedRequest) as refusal:
            await visitor.ask(QUESTION)
        grants.refuses = False
        return str(refusal.value)

    sentence, answered = visit(address, ask, lambda visitor: visitor.ask(QUESTION))
    assert REFUSAL in sentence
    assert answered.finished


def test_a_worker_that_dies_is_a_sentence_and_the_next_question_is_answered(address: str, grants: Lender):
    killed: list[int] = []
    grants.idle = False  # a worker of its own, so that it is known which one answers

    def kill() -> None:
        killed.append(grants.workers[-1])
        os.kill(killed[0], signal.SIGKILL)

    sentence, answered = visit(
        address, lambda visitor: broken_off(visitor, kill), lambda visitor: visitor.ask(QUESTION)
    )
    grants.idle = True
    assert sentence == FAILED
    assert answered.finished
    assert grants.workers[-1] != killed[0]


def test_a_worker_without_memory_is_a_sentence_and_the_next_question_is_answered(
    address: str, grants: Lender, folder: Path
):
    fault = folder / "out-of-memory"

    async def answer(visitor: Visitor) -> Response:
        fault.unlink()
        return await visitor.ask(QUESTION)

    sentence, answered = visit(address, lambda visitor: broken_off(visitor, fault.touch), answer)
    assert sentence == OUT_OF_MEMORY
    assert answered.finished


@pytest.mark.parametrize("method", ["exact", "elastic"])
def test_a_look_into_a_run_asks_for_seconds(method: str, tiny_pipeline: LladaVPipeline):
    prompt = tiny_pipeline.prepare([{"role": "user", "content": "Hello!"}])
    trace = tiny_pipeline(prompt, SamplingConfig.method(method, gen_length=32)).trace
    assert 0 < seconds_to_look(prompt, trace) <= LONGEST_GRANT

"""Visitors of a served page, made of plain HTTP: programs that call its API, and browsers that use its own events."""

import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
from gradio_client.utils import apply_diff

API = "gradio_api"
SAMPLE = "sample"  # the endpoint for programs
ASK, STOPPED = "submit", "stopped"  # the events of the box for questions and of the canvas that ask and stop
BROKEN_OFF = "stopped"  # why a run ended that went wrong


class RefusedRequest(Exception):
    """The page took a request for too much, or was too busy for it; the sentence says which."""


@dataclass(frozen=True)
class Request:
    """What a visitor asks, and how the answer is to be sampled; as `SamplingConfig` has it, greedily.

    Attributes:
        picture: the file; None for a question without one.
    """

    text: str
    picture: bytes | None
    gen_length: int
    steps: int
    seed: int = 0


@dataclass
class Response:
    """What came of a question.

    Attributes:
        text: the last state of the answer that was seen.
        first: seconds until the first state arrived; None where none did.
        seconds: until the end.
        finished: whether the run went on to its end.
    """

    text: str = ""
    first: float | None = None
    seconds: float = 0.0
    finished: bool = False


class Visitor:
    """Something that asks a page.

    Args:
        client: for requests, with the address of the page.
    """

    def __init__(self, client: httpx.AsyncClient):
        self.client = client

    def states(self, question: Request) -> AsyncIterator[tuple[str, bool]]:
        """Ask, and yield the answer as it stands after every step, and whether it is done.

        Raises:
            RefusedRequest: the page did not take the question.
        """
        raise NotImplementedError

    async def ask(self, question: Request, states: int | None = None) -> Response:
        """Ask, and wait for the end of the answer; or go away after so many states of it."""
        answer, start, seen = Response(), time.perf_counter(), 0
        stream = self.states(question)
        async for text, finished in stream:
            answer.text, answer.finished = text, finished
            answer.first = answer.first or time.perf_counter() - start
            seen += 1
            if finished or seen == states:
                break
        await stream.aclose()  # type: ignore[attr-defined]
        answer.seconds = time.perf_counter() - start
        return answer

    async def upload(self, picture: bytes) -> dict[str, Any]:
        """Send a picture to the page, and return what an event takes for it."""
        files = {"files": ("picture.png", picture, "image/png")}
        (path,) = _read(await self.client.post(f"{API}/upload", files=files))
        return {"path": path, "orig_name": "picture.png", "meta": {"_type": "gradio.FileData"}}


class Program(Visitor):
    """Calls `/sample`, and when it has seen enough it hangs up or cancels.

    Args:
        client: for requests, with the address of the page.
        page: what the page says of its events, see `read_page`, for a program that cancels, as gradio's own client can;
            without, it hangs up.
    """

    def __init__(self, client: httpx.AsyncClient, page: dict[str, Any] | None = None):
        super().__init__(client)
        events = page["dependencies"] if page else []
        self.endpoint = next((event["id"] for event in events if event["api_name"] == SAMPLE), None)

    async def states(self, question: Request) -> AsyncIterator[tuple[str, bool]]:
        """As `Visitor.states`."""
        picture = await self.upload(question.picture) if question.picture else None
        length, steps = question.gen_length, question.steps
        settings = [length, length, steps, 0.0, 0.0, "low_confidence", question.seed]
        data = [question.text, picture, [], *settings]
        call = _read(await self.client.post(f"{API}/call/{SAMPLE}", json={"data": data}))["event_id"]
        try:
            async with self.client.stream("GET", f"{API}/call/{SAMPLE}/{call}") as response:
                async for event, value in _events(response):
                    if event == "error":
                        raise RefusedRequest(value)
                    if event == "generating":
                        (record,) = json.loads(value)
                        yield record["text"], record["finish_reason"] is not None
        finally:
            if self.endpoint is not None:  # a call is a session by itself
                await self.client.post(f"{API}/cancel", json=_run_of(call, self.endpoint, call))


class Browser(Visitor):
    """Asks in the Chat tab, and presses Stop when it has seen enough.

    Args:
        client: for requests, with the address of the page.
        page: what the page says of its components and events, see `read_page`.
        session: of the visit, whose conversation goes on; by default every question is a visit of its own.
    """

    def __init__(self, client: httpx.AsyncClient, page: dict[str, Any], session: str | None = None):
        super().__init__(client)
        self.session = session
        self.components = {part["id"]: part["props"] for part in page["components"]}
        self.ids = {props["elem_id"]: number for number, props in self.components.items() if props.get("elem_id")}
        self.dependencies = page["dependencies"]
        self.event, self.stopped = self.event_of("question", ASK), self.event_of("canvas", STOPPED)

    def event_of(self, name: str, event: str) -> dict[str, Any]:
        """What the server does on an event of a component."""
        target = [self.ids[name], event]
        return next(one for one in self.dependencies if target in map(list, one["targets"]) and one["backend_fn"])

    async def states(self, question: Request) -> AsyncIterator[tuple[str, bool]]:
        """As `Visitor.states`."""
        session = self.session or uuid.uuid4().hex
        files = [await self.upload(question.picture)] if question.picture else []
        given = {
            "question": {"text": question.text, "files": files}, "gen_length": question.gen_length,
            "block_length": question.gen_length, "steps": question.steps, "seed": question.seed,
        }  # fmt: skip
        values = {number: self.components[number].get("value") for number in self.event["inputs"]}
        values |= {self.ids[name]: value for name, value in given.items()}
        body = {"data": [values[number] for number in self.event["inputs"]], "fn_index": self.event["id"]}
        event = _read(await self.client.post(f"{API}/queue/join", json=body | {"session_hash": session}))
        canvas, sentence = None, None
        try:
            async for output in self._outputs(session, event["event_id"]):
                shown = dict(zip(self.event["outputs"], output, strict=True))
                canvas, sentence = shown[self.ids["canvas"]], shown[self.ids["notice"]]
                if isinstance(canvas, dict) and canvas.get("finish_reason", BROKEN_OFF) != BROKEN_OFF:
                    yield canvas["text"] or "", canvas["finish_reason"] is not None
            if isinstance(sentence, str):
                raise RefusedRequest(sentence)
        finally:
            await self._stop(session, event["event_id"], canvas)

    async def _stop(self, session: str, event: str, canvas: Any) -> None:
        """Press Stop: the page cancels what goes on, and says which step of which run was on show."""
        await self.client.post(f"{API}/cancel", json=_run_of(session, self.event["id"], event))
        if isinstance(canvas, dict) and "log" in canvas and canvas["finish_reason"] is None:
            at = {"run": canvas["run"], "step": len(canvas["log"]) - 1}
            body = {"data": [None], "fn_index": self.stopped["id"], "session_hash": session, "event_data": at}
            _read(await self.client.post(f"{API}/run/predict", json=body | {"trigger_id": self.ids["canvas"]}))

    async def _outputs(self, session: str, event: str) -> AsyncIterator[list[Any]]:
        """The values of all outputs after every update."""
        values: list[Any] = []
        async with self.client.stream("GET", f"{API}/queue/data", params={"session_hash": session}) as response:
            async for line in response.aiter_lines():
                said = json.loads(line.removeprefix("data: ")) if line else {}
                if said.get("event_id") != event or said["msg"] not in ("process_generating", "process_completed"):
                    continue
                if not said["success"]:
                    raise RefusedRequest(str(said["output"].get("error")))
                new = said["output"].get("data") or []
                if said["msg"] == "process_completed":
                    return
                values = [apply_diff(old, diff) for old, diff in zip(values, new, strict=True)] if values else new
                yield values


async def read_page(client: httpx.AsyncClient) -> dict[str, Any]:
    """What the page says of its components and events."""
    return _read(await client.get("config"))


def _run_of(session: str, number: int, event: str) -> dict[str, Any]:
    """How a run is named that is to be cancelled: by its session, the number of what runs, and its own name."""
    return {"session_hash": session, "fn_index": number, "event_id": event}


async def _events(response: httpx.Response) -> AsyncIterator[tuple[str, str]]:
    """The name and the data of each event that a server sends."""
    event = ""
    async for line in response.aiter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            event = value
        elif name == "data":
            yield event, value


def _read(response: httpx.Response) -> Any:
    """The JSON of a response. Raises RefusedRequest where the page has refused."""
    if response.status_code in (429, 503):
        raise RefusedRequest(response.json()["detail"])
    response.raise_for_status()
    return response.json()

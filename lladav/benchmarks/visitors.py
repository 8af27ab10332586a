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
ASK = "submit"  # the event of the box for questions that asks


class RefusedRequest(Exception):
    """The page took a request for too much, or was too busy for it; the sentence says which."""


@dataclass(frozen=True)
class Request:
    """What a visitor asks, and how the answer is to be sampled; as `SamplingConfig` has it, greedily."""

    text: str
    picture: bytes
    gen_length: int
    steps: int


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
    """Calls `/sample`, and hangs up when it has seen enough."""

    async def states(self, question: Request) -> AsyncIterator[tuple[str, bool]]:
        """As `Visitor.states`."""
        picture = await self.upload(question.picture)
        length = question.gen_length
        data = [question.text, picture, [], length, length, question.steps, 0.0, 0.0, "low_confidence", 0]
        call = _read(await self.client.post(f"{API}/call/sample", json={"data": data}))
        async with self.client.stream("GET", f"{API}/call/sample/{call['event_id']}") as response:
            event = ""
            async for line in response.aiter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "data" and event == "error":
                    raise RefusedRequest(value)
                elif name == "data" and event == "generating":
                    (record,) = json.loads(value)
                    yield record["text"], record["finish_reason"] is not None


class Browser(Visitor):
    """Asks in the Chat tab, with its own session, and presses Stop when it has seen enough.

    Args:
        client: for requests, with the address of the page.
        page: what the page says of its components and events, see `read_page`.
    """

    def __init__(self, client: httpx.AsyncClient, page: dict[str, Any]):
        super().__init__(client)
        self.components = {part["id"]: part["props"] for part in page["components"]}
        self.ids = {props["elem_id"]: number for number, props in self.components.items() if props.get("elem_id")}
        box = self.ids["question"]
        self.event = next(
            event
            for event in page["dependencies"]
            if [box, ASK] in [list(target) for target in event["targets"]] and event["backend_fn"]
        )

    async def states(self, question: Request) -> AsyncIterator[tuple[str, bool]]:
        """As `Visitor.states`."""
        session = uuid.uuid4().hex
        message = {"text": question.text, "files": [await self.upload(question.picture)]}
        given = {
            "question": message, "gen_length": question.gen_length, "block_length": question.gen_length,
            "steps": question.steps, "seed": 0,
        }  # fmt: skip
        values = {number: self.components[number].get("value") for number in self.event["inputs"]}
        values |= {self.ids[name]: value for name, value in given.items()}
        body = {"data": [values[number] for number in self.event["inputs"]], "fn_index": self.event["id"]}
        event = _read(await self.client.post(f"{API}/queue/join", json=body | {"session_hash": session}))
        try:
            async for output in self._outputs(session, event["event_id"]):
                canvas = output[self.event["outputs"].index(self.ids["canvas"])]
                if isinstance(canvas, dict) and "log" in canvas:
                    yield canvas["text"] or "", canvas["finish_reason"] is not None
        finally:
            stop = {"session_hash": session, "fn_index": self.event["id"], "event_id": event["event_id"]}
            await self.client.post(f"{API}/cancel", json=stop)

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


def _read(response: httpx.Response) -> Any:
    """The JSON of a response. Raises RefusedRequest where the page has refused."""
    if response.status_code in (429, 503):
        raise RefusedRequest(response.json()["detail"])
    response.raise_for_status()
    return response.json()

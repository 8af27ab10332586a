"""`/v1/chat/completions`: the model for clients of OpenAI's interface, in the page's own line and places.

A request becomes an event of the private endpoint `/chat` and is pushed into gradio's queue, so that it waits, runs
and is refused as all that decodes here. Plain clients see ordinary deltas: of the stable prefix, which no later step
can change. Beside them go events called `diffusion_frame`, a step each, whose deltas are empty.
"""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Annotated, Any

import gradio as gr
from gradio.data_classes import PredictBodyInternal
from gradio.server_messages import ProcessCompletedMessage, ProcessGeneratingMessage
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from lladav.evaluation.sources import sentence_of
from lladav.pipeline import MASK_SIGN, LladaVPipeline
from lladav.recording import Recording
from lladav.sampling import SamplingConfig
from lladav.ui import guard
from lladav.ui.chat.tab import SLOTS
from lladav.ui.limits import LIMITS
from lladav.ui.requests import (
    DATA_URL,
    check_pictures,
    checked_messages,
    prepared,
    refuses_in_a_sentence,
    saved,
    settings_of,
)

CHAT = "chat"  # the private endpoint
FRAME = "diffusion_frame"
IMPATIENCE = 1.0  # seconds after which it is seen whether the client is still there
INCOMPLETE = "\ufffd"  # what bytes decode to that are no letter yet


class ImageUrl(BaseModel):
    url: str


class Part(BaseModel):
    """A part of a message: text, or a picture as a data URL."""

    type: str
    text: str | None = None
    image_url: ImageUrl | None = None


class ChatMessage(BaseModel):
    role: str
    content: str | Annotated[list[Part], Field(max_length=LIMITS.parts)]


class StreamOptions(BaseModel):
    include_usage: bool = False


class Completion(BaseModel):
    """The request, as far as a masked-diffusion model can honour it; what it cannot is refused.

    Attributes:
        diffusion: settings of SamplingConfig by name, and "method".
    """

    model_config = ConfigDict(extra="forbid")

    messages: list[ChatMessage] = Field(min_length=1, max_length=2 * LIMITS.turns)
    model: str = ""
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    stream: bool = False
    stream_options: StreamOptions = StreamOptions()
    n: int = Field(default=1, ge=1, le=1)
    user: str | None = None
    diffusion: dict[str, Any] = Field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """The settings that it asks for, by the names of SamplingConfig."""
        named: dict[str, Any] = {
            "gen_length": self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens,
            "temperature": self.temperature,
            "seed": self.seed,
        }
        if self.stop is not None:
            stops = [self.stop] if isinstance(self.stop, str) else self.stop
            named["stop"] = [*SamplingConfig.stop, *stops]
        return {name: value for name, value in named.items() if value is not None} | self.diffusion

    def conversation(self) -> list[dict[str, Any]]:
        """The messages as `/chat` takes them; their pictures are written into the folder of uploads.

        Raises:
            ValueError: there are too many pictures, or one is none.
        """
        parts = [part for message in self.messages if isinstance(message.content, list) for part in message.content]
        check_pictures(sum(part.image_url is not None for part in parts))  # before the first is written
        return [{"role": message.role, "content": _content(message.content)} for message in self.messages]


def _content(content: str | list[Part]) -> str | list[dict[str, Any]]:
    return content if isinstance(content, str) else [_block(part) for part in content]


def _block(part: Part) -> dict[str, Any]:
    if part.type == "text" and part.text is not None:
        return {"type": "text", "text": part.text}
    if part.type != "image_url" or part.image_url is None:
        raise ValueError(f'a part must be {{"type": "text", "text"}} or {{"type": "image_url"}}, got {part.type!r:.40}')
    url = part.image_url.url
    if not url.startswith(DATA_URL):
        raise ValueError(f"image_url must be a data URL, data:image/png;base64,…, got {url!r:.40}: nothing is fetched")
    return {"type": "image", "image": saved(url)}


# ---- the endpoint behind it ----------------------------------------------------------------------


def create_chat_endpoint(pipe: LladaVPipeline, follow: Callable[[Recording, bool], Iterator[dict[str, Any]]]) -> None:
    """Serve the private endpoint `/chat` from the current Blocks: `/sample` for a whole conversation."""

    def chat(messages: list[dict[str, Any]], settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
        config = settings_of(pipe, settings)
        prompt = prepared(pipe, checked_messages(messages), config)
        for record in follow(Recording(prompt, config), False):
            more = {"model": pipe.name, "prompt_tokens": prompt.length, "stable": stable_text(record, config)}
            yield record | more

    gr.api(refuses_in_a_sentence(chat), api_name=CHAT, api_visibility="private", **SLOTS)


def stable_text(record: dict[str, Any], config: SamplingConfig) -> str:
    """What of an answer no later step changes: all before the first mask, but for what may become a stop.

    Where tokens are taken back, nothing is before the end.
    """
    text = record["text"]
    if record["finish_reason"] is not None:
        return text
    if config.revises:
        return ""
    prefix = text.partition(MASK_SIGN)[0].rstrip(INCOMPLETE)
    begun = (size for stop in config.stop for size in range(len(stop) - 1, 0, -1) if prefix.endswith(stop[:size]))
    return prefix[: len(prefix) - max(begun, default=0)]


# ---- the routes ----------------------------------------------------------------------------------


def complete(demo: gr.Blocks) -> Callable[[Request], Awaitable[Response]]:
    """What answers `COMPLETIONS` of a page."""

    async def completions(request: Request) -> Response:
        try:
            # Off the event loop: nobody's steps wait until a request of 100 MB is read and its pictures are written.
            asked, data = await run_in_threadpool(_read, await request.body())
        except ValidationError as error:
            return refused(sentence_of(error))
        except ValueError as error:
            return refused(str(error))
        records = _records(demo, request, data)
        try:
            first = await anext(records)
        except ValueError as error:
            return refused(str(error))
        if asked.stream:
            lines = _stream(first, records, asked.stream_options.include_usage)
            return StreamingResponse(lines, media_type="text/event-stream")
        try:
            *_, last = [first, *[record async for record in records]]
        except ValueError as error:
            return refused(str(error), 500)
        return JSONResponse(_whole(last))

    return completions


def _read(body: bytes) -> tuple[Completion, list[Any]]:
    """A request, and what `/chat` is given of it."""
    asked = Completion.model_validate_json(body)
    return asked, [asked.conversation(), asked.settings()]


def refused(sentence: str, status: int = 400) -> JSONResponse:
    """An error as OpenAI's clients read it."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return JSONResponse({"error": {"message": sentence, "type": kind, "param": None, "code": None}}, status_code=status)


async def _records(demo: gr.Blocks, request: Request, data: list[Any]) -> AsyncIterator[dict[str, Any]]:
    """The records of a run that waits in the page's queue; a client that leaves ends it. ValueError tells a refusal."""
    queue, session = demo._queue, uuid.uuid4().hex
    number = next(number for number, event in demo.fns.items() if event.api_name == CHAT)
    if queue.server_app is None:
        queue.set_server_app(demo.app)
    joining = Request({**request.scope, "path": f"{guard.API}/queue/join"})  # as events come to gradio
    body = PredictBodyInternal(
        session_hash=session, fn_index=number, data=data, simple_format=True, request=joining  # type: ignore[arg-type]
    )  # fmt: skip
    taken, told, _ = await queue.push(body=body, request=joining, username=None)  # type: ignore[arg-type]
    if not taken:
        raise ValueError(str(told))
    messages = queue.pending_messages_per_session[session]
    try:
        while not await request.is_disconnected():
            try:
                message = await asyncio.wait_for(messages.get(), IMPATIENCE)
            except TimeoutError:
                continue
            if isinstance(message, ProcessGeneratingMessage | ProcessCompletedMessage) and not message.success:
                raise ValueError(str(message.output.get("error")))
            if isinstance(message, ProcessGeneratingMessage):
                yield message.output["data"][0]
            if isinstance(message, ProcessCompletedMessage):
                return
    finally:
        await queue.clean_events(session_hash=session)
        queue.pending_messages_per_session.pop(session, None)
        queue.pending_event_ids_session.pop(session, None)


def _usage(record: dict[str, Any]) -> dict[str, int]:
    prompt, answer = record["prompt_tokens"], sum(token is not None for token in record["tokens"])
    return {"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer}


def _whole(record: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": record["text"]}
    choice = {"index": 0, "message": message, "finish_reason": record["finish_reason"], "logprobs": None}
    return _head("chat.completion", record["model"]) | {
        "choices": [choice],
        "usage": _usage(record),
        "nfe": record["nfe"],
    }


def _head(kind: str, name: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": name}


async def _stream(
    first: dict[str, Any], records: AsyncIterator[dict[str, Any]], include_usage: bool
) -> AsyncIterator[str]:
    """Server-sent events: deltas of the stable prefix, a frame for every step, at the end why it ended."""
    head, sent, last = _head("chat.completion.chunk", first["model"]), "", first

    def chunk(delta: dict[str, Any], finish_reason: str | None = None, frame: dict[str, Any] | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return f"data: {json.dumps(head | {'choices': [choice]} | (frame or {}))}\n\n"

    yield chunk({"role": "assistant", "content": ""})
    try:
        async for record in _after(first, records):
            stable, last = record.pop("stable"), record
            yield f"event: {FRAME}\n" + chunk({}, frame={FRAME: record})
            if len(stable) > len(sent):
                yield chunk({"content": stable[len(sent) :]})
                sent = stable
    except ValueError as error:
        yield f"data: {json.dumps({'error': {'message': str(error), 'type': 'server_error'}})}\n\n"
        return
    yield chunk({}, last["finish_reason"])
    if include_usage:
        yield f"data: {json.dumps(head | {'choices': [], 'usage': _usage(last)})}\n\n"
    yield "data: [DONE]\n\n"


async def _after(first: dict[str, Any], records: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    yield first
    async for record in records:
        yield record

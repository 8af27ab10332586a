"""What stands before the page's own routes: bounds on uploads and on places in line, and careful headers."""

import logging
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from errno import ENOSPC
from importlib.metadata import version
from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lladav.ui.failures import NO_ROOM
from lladav.ui.limits import LIMITS

log = logging.getLogger(__name__)

API = "/gradio_api"
UPLOAD = f"{API}/upload"
COMPLETIONS = "/v1/chat/completions"
FORWARDED = "x-forwarded-for"
LOOPBACK = ("127.0.0.1", "::1")
SECURITY_HEADERS = {
    # Gradio's page has scripts and styles in its markup, and compiles templates of its components.
    "content-security-policy": "; ".join(
        [
            "default-src 'self'",
            "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'self' https://huggingface.co https://*.hf.space",
        ]
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
}
FULL = "The page is busy: {} visitors are waiting already. Try again in a minute; what you wrote is kept."
TOO_MANY = "You have {} requests running or waiting, which is a visitor's share of this page: wait for one of them."
NO_LENGTH = "An upload must say how long it is, in a Content-Length header."
TOO_LARGE = "An upload may have {} MB, this one has {}: send fewer or smaller files."
STORE_FULL = "There is no room for further uploads at the moment. Try again in a few minutes."


class Guard:
    """An ASGI middleware: refuses in a sentence what is beyond `LIMITS`, and adds headers to what is answered.

    Args:
        app: what is guarded.
        demo: the page, whose queue has bounds.
    """

    def __init__(self, app: ASGIApp, demo: gr.Blocks):
        self.app, self.demo = app, demo

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        refusal = self._refusal(scope) if scope["method"] == "POST" else None
        if refusal is None:
            try:
                await self.app(scope, receive, send_with_headers)
            except OSError as error:
                if not (scope["path"] == UPLOAD and error.errno == ENOSPC):
                    raise
                log.exception("an upload found no room")
                refusal = NO_ROOM
        if refusal is not None:
            # Gradio's page shows the sentence of "too many requests" as it is; to its Python client only "unavailable"
            # is a full line, and anything else an error of HTTP.
            status = 503 if "gradio_client" in Headers(scope=scope).get("user-agent", "") else 429
            told = {"detail": refusal, "error": {"message": refusal}}  # as gradio's clients read it, and OpenAI's
            await JSONResponse(told, status_code=status)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> str | None:
        """Why a request is not let through; None for one that is."""
        path, headers = scope["path"], Headers(scope=scope)
        stored = path in (UPLOAD, COMPLETIONS)  # the latter has its pictures in itself
        if refusal := upload_refusal(headers) if stored else body_refusal(headers):
            return refusal
        if path in (f"{API}/queue/join", COMPLETIONS) or path.startswith(f"{API}/call/"):
            return self._queue_refusal(scope, headers)
        return None

    def _queue_refusal(self, scope: Scope, headers: Headers) -> str | None:
        if len(self.demo._queue) >= LIMITS.queue:
            return FULL.format(LIMITS.queue)
        name = visitor(scope, headers)
        held = sum(other == name for other in self._visitors())
        # This machine's own programs are its operator's; what a proxy hands on is not, whatever address it names.
        own = name in LOOPBACK and FORWARDED not in headers
        if not own and held >= LIMITS.share:
            return TOO_MANY.format(held)
        return None

    def _visitors(self) -> Iterator[str]:
        """Who has a request that runs or waits, once for each of them."""
        queue = self.demo._queue
        waiting = [event for line in queue.event_queue_per_concurrency_id.values() for event in line.queue]
        running = [event for batch in queue.active_jobs if batch for event in batch]
        for event in [*waiting, *running]:
            yield visitor(event.request.scope, event.request.headers)


def visitor(scope: Scope, headers: Headers) -> str:
    """The address that a request comes from: that which a proxy in front of the page names first, if there is one."""
    forwarded = headers.get(FORWARDED, "").split(",")[0].strip()
    client = scope.get("client")
    return forwarded or (client[0] if client else "")


def body_refusal(headers: Headers) -> str | None:
    """Why what is sent with these headers is not read; None for what is. Data URLs come in events, too."""
    length = headers.get("content-length", "")
    if not length.isdecimal():
        return NO_LENGTH
    if int(length) > LIMITS.message_bytes:
        return TOO_LARGE.format(LIMITS.message_bytes >> 20, int(length) >> 20)
    return None


def upload_refusal(headers: Headers) -> str | None:
    """Why an upload with these headers is not taken; None for one that is."""
    if refusal := body_refusal(headers):
        return refusal
    full = folder_size(Path(get_upload_folder())) + int(headers["content-length"]) > LIMITS.cache_bytes
    return STORE_FULL if full else None


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder, of which some may be deleted meanwhile."""
    total = 0
    for parent, folders, files in os.walk(folder):  # which passes over folders that go meanwhile, as rglob does not
        for name in (*folders, *files):
            with suppress(FileNotFoundError):
                total += Path(parent, name).stat().st_size
    return total


def health(demo: gr.Blocks) -> Callable[[Request], Awaitable[JSONResponse]]:
    """What answers `/health`: that the page is there, and how many requests wait and run."""

    async def answer(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "version": version("lladav")} | queue_lengths(demo))

    return answer


def queue_lengths(demo: gr.Blocks) -> dict[str, int]:
    """How many requests wait and run."""
    running = sum(len(batch) for batch in demo._queue.active_jobs if batch)
    return {"waiting": len(demo._queue), "running": running}

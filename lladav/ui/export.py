"""Export: the run on the canvas as a file to keep, and such a file back onto the canvas."""

import json
import math
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr

from lladav.render import EXPORT_FORMATS, exporting
from lladav.trace import Trace
from lladav.ui.chat.session import Session
from lladav.ui.chat.tab import ChatTab
from lladav.ui.components import QUICK, Data, Updates
from lladav.ui.failures import ends_in_a_notice
from lladav.ui.limits import LIMITS
from lladav.ui.texts import label, said
from lladav.viewer.state import canvas_state

SAVE = "(file) => window.lladav.save(file)"
LABELS = {"mp4": "MP4 (VP9)"}  # which browsers play, and some older programs do not
MEGAPIXELS = {"gif": LIMITS.gif_megapixels, "mp4": LIMITS.mp4_megapixels}
STOPPABLE = 0.5  # seconds after which a film stops that nobody waits for any more
RENDERS: dict[str, Any] = {"concurrency_id": "renders", "concurrency_limit": LIMITS.renders}


class Export:
    """A row of formats for what the canvas of a tab shows, and a way to open a saved run there.

    It is laid out in the current context.

    Args:
        tab: whose run is exported.
        opening: the run that it opens with.
    """

    def __init__(self, tab: ChatTab, opening: Trace):
        self.tab, self.opening = tab, opening
        self.file = gr.DownloadButton(visible=False)
        with gr.Row(elem_id="export"):
            status = gr.Markdown(label("export.title"), elem_id="export-status", min_width=60)
            for ending in EXPORT_FORMATS:
                button = gr.Button(
                    LABELS.get(ending, ending.upper()), size="sm", min_width=54, elem_id=f"export-{ending}"
                )
                rendering = button.click(
                    ends_in_a_notice(partial(self.render, ending), self.failure),
                    {tab.session},
                    [self.file, tab.notice],
                    show_progress_on=status,
                    api_visibility="private",
                    **RENDERS,
                )
                rendering.success(None, self.file, None, js=SAVE, **QUICK)
            self.upload = gr.UploadButton(
                label("export.open"), file_types=[".json"], size="sm", min_width=100, elem_id="open-run"
            )
        tab.replace(self.upload.upload, self.open, self.upload, queue=True)

    def failure(self, sentence: str, *_: Any) -> Updates:
        """What is shown where no file could be made."""
        return self.tab.handlers.notice(sentence) | {self.file: None}

    def render(self, ending: str, data: Data, progress: gr.Progress = gr.Progress()) -> Iterator[Updates]:  # noqa: B008
        """The run as a file. By the time this goes on, gradio has a copy in its cache, which it deletes in hours."""
        session: Session = data[self.tab.session]
        trace = session.trace or (self.opening if session.opening else None)
        if trace is None:
            yield self.failure(said("said.no_run"))
            return
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"lladav-{trace.id}.{ending}"
            told, shown = time.monotonic(), len(trace.steps)
            for done, shown in exporting(trace, path, MEGAPIXELS.get(ending, math.inf)):
                progress((done, shown), desc=ending.upper(), unit="frames")
                if time.monotonic() > told + STOPPABLE:
                    yield {self.file: gr.skip()}  # a handler whose visitor has left ends where it yields
                    told = time.monotonic()
            note = self.tab.handlers.notice(said("said.film", shown=shown, all=len(trace.steps)))
            yield {self.file: str(path)} | (note if shown < len(trace.steps) else {})

    def open(self, data: Data) -> Updates:
        """Put a saved run on the canvas."""
        try:
            trace = read_trace(data[self.upload])
        except ValueError as error:
            return self.tab.handlers.notice(str(error))
        return self.tab.handlers.show_trace(data[self.tab.session], trace)


def read_trace(path: str) -> Trace:
    """A trace that a visitor brought, which may be anything.

    Raises:
        ValueError: it is no trace, or not one that can be shown; in a sentence for whoever brought it.
    """
    name, size = Path(path).name, Path(path).stat().st_size
    if size > LIMITS.trace_bytes:
        most = LIMITS.trace_bytes >> 20
        raise ValueError(said("said.large_run", name=name, size=f"{size / 2**20:.0f}", most=most))
    try:
        return trace_of(Path(path).read_bytes())
    except ValueError as error:
        raise ValueError(said("said.no_such_run", name=name, why=error)) from error


def trace_of(data: Any) -> Trace:
    """A trace out of JSON, as bytes or read already, which may be anything.

    Raises:
        ValueError: it is no trace, or not one that can be shown.
    """
    try:
        read = json.loads(data) if isinstance(data, bytes) else data
        steps = read.get("steps") if isinstance(read, dict) else None
        if isinstance(steps, list) and len(steps) > LIMITS.trace_steps:
            raise ValueError(said("said.many_steps", has=len(steps), most=LIMITS.trace_steps))
        trace = Trace.from_dict(read)
        if trace.config.gen_length > LIMITS.trace_tokens:
            raise ValueError(said("said.many_tokens", has=trace.config.gen_length, most=LIMITS.trace_tokens))
        canvas_state(trace)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, RuntimeError, TypeError) as error:
        raise ValueError(said("said.contradiction")) from error
    return trace

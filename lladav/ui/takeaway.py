"""Take away: the run on the canvas as a file to keep, and such a file back onto the canvas."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import gradio as gr

from lladav.render import FORMATS, export
from lladav.trace import Trace
from lladav.ui.chat import ChatTab
from lladav.ui.panel import LONGEST_ANSWER, QUICK, Updates
from lladav.viewer.state import canvas_state

LARGEST_TRACE = 16 * 2**20  # bytes; 512 tokens in 512 steps take about 12 MB
SAVE = "(file) => window.lladav.save(file)"


class TakeAway:
    """A row of formats for what the canvas of a tab shows, and a way to open a saved run there.

    It is laid out in the current context.
    """

    def __init__(self, tab: ChatTab):
        self.tab = tab
        self.file = gr.DownloadButton(visible=False)
        with gr.Row(elem_id="take-away"):
            status = gr.Markdown("Take it away", elem_id="take-away-status", min_width=110)
            for ending in FORMATS:
                button = gr.Button(ending.upper(), size="sm", min_width=54, elem_id=f"take-{ending}")
                rendering = button.click(
                    partial(render, ending), tab.trace, self.file, show_progress_on=status, api_visibility="private"
                )
                rendering.success(None, self.file, None, js=SAVE, **QUICK)
            upload = gr.UploadButton("Open a run", file_types=[".json"], size="sm", min_width=100, elem_id="open-run")
        upload.upload(self.open, upload, tab.shown, cancels=tab.runs, show_progress="hidden", api_visibility="private")

    def open(self, path: str) -> Updates:
        """Put a saved run on the canvas."""
        try:
            return self.tab.show_trace(read_trace(path))
        except ValueError as error:
            raise gr.Error(str(error), title="Open a run", print_exception=False) from error


def render(ending: str, trace: Trace | None, progress: gr.Progress = gr.Progress()) -> Iterator[str]:  # noqa: B008
    """The trace as a file. By the time this goes on, gradio has a copy in its cache, which it deletes in a day."""
    if trace is None:
        reason = "There is no finished run on the canvas yet: ask something, or open one of the recorded runs."
        raise gr.Error(reason, title="Take away", print_exception=False)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"lladav-{trace.id}.{ending}"
        export(trace, path, lambda done, total: progress((done, total), desc=ending.upper(), unit="frames"))
        yield str(path)


def read_trace(path: str) -> Trace:
    """A trace that a visitor brought, which may be anything.

    Raises:
        ValueError: it is no trace, or not one that can be shown; in a sentence for whoever brought it.
    """
    name, size = Path(path).name, Path(path).stat().st_size
    if size > LARGEST_TRACE:
        raise ValueError(f"{name} has {size / 2**20:.0f} MB; a run of this page has at most {LARGEST_TRACE >> 20}.")
    try:
        trace = Trace.from_dict(json.loads(Path(path).read_bytes()))
        if trace.config.gen_length > LONGEST_ANSWER:
            raise ValueError(f"it has {trace.config.gen_length} tokens, more than the {LONGEST_ANSWER} shown here")
        canvas_state(trace)
    except ValueError as error:
        raise ValueError(f"{name} is no run that can be opened: {error}") from error
    except (ArithmeticError, AttributeError, LookupError, RecursionError, RuntimeError, TypeError) as error:
        raise ValueError(f"{name} is no run that can be opened: its parts contradict each other.") from error
    return trace


def create_takeaway(tab: ChatTab) -> TakeAway:
    """Lay out the row in the current context."""
    return TakeAway(tab)

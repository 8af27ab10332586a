"""A page that replays a trace with the canvas of the demo, from one file and without a network."""

import base64
import hashlib
import html
import json
from pathlib import Path
from string import Template

from lladav.render.wording import summary
from lladav.trace import Trace
from lladav.viewer import STATIC, CanvasState, bundle, canvas_state, styles, template


def render_html(trace: Trace, path: str | Path) -> None:
    """Write a page that opens from disk, asks no host for anything, and replays the trace."""
    code = bundle(STATIC / "replay.js")
    page = Template((STATIC / "replay.html").read_text(encoding="utf-8")).substitute(
        policy=_policy(code),
        styles=styles(),
        thumbnails="".join(f'<img src="{html.escape(url)}" alt="">' for url in trace.thumbnails),
        question=html.escape(trace.question or trace.model),
        settings=html.escape(summary(trace)),
        answer=html.escape(trace.text),
        canvas=template(),
        state=_embedded(canvas_state(trace, run=trace.id, play=True, editable=False)),
        script=code,
    )
    Path(path).write_text(page, encoding="utf-8")


def _policy(code: str) -> str:
    """What a browser may do with the page: run this code, show pictures that are in it, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"
    )


def _embedded(state: CanvasState) -> str:
    """JSON that can stand in a script element: no text in it closes the element or opens a comment."""
    return json.dumps(state, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")

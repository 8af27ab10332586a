"""The gallery: runs recorded earlier with the shipped weights, to be replayed without a model."""

from typing import Any

import gradio as gr

from lladav.pipeline import EMBEDDED_MODEL
from lladav.trace import Trace
from lladav.ui.chat import ChatTab
from lladav.ui.painted import painted
from lladav.ui.pairs import layout_in_words
from lladav.ui.panel import QUICK, Updates
from lladav.viewer.state import State, canvas_state

TRACES = EMBEDDED_MODEL.parent / "traces"


def recorded() -> dict[str, Trace]:
    """The runs in assets/traces by name, in order; none where the folder is missing."""
    return {path.stem: Trace.load(path) for path in sorted(TRACES.glob("*.json"))}


def honest_state(trace: Trace) -> State:
    """A recorded run on the canvas, played from its start, and labelled as what it is."""
    return canvas_state(trace, play=True) | {"note": f"“{trace.question}” — {origin(trace)}", "editable": False}


def origin(trace: Trace) -> str:
    """Where a recorded run comes from, in a few words."""
    return f"recorded earlier with {trace.model}, replayed without a model"


def card(trace: Trace) -> dict[str, Any]:
    """A recorded run as static/gallery.js shows it, with the model's name where it is not the usual one."""
    model = "" if trace.model == EMBEDDED_MODEL.name else f"{trace.model}: "
    return {
        "picture": trace.thumbnails[0],
        "question": trace.question,
        "settings": model + layout_in_words(trace.config),
    }


class Gallery:
    """Cards of recorded runs, laid out in the current context; the first is on the canvas until there is another."""

    def __init__(self, tab: ChatTab):
        self.tab = tab
        self.traces = [*recorded().values()]
        if not self.traces:
            return
        tab.canvas.value = honest_state(self.traces[0])
        value = {"title": origin(self.traces[0]).capitalize(), "cards": [*map(card, self.traces)]}
        painted("gallery", value, elem_id="gallery").pick(self.show, None, tab.shown, cancels=tab.runs, **QUICK)

    def show(self, event: gr.EventData) -> Updates:
        """Play a recorded run."""
        trace = self.traces[event.index]
        return self.tab.show_trace(trace) | {self.tab.canvas: honest_state(trace)}


def create_gallery(tab: ChatTab) -> Gallery:
    """Lay out the cards in the current context."""
    return Gallery(tab)

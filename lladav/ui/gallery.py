"""The gallery: runs recorded earlier with the shipped weights, to be replayed without a model or asked again."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from lladav.ui.chat.tab import ChatTab
from lladav.ui.compare.comparisons import layout_in_words
from lladav.ui.components import Data, Updates, html_component
from lladav.ui.examples import RecordedRun, address
from lladav.ui.texts import said
from lladav.viewer.state import CanvasState, canvas_state


def recorded_state(run: RecordedRun, play: bool = True) -> CanvasState:
    """A recorded run on a canvas, labelled as what it is."""
    note = said("said.recorded", question=run.trace.question, model=run.trace.model)
    return canvas_state(run.trace, play=play, editable=False, note=note)


def opening(run: RecordedRun) -> tuple[CanvasState, dict[str, Any]]:
    """What canvas and stage show while nobody has asked anything."""
    trace = run.trace
    return recorded_state(run), {"pictures": [address(run.image)], "question": trace.question, "answer": trace.text}


def card(run: RecordedRun) -> dict[str, Any]:
    """A recorded run as static/gallery.js shows it."""
    trace = run.trace
    return {
        "picture": address(run.image),
        "question": trace.question,
        "answer": trace.text,
        "settings": layout_in_words(trace.config),
    }


class Gallery:
    """Cards of recorded runs, laid out in the current context.

    A click on a card replays the run; *Try it* asks its question about its picture with its settings.
    """

    def __init__(self, tab: ChatTab, runs: list[RecordedRun]):
        self.tab, self.recorded = tab, runs
        value = {"title": said("said.recorded_title", model=runs[0].trace.model), "cards": [*map(card, runs)]}
        cards = html_component("gallery", value, elem_id="gallery")
        tab.decode((cards.apply, self.try_it), also=tab.panel.outputs)
        tab.replace(cards.pick, self.show)

    def show(self, event: gr.EventData, data: Data) -> Updates:
        """Play a recorded run."""
        run = self.recorded[event.index]
        return self.tab.handlers.show_trace(data[self.tab.session], run.trace, recorded_state(run)["note"])

    def try_it(self, event: gr.EventData, data: Data) -> Iterator[Updates]:
        """Ask a recorded run's question about its picture with its settings, in a conversation of its own."""
        tab, run = self.tab, self.recorded[event.index]
        yield from tab.handlers.ask_like(run.trace.question, run.trace.config, run.image, data)

"""The Learn tab: how an answer comes out of its masks, in a few stills of recorded runs."""

from collections.abc import Mapping

import gradio as gr

from lladav.ui.components import html_component, token_canvas
from lladav.ui.examples import RecordedRun, address
from lladav.ui.gallery import recorded_state
from lladav.ui.learn.lessons import LESSONS


def create_learn_tab(runs: Mapping[str, RecordedRun]) -> None:
    """Lay out the tab in the current context."""
    shown = list(dict.fromkeys(lesson.run for lesson in LESSONS))
    value = {
        "canvases": "[id^=learn-canvas-]",
        "picture": address(runs[shown[0]].image),
        "lessons": [
            {"title": one.title, "text": one.text, "canvas": shown.index(one.run), "first": one.first, "last": one.last}
            for one in LESSONS
        ],
    }
    with gr.Tab("Learn", id="learn"), gr.Row(elem_id="learn", equal_height=False):
        with gr.Column(scale=5, min_width=320):
            html_component("learn", value, elem_id="lessons")
        with gr.Column(scale=7, min_width=320):
            for number, name in enumerate(shown):
                state = recorded_state(runs[name], play=False)
                token_canvas(state, elem_id=f"learn-canvas-{number}", elem_classes="led")

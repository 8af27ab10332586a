"""Settings in the link: what a page's address says about its tab and its knobs, and the button that copies it."""

import json
import math
from collections.abc import Mapping

import gradio as gr

from lladav.ui.panel import QUICK, KnobPanel, Updates

TAB = "tab"


class Share:
    """The button, laid out in the current context, and what a link to the page sets."""

    def __init__(self) -> None:
        self.button = gr.Button("Share settings", elem_id="share", size="sm", min_width=80, scale=0)

    def wire(self, demo: gr.Blocks, tabs: gr.Tabs, panels: Mapping[str, list[KnobPanel]]) -> None:
        """Make links of what the knobs stand at, and set the knobs that the link of an opened page names.

        Args:
            tabs: of the page.
            panels: the knobs that each tab has, by the tab's id.
        """
        self.tabs = tabs
        self.panels = panels
        owners = [(tab, panel) for tab, some in panels.items() for panel in some]
        names = [[tab, panel.prefix + name] for tab, panel in owners for name in panel.linked]
        parts = [part for _, panel in owners for part in panel.linked.values()]
        write = f"(...values) => window.lladav.share({json.dumps(names)}, values)"
        self.button.click(None, parts, None, js=write, **QUICK)
        outputs = [part for _, panel in owners for part in (panel.preset, panel.note, *panel.linked.values())]
        demo.load(self.read, None, [tabs, *outputs], **QUICK)

    def read(self, request: gr.Request) -> Updates:
        """What the address of an opened page sets."""
        query = dict(request.query_params)
        updates: Updates = {self.tabs: gr.skip()}
        if query.get(TAB) in self.panels:
            updates[self.tabs] = gr.Tabs(selected=query[TAB])
        for panel in (panel for some in self.panels.values() for panel in some):
            updates |= restored(panel, query)
        return updates


def restored(panel: KnobPanel, query: Mapping[str, str]) -> Updates:
    """Updates that set the knobs of a panel to what a link says, as far as that can be; none if it says nothing."""
    values: Updates = {}
    notes: list[str] = []
    for name, part in panel.linked.items():
        text = query.get(panel.prefix + name)
        if text is None or not part.visible:  # a model that cannot think has no knob for it
            continue
        try:
            if isinstance(part, gr.Radio):
                values[part] = read_choice(part, text)
            else:
                values[part], note = read_number(part, text)
                notes.append(note)
        except ValueError as error:
            notes.append(f"{part.label} in the link was left out: {error}.")
    return panel.set_to(values, " ".join(filter(None, notes))) if values or notes else {}


def read_choice(knob: gr.Radio, text: str) -> str:
    """The choice that a link names. Raises ValueError if there is no such choice."""
    choices = [str(value) for _, value in knob.choices]
    if text not in choices:
        raise ValueError(f"it has to be one of {', '.join(choices)}")
    return text


def read_number(knob: gr.Slider | gr.Number, text: str) -> tuple[float, str]:
    """The number that a link names, moved to where the knob goes, and a sentence if it had to be moved.

    The sentence does not repeat the text: it is shown as Markdown, and anybody can write a link.

    Raises:
        ValueError: the text is no number.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("it has to be a number")
    assert knob.minimum is not None
    assert knob.maximum is not None
    value = min(max(knob.minimum, number), knob.maximum)
    note = "" if value == number else f"{knob.label} moved to {value:g}: it goes from {knob.minimum} to {knob.maximum}."
    return (round(value) if knob.step == 1 else value), note

"""Links: what a page's address says about its tab, its settings and a run, and the button that copies it.

Settings stand in the query, which the server reads. A run stands behind the `#`, compressed, which browsers keep to
themselves: nothing of it is stored on a server.
"""

import base64
import json
import math
import zlib
from collections.abc import Mapping
from typing import Any

import gradio as gr

from lladav.sampling import METHODS
from lladav.trace import Trace
from lladav.ui.chat.tab import ChatTab
from lladav.ui.components import QUICK, Data, Updates, html_component
from lladav.ui.export import trace_of
from lladav.ui.limits import LIMITS
from lladav.ui.settings.knobs import knobs_of
from lladav.ui.settings.panel import SettingsPanel
from lladav.ui.texts import key_behind, label, said

TAB, VIEW = "tab", "view"
LEARN_VIEWS = ("learn", "teach")  # of the tab with the lessons; the second one is for a projector
LONGEST_LINK = 24_000  # letters of a run in a link; mail and chat programs cut longer ones


class Share:
    """The button, laid out in the current context, and what a link to the page sets."""

    def __init__(self) -> None:
        self.button = gr.Button(label("share.copy"), elem_id="share", size="sm", min_width=80, scale=0)
        self.link = html_component("link", None, elem_id="link", container=False, padding=False)

    def wire(self, demo: gr.Blocks, tabs: gr.Tabs, chat: ChatTab, panels: Mapping[str, list[SettingsPanel]]) -> None:
        """Make links of what the page shows, and show what the link of an opened page says.

        Args:
            chat: whose run a link carries.
            tabs: of the page.
            panels: the settings that each tab has, by the tab's id.
        """
        self.tabs, self.chat, self.panels = tabs, chat, panels
        owners = [(tab, panel) for tab, some in panels.items() for panel in some]
        names = [[tab, panel.prefix, " ".join(panel.linked)] for tab, panel in owners]
        parts = [part for _, panel in owners for part in panel.linked.values()]
        write = f"(...values) => window.lladav.share({json.dumps(names)}, values)"
        copied = self.button.click(self.carry, {chat.session}, [self.link, chat.notice], **QUICK)
        copied.then(None, parts, None, js=write, **QUICK)
        outputs = [part for _, panel in owners for part in (panel.preset, panel.note, *panel.linked.values())]
        demo.load(self.read, None, [tabs, *outputs], **QUICK)
        chat.replace(self.link.open, self.open, queue=True)

    def carry(self, data: Data) -> Updates:
        """The run on show, as a link carries it."""
        trace: Trace | None = data[self.chat.session].trace
        text = packed(trace) if trace else ""
        too_long = len(text) > LONGEST_LINK
        return {self.link: "" if too_long else text} | self.chat.handlers.notice(
            said("said.long_link") if too_long else None
        )

    def open(self, event: gr.EventData, data: Data) -> Updates:
        """Show the run that the link of an opened page carries."""
        try:
            trace = unpacked(event.run)
        except ValueError as error:
            return self.chat.handlers.notice(said("said.link_not_shown", why=error))
        return self.chat.handlers.show_trace(data[self.chat.session], trace, said("said.link_run"))

    def read(self, request: gr.Request) -> Updates:
        """What the address of an opened page sets."""
        query = dict(request.query_params)
        updates: Updates = {self.tabs: gr.skip()}
        if query.get(TAB) in self.panels:
            updates[self.tabs] = gr.Tabs(selected=query[TAB])
        if query.get(VIEW) in LEARN_VIEWS:
            updates[self.tabs] = gr.Tabs(selected="learn")
        for panel in (panel for some in self.panels.values() for panel in some):
            updates |= restored(panel, query)
        return updates


def packed(trace: Trace) -> str:
    """A trace as letters that an address may hold."""
    return base64.urlsafe_b64encode(zlib.compress(trace.to_json().encode(), 9)).decode().rstrip("=")


def unpacked(text: str) -> Trace:
    """The trace that `packed` made letters of.

    Raises:
        ValueError: the text is no packed trace, or it would unfold into more than a run of this page has.
    """
    if not isinstance(text, str) or len(text) > LONGEST_LINK:
        raise ValueError(said("said.link_letters", most=LONGEST_LINK))
    try:
        unfolding = zlib.decompressobj()
        data = unfolding.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), LIMITS.trace_bytes)
        if unfolding.unconsumed_tail:
            raise ValueError(said("said.link_longer"))
        return trace_of(data)
    except (zlib.error, RecursionError) as error:
        raise ValueError(said("said.link_damaged")) from error


def restored(panel: SettingsPanel, query: Mapping[str, str]) -> Updates:
    """Updates that give a panel the settings that a link names, as far as that can be; none if it names none."""
    values: dict[str, Any] = {}
    others: Updates = {}
    notes: list[str] = []
    for name, part in panel.linked.items():
        text = query.get(panel.prefix + name)
        if text is None or not part.visible:  # a model that cannot think has no setting for it
            continue
        try:
            if part is panel.method:
                values |= read_method(text, query, panel.prefix)
                continue
            value, note = (read_choice(part, text), "") if isinstance(part, gr.Radio) else read_number(part, text)
        except ValueError as error:
            notes.append(said("said.left_out", name=said(key_behind(part.label)), why=error))
            continue
        notes.append(note)
        if part in panel.components:
            values[name] = value
        else:
            others[part] = value
    return others | panel.apply(values, " ".join(filter(None, notes))) if values or others or notes else {}


def read_method(text: str, query: Mapping[str, str], prefix: str) -> dict[str, Any]:
    """The method that a link names, and its numbers. Raises ValueError if there is none such or one is no number."""
    if text not in METHODS:
        raise ValueError(said("said.one_of", choices=", ".join(METHODS)))
    told = {name: query[prefix + name] for name in knobs_of(text) if prefix + name in query}
    return {"method": text} | {name: _numbers(part) for name, part in told.items()}


def _numbers(text: str) -> float | list[float]:
    """A number, or several with commas between them; whole ones stay whole."""
    try:
        values = [float(part) for part in text.split(",")]
        whole = [int(value) if value.is_integer() else value for value in values]
    except (ValueError, OverflowError) as error:
        raise ValueError(said("said.numbers")) from error
    return whole[0] if len(whole) == 1 else whole


def read_choice(part: gr.Radio, text: str) -> str:
    """The choice that a link names. Raises ValueError if there is no such choice."""
    choices = [str(value) for _, value in part.choices]
    if text not in choices:
        raise ValueError(said("said.one_of", choices=", ".join(choices)))
    return text


def read_number(part: gr.Slider | gr.Number, text: str) -> tuple[float, str]:
    """The number that a link names, moved to where the setting goes, and a sentence if it had to be moved.

    The sentence does not repeat the text: it is shown as Markdown, and anybody can write a link.

    Raises:
        ValueError: the text is no number.
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(said("said.a_number"))
    assert part.minimum is not None
    assert part.maximum is not None
    value = min(max(part.minimum, number), part.maximum)
    moved = round(value) if part.step == 1 else value
    if value == number:
        return moved, ""
    why = said("said.goes", low=part.minimum, high=part.maximum)
    return moved, said("said.moved", name=said(key_behind(str(part.label))), to=f"{value:g}", why=why)

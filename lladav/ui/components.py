"""Components of our own: a template that holds no data, and a script that paints a value into it."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import get_blocks_context
from gradio.events import EventListenerMethod, set_cancel_events

from lladav import viewer
from lladav.ui.settings.knobs import offered_methods
from lladav.viewer.state import CanvasState

EVENTS = {  # that painters trigger; gradio looks for their names, quoted, in the script of a component
    "canvas": ("begun", "done", "stopped", "edit", "undo", "look"),
    "decoding": ("choose", "turn", "again"),
    "gallery": ("pick", "apply"),
    "learn": ("ask", "chat"),
    "link": ("open",),
    "suggestions": ("pick",),
    "words": ("stale",),
}
PAGE_FILES = Path(__file__).parent / "static"
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}  # of events only about the page
QUICK = QUIET | {"queue": False}  # of those that work for less than a few milliseconds
LATEST: dict[str, Any] = {"trigger_mode": "always_last"}  # a choice made while another is answered is not lost

ON, OFF = gr.update(interactive=True), gr.update(interactive=False)

Updates = dict[Any, Any]  # by component
Data = dict[Any, Any]  # the values of the components that a handler was given, by component


def markups() -> str:
    """The markup of every component of ours and what there is to know of the methods of decoding, as a script for the
    head of the page: it reaches the browser once."""
    viewers = {name: viewer.markup(name) for name in ("canvas", "sync_player", "results")}
    own = {path.stem: path.read_text(encoding="utf-8") for path in sorted(PAGE_FILES.glob("*.html"))}
    known = {"markups": viewers | own, "methods": offered_methods()}
    return f"window.lladav = {json.dumps(known)};".replace("</", "<\\/")


def html_component(name: str, value: Any, told: Mapping[str, Any] | None = None, **options: Any) -> gr.HTML:
    """A component whose markup never changes, filled by the painter that static/gradio_adapter.js knows by `name`.

    Painters write text with textContent only: what models and visitors say is never read as HTML.

    Args:
        told: what the painter is told once. It is no prop of the component, as one is lost when an event sets another
            prop, or, on a tab that is not open, when an event leaves the component as it is (Gradio 6.31).
        options: of gr.HTML.
    """
    shown: dict[str, Any] = {"container": True, "padding": True} | options
    events = "".join(f" '{event}'" for event in EVENTS.get(name, ()))
    return gr.HTML(
        value,
        html_template=f'<div data-markup="{name}"></div>',
        js_on_load=f"window.lladav.adapt('{name}', element, props, trigger, watch, {json.dumps(told or {})}); "
        f"//{events}",
        apply_default_css=False,
        **shown,
    )


def words_component(words: str = "", **options: Any) -> gr.HTML:
    """A component for a few words of the server, in the visitor's language, with **what matters** between asterisks."""
    return html_component("words", words, container=False, padding=False, **options)


def at_once(interactive: bool, first: str = "") -> str:
    """A script that switches a button in the browser, without asking the server, after what it does `first`."""
    return f"() => {{ {first} return {{ __type__: 'update', interactive: {json.dumps(interactive)} }}; }}"


def stop_runs(button: gr.Button, runs: Iterable[Any], first: str = "", also: Iterable[Any] = ()) -> Any:
    """Let a button stop runs, and then switch itself off in the browser, after what a script does `first`.

    Each run is cancelled by an event of its own: of several, a browser would cancel the next one when the server has
    answered about the one before (Gradio 6.31), and with it whatever was asked in between. They are made as gradio
    makes them for `cancels`, without an event beside each that does nothing but weigh in the page's configuration.

    Args:
        also: events after whose triggers the runs end as well.

    Returns:
        The last of the events.
    """
    context = get_blocks_context()
    assert context
    others = [EventListenerMethod(context.blocks[part], name) for event in also for part, name in event["targets"]]
    for run in runs:
        set_cancel_events([EventListenerMethod(button, "click"), *others], run)
    return button.click(None, None, button, js=at_once(False, first), **QUICK)


def token_canvas(state: CanvasState, editable: bool = False, **options: Any) -> gr.HTML:
    """A component that paints a state of `lladav.viewer`.

    It triggers `done` with the run that was shown to its end and `stopped` with the run and the step at which it was
    cut short. Where it is editable it also triggers `begun` as soon as it has the first step of a run that goes on,
    `edit` with what `lladav.ui.chat.edits.edited` takes, `undo`, and `look` with the position of a token and the step
    after which it was looked at.

    It is not a class of its own because gradio writes a stub file beside the source of every class of components.
    """
    return html_component("canvas", state, {"editable": editable}, **options)

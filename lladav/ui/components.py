"""Components of our own: a template that holds no data, and a script that paints a value into it."""

from pathlib import Path
from typing import Any

import gradio as gr

from lladav import viewer
from lladav.viewer.state import CanvasState

EVENTS = {  # that painters trigger; gradio looks for their names, quoted, in the script of a component
    "canvas": ("done", "stopped", "edit", "undo"),
    "gallery": ("pick", "apply"),
    "link": ("open",),
    "suggestions": ("pick",),
}
STATIC = Path(__file__).parent / "static"
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}  # of events only about the page
QUICK = QUIET | {"queue": False}  # of those that work for less than a few milliseconds

Updates = dict[Any, Any]  # by component
Data = dict[Any, Any]  # the values of the components that a handler was given, by component


def html_component(name: str, value: Any, template: str | None = None, **options: Any) -> gr.HTML:
    """A component whose markup never changes, filled by the painter that static/gradio_adapter.js knows by `name`.

    Painters write text with textContent only: what models and visitors say is never read as HTML.

    Args:
        template: the markup, by default static/<name>.html.
    """
    return _painted(name, template or (STATIC / f"{name}.html").read_text(encoding="utf-8"), value, **options)


def token_canvas(state: CanvasState, editable: bool = False, **options: Any) -> gr.HTML:
    """A component that paints a state of `lladav.viewer`.

    It triggers `done` with the run that was shown to its end and `stopped` with the run and the step at which it was
    cut short; where it is editable also `edit`, with what `lladav.ui.chat.edits.edited` takes, and `undo`.

    It is not a class of its own because gradio writes a stub file beside the source of every class of components.
    """
    return _painted("canvas", viewer.template(), state, editable=editable, **options)


def _painted(name: str, template: str, value: Any, **options: Any) -> gr.HTML:
    shown: dict[str, Any] = {"container": True, "padding": True} | options
    events = " ".join(f"'{event}'" for event in EVENTS.get(name, ()))
    return gr.HTML(
        value,
        html_template=template,
        js_on_load=f"window.lladav.adapt('{name}', element, props, trigger, watch); // triggers {events}",
        apply_default_css=False,
        **shown,
    )

"""The token canvas as a component of the page."""

from typing import Any

import gradio as gr

from lladav.ui.painted import STATIC
from lladav.viewer.state import State, script, template

ON_THIS_PAGE = ("edit.js", "mount.js")  # what the canvas can do beyond painting


def token_canvas(state: State, editable: bool = False, **options: Any) -> gr.HTML:
    """A component that paints a state of `lladav.viewer.state`.

    It triggers `done` when a run was shown to its end and `stopped` with the step at which it was cut short; where it
    is editable also `edit`, with what `lladav.ui.edits.edited` takes, and `undo`.

    It is not a class of its own because gradio writes a stub file beside the source of every class of components.
    """
    return gr.HTML(
        state,
        html_template=template(),
        js_on_load=script() + "".join((STATIC / name).read_text(encoding="utf-8") for name in ON_THIS_PAGE),
        editable=editable,
        apply_default_css=False,
        **options,
    )

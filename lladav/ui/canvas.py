"""The token canvas as a component of the page."""

from typing import Any

import gradio as gr

from lladav.canvas_state import STATIC, State, script, template


def token_canvas(state: State, **options: Any) -> gr.HTML:
    """A component that paints a state of `lladav.canvas_state`; it triggers `done` when a run was shown to its end.

    It is not a class of its own because gradio writes a stub file beside the source of every class of components.
    """
    return gr.HTML(
        state,
        html_template=template(),
        js_on_load=script() + (STATIC / "mount.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        **options,
    )

"""Components of our own: a template that holds no data, and a script that paints a value into it."""

from pathlib import Path
from typing import Any

import gradio as gr

STATIC = Path(__file__).parent / "static"


def painted(name: str, value: Any, **options: Any) -> gr.HTML:
    """A component of static/<name>.html, which never changes, and static/<name>.js, which paints `value`.

    The scripts write text with textContent only: what models and visitors say is never read as HTML.
    """
    return gr.HTML(
        value,
        html_template=(STATIC / f"{name}.html").read_text(encoding="utf-8"),
        js_on_load=(STATIC / f"{name}.js").read_text(encoding="utf-8"),
        apply_default_css=False,
        container=True,
        padding=True,
        **options,
    )

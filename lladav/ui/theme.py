"""How the page looks: a theme without outside fonts, and the styles and the script that go to the document's head."""

import gradio as gr

from lladav.ui.painted import STATIC
from lladav.viewer import state as viewer

SYSTEM_FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
STYLES = ("page", "compare", "gallery", "learn")
MONO_FONT = ("ui-monospace", "SFMono-Regular", "Consolas", "monospace")


def head() -> str:
    """Styles and script of the page. They go to the head because gradio rewrites what its `css` is given, and loses
    container queries on the way."""
    styles = "\n".join(
        path.read_text(encoding="utf-8")
        for path in (viewer.STATIC / "canvas.css", *(STATIC / f"{name}.css" for name in STYLES))
    )
    script = "\n".join((STATIC / name).read_text(encoding="utf-8") for name in ("page.js", "share.js"))
    return f"<style>\n{styles}</style>\n<script>\n{script}</script>"


def theme() -> gr.themes.Base:
    """Soft, in violet on slate, with the fonts of the visitor's system."""
    return gr.themes.Soft(
        primary_hue=gr.themes.colors.violet,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_lg,
        font=SYSTEM_FONT,
        font_mono=MONO_FONT,
    ).set(checkbox_label_text_color_selected="white")

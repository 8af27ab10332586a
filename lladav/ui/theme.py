"""How the page looks: a theme without outside fonts, and the styles and scripts that go to `launch`."""

import gradio as gr

from lladav.ui.canvas import STATIC

SYSTEM_FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
MONO_FONT = ("ui-monospace", "SFMono-Regular", "Consolas", "monospace")

STYLES = [STATIC / "page.css", STATIC / "canvas.css"]


def page_script() -> str:
    """The page's own script, run once by the browser before anything is shown."""
    return f"<script>{(STATIC / 'page.js').read_text(encoding='utf-8')}</script>"


def theme() -> gr.themes.Base:
    """Soft, in violet on slate, with the fonts of the visitor's system."""
    return gr.themes.Soft(
        primary_hue=gr.themes.colors.violet,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_lg,
        font=SYSTEM_FONT,
        font_mono=MONO_FONT,
    )

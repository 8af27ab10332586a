"""How the page looks: a theme without outside fonts, and the styles and the script that go to the document's head."""

import gradio as gr

from lladav import viewer
from lladav.ui.components import PAGE_FILES, markups
from lladav.ui.examples import address, examples

SYSTEM_FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
MONO_FONT = ("ui-monospace", "SFMono-Regular", "Consolas", "monospace")
STYLES = ("page.css", "chat.css", "compare.css", "decoding.css", "gallery.css", "learn.css")
ENTRY = PAGE_FILES / "gradio_adapter.js"
PREVIEW = {
    "og:type": "website",
    "og:title": "LLaDA-V: answers out of masks",
    "og:description": "Show it a picture, ask, and watch the answer come out of the masks.",
    "twitter:card": "summary_large_image",
}


def head() -> str:
    """Link preview, styles, markup and script of the page.

    Styles go to the head because gradio rewrites what its `css` is given, and loses container queries on the way.
    """
    styles = "\n".join([viewer.styles(), *((PAGE_FILES / name).read_text(encoding="utf-8") for name in STYLES)])
    properties = PREVIEW | {"og:image": address(examples()[0].image)}
    preview = "\n".join(f'<meta property="{name}" content="{content}">' for name, content in properties.items())
    return f"{preview}\n<style>\n{styles}</style>\n<script>\n{markups()}\n{viewer.bundle(ENTRY)}</script>"


def theme() -> gr.themes.Base:
    """Soft, in violet on slate, with the fonts of the visitor's system, and with edges that can be seen."""
    return gr.themes.Soft(
        primary_hue=gr.themes.colors.violet,
        secondary_hue=gr.themes.colors.teal,
        neutral_hue=gr.themes.colors.slate,
        radius_size=gr.themes.sizes.radius_lg,
        font=SYSTEM_FONT,
        font_mono=MONO_FONT,
    ).set(
        checkbox_label_text_color_selected="white",
        checkbox_border_color="*neutral_400",
        checkbox_label_border_width="1px",
        checkbox_label_border_color="*neutral_300",
        checkbox_label_border_color_dark="*neutral_600",
        checkbox_label_background_fill_selected="*primary_600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_700",
        body_background_fill="*neutral_50",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_border_width="1px",
        block_border_color="*neutral_300",
        block_border_color_dark="*neutral_700",
        block_title_background_fill="none",
        block_title_padding="0",
        block_title_text_color="*body_text_color",
        block_title_text_color_dark="*body_text_color",
        block_label_text_color="*body_text_color",
        block_label_text_color_dark="*body_text_color",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_300",
        input_border_width="1px",
        input_border_color="*neutral_400",
        input_border_color_dark="*neutral_600",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
    )

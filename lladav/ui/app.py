"""The page as a whole: its tabs, its endpoint, and how it is served."""

import os
from typing import Any

import gradio as gr

from lladav.pipeline import LladaVPipeline
from lladav.ui import theme
from lladav.ui.api import create_sample_endpoint
from lladav.ui.chat import create_chat_tab
from lladav.ui.compare import create_compare_tab
from lladav.ui.gallery import create_gallery
from lladav.ui.learn import create_learn_tab
from lladav.ui.share import Share
from lladav.ui.takeaway import create_takeaway

TITLE = "LLaDA-V: answers out of masks"
HEADER = """# LLaDA-V
A vision–language model that does not write from left to right: an answer starts as masks, all refined at once."""
LONGEST_QUEUE = 32
RUNS_AT_ONCE = 2
LARGEST_UPLOAD = "32mb"
CACHE_SECONDS = 24 * 3600  # uploads older than that are deleted, looked for once an hour


def build_app(pipe: LladaVPipeline) -> gr.Blocks:
    """The page for a model, ready for `launch`."""
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(3600, CACHE_SECONDS), fill_width=True) as demo:
        with gr.Row(elem_id="top", equal_height=True):
            gr.Markdown(HEADER, elem_id="header")
            share = Share()
        with gr.Tabs(elem_id="tabs") as tabs:
            chat = create_chat_tab(pipe)
            with chat.tools:
                create_takeaway(chat)
            with chat.aside:
                create_gallery(chat)
            compare = create_compare_tab(pipe)
            create_learn_tab()
        share.wire(demo, tabs, {"chat": [chat.panel], "compare": [side.panel for side in compare.sides], "learn": []})
        create_sample_endpoint(pipe)
    return demo.queue(max_size=LONGEST_QUEUE, default_concurrency_limit=RUNS_AT_ONCE)


def launch(demo: gr.Blocks, **options: Any):
    """Serve the page; `options` go to gradio's `launch`. The port is LLADAV_PORT, where that is set."""
    port = os.environ.get("LLADAV_PORT")
    served: dict[str, Any] = {
        "theme": theme.theme(),
        "head": theme.head(),
        "max_file_size": LARGEST_UPLOAD,
        "server_port": int(port) if port else None,
        "ssr_mode": False,
        "pwa": False,
        "footer_links": ["api", "settings"],
    }
    return demo.launch(**served | options)

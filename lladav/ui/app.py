"""The page as a whole: its tabs, its endpoints, and what stands before them."""

from typing import Any

import gradio as gr
from gradio.data_classes import BlocksConfigDict
from starlette.middleware import Middleware
from starlette.routing import Route

from lladav.pipeline import LladaVPipeline
from lladav.ui import theme
from lladav.ui.api import create_sample_endpoint
from lladav.ui.badge import create_badge
from lladav.ui.capabilities import Capabilities
from lladav.ui.chat.tab import ChatTab
from lladav.ui.compare.tab import CompareTab
from lladav.ui.examples import RecordedRun, contrast, examples, folders, recorded_runs
from lladav.ui.export import Export
from lladav.ui.gallery import Gallery, opening
from lladav.ui.guard import Guard, health
from lladav.ui.learn.tab import create_learn_tab
from lladav.ui.limits import LIMITS
from lladav.ui.settings import latency
from lladav.ui.settings.latency import Latency
from lladav.ui.share import Share

TITLE = "LLaDA-V: answers out of masks"
HEADER = """# LLaDA-V
Not written from left to right: an answer starts as masks, all refined at once."""
DESCRIPTIONS = ("api_info", "api_info_as_input", "api_info_as_output", "example_inputs")


class Page(gr.Blocks):
    """A page that tells browsers of no component what programs would send it, unless programs may."""

    def get_config_file(self) -> BlocksConfigDict:
        """Return what browsers are sent. Gradio describes every component in it, which its own page does not read."""
        config = super().get_config_file()
        open_to_programs = [event for event in self.fns.values() if event.api_visibility != "private"]
        described = {block._id for event in open_to_programs for block in [*event.inputs, *event.outputs]}
        for component in config["components"]:
            if component["id"] not in described:
                for name in DESCRIPTIONS:
                    component.pop(name, None)
        return config


def build_app(pipe: LladaVPipeline, measured: Latency | None = None) -> gr.Blocks:
    """The page for a model, ready for `launch`.

    Args:
        measured: how quickly this machine runs it, see `measure`; None if that is to be seen.
    """
    # Told before anything is built: what gradio knows to be static is served from where it lies, all else from copies
    # that its cache drops after a time.
    gr.set_static_paths([str(folder) for folder in folders()])
    capabilities, offered, runs = Capabilities.of(pipe), examples(), recorded_runs()
    sweep = (LIMITS.cache_sweep_seconds, LIMITS.cache_seconds)
    with Page(title=TITLE, analytics_enabled=False, delete_cache=sweep, fill_width=True) as demo:
        with gr.Row(elem_id="top", equal_height=True):
            gr.Markdown(HEADER, elem_id="header")
            create_badge(pipe, capabilities)
            share = Share()
        with gr.Tabs(elem_id="tabs") as tabs:
            replayed = [run for run in runs.values() if run.shown]
            with gr.Tab("Chat", id="chat"):
                chat = ChatTab(pipe, capabilities, measured, offered, opening(replayed[0]))
                _chat_tools(chat, replayed)
            with gr.Tab("Compare", id="compare"):
                compare = CompareTab(pipe, capabilities, measured, contrast())
            create_learn_tab(runs)
        share.wire(demo, tabs, chat, {"chat": [chat.panel], "compare": [s.panel for s in compare.sides], "learn": []})
        create_sample_endpoint(pipe)
    # The guard refuses first, in a sentence of ours; the few that come in the same moment may slip past it.
    return demo.queue(max_size=2 * LIMITS.queue, default_concurrency_limit=LIMITS.runs)


def _chat_tools(chat: ChatTab, runs: list[RecordedRun]) -> None:
    """What can be done with a run, below the canvas and below the conversation."""
    with chat.aside:
        Gallery(chat, runs)
    with chat.tools:
        Export(chat, runs[0].trace)
    chat.wire()


def measure(pipe: LladaVPipeline) -> Latency | None:
    """How quickly this machine answers the page's first example; None where that cannot be tried."""
    first = examples()[0]
    content = [{"type": "image", "image": first.image}, {"type": "text", "text": first.question}]
    return latency.measure_answer(pipe, [{"role": "user", "content": content}])


def launch(demo: gr.Blocks, **options: Any):
    """Serve the page, guarded, with `/health`; `options` go to gradio's `launch`."""
    served: dict[str, Any] = {
        "theme": theme.theme(),
        "head": theme.head(),
        "max_file_size": LIMITS.upload,
        "state_session_capacity": LIMITS.sessions,
        "ssr_mode": False,
        "pwa": False,
        "footer_links": ["api", "settings"],
        "app_kwargs": {"middleware": [Middleware(Guard, demo=demo)], "routes": [Route("/health", health(demo))]},
    }
    return demo.launch(**served | options)

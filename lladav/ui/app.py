"""The page as a whole: its tabs, its endpoints, and what stands before them."""

from typing import Any

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.components.api_component import Api
from gradio.data_classes import BlocksConfigDict
from starlette.middleware import Middleware
from starlette.routing import Route

from lladav.pipeline import LladaVPipeline
from lladav.ui import theme
from lladav.ui.api import create_endpoints
from lladav.ui.badge import create_badge
from lladav.ui.capabilities import Capabilities
from lladav.ui.chat.tab import ChatTab
from lladav.ui.compare.comparisons import about_methods
from lladav.ui.compare.tab import CompareTab
from lladav.ui.completions import complete
from lladav.ui.examples import RecordedRun, contrast, examples, folders, recorded_runs
from lladav.ui.explore.tab import ExploreTab
from lladav.ui.export import Export
from lladav.ui.gallery import Gallery, opening
from lladav.ui.guard import COMPLETIONS, Guard, health
from lladav.ui.journal import overview
from lladav.ui.learn.tab import LearnTab
from lladav.ui.limits import LIMITS
from lladav.ui.settings import latency
from lladav.ui.settings.latency import Latency
from lladav.ui.share import Share
from lladav.ui.texts import LANGUAGES, label, texts

TITLE = "LLaDA-V: answers out of masks"
DESCRIPTIONS = ("api_info", "api_info_as_input", "api_info_as_output", "example_inputs")


class Page(gr.Blocks):
    """A page that asks little of browsers.

    Attributes:
        idle: a small component, to which the progress of all events is reported that show none. Left to gradio it is
            reported to their outputs, at each step of every other event, and each time gradio's page copies (6.31) all
            that they hold: for tabs that is the whole page, and most of what a browser did while an answer came in.
    """

    idle: gr.HTML

    def get_config_file(self) -> BlocksConfigDict:
        """Return what browsers are sent: of no component what programs would send it, unless programs may. Gradio
        describes all of them, which its own page does not read."""
        config = super().get_config_file()
        for event in config["dependencies"]:
            if event["show_progress"] == "hidden":
                event["show_progress_on"] = [self.idle._id]
        open_to_programs = [event for event in self.fns.values() if event.api_visibility != "private"]
        described = {block._id for event in open_to_programs for block in [*event.inputs, *event.outputs]}
        for component in config["components"]:
            if component["id"] not in described:
                for name in DESCRIPTIONS:
                    component.pop(name, None)
        return config

    def validate_inputs(self, block_fn: BlockFunction, inputs: list[Any]) -> None:
        """Let a program leave out the last parameters of an endpoint, as one may that was written before there were so
        many. Raises ValueError where others are missing."""
        inputs += [part.value for part in block_fn.inputs[len(inputs) :] if isinstance(part, Api)]
        super().validate_inputs(block_fn, inputs)


def build_app(pipe: LladaVPipeline, measured: Latency | None = None) -> gr.Blocks:
    """The page for a model, ready for `launch`.

    Args:
        measured: how quickly this machine runs it, see `measure`; None if that is to be seen.
    """
    # Told before anything is built: what gradio knows to be static is served from where it lies, all else from copies
    # that are dropped after a time.
    gr.set_static_paths([str(folder) for folder in folders()])
    capabilities, offered, replayed = Capabilities.of(pipe), examples(), [*recorded_runs().values()]
    with Page(title=TITLE, analytics_enabled=False, fill_width=True) as demo:
        with gr.Row(elem_id="top", equal_height=True):
            gr.Markdown(label("header.words"), elem_id="header")
            create_badge(pipe, capabilities)
            share = Share()
        demo.idle = share.link
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab(label("tabs.chat"), id="chat"):
                chat = ChatTab(pipe, capabilities, measured, offered, opening(replayed[0]))
                _chat_tools(chat, replayed)
            with gr.Tab(label("tabs.compare"), id="compare"):
                compare = CompareTab(pipe, capabilities, measured, contrast())
            with gr.Tab(label("tabs.explore"), id="explore"):
                ExploreTab(pipe, capabilities)
            with gr.Tab(label("tabs.learn"), id="learn"):
                LearnTab(pipe, chat)
        panels = {"chat": [chat.panel], "compare": [side.panel for side in compare.sides], "explore": [], "learn": []}
        share.wire(demo, tabs, chat, panels)
        chat.wire()
        create_endpoints(pipe)
    # The guard refuses first, in a sentence of ours; the few that come in the same moment may slip past it.
    return demo.queue(max_size=2 * LIMITS.queue, default_concurrency_limit=LIMITS.runs)


def _chat_tools(chat: ChatTab, runs: list[RecordedRun]) -> None:
    """What can be done with a run, below the canvas and below the conversation."""
    with chat.aside:
        Gallery(chat, runs)
    with chat.tools:
        Export(chat, runs[0].trace)


def measure(pipe: LladaVPipeline) -> Latency | None:
    """How quickly this machine answers the page's first example; None where that cannot be tried."""
    first = examples()[0]
    content = [{"type": "image", "image": first.image}, {"type": "text", "text": first.question}]
    return latency.measure_answer(pipe, [{"role": "user", "content": content}])


def launch(demo: gr.Blocks, overviewed: bool = False, **options: Any):
    """Serve the page, guarded, with `/health` and `/v1/chat/completions`.

    Args:
        demo: the page.
        overviewed: whether `/debug` shows the operator the last runs; whoever reaches the page could read it.
        options: of gradio's `launch`.
    """
    routes = [Route("/health", health(demo)), Route(COMPLETIONS, complete(demo), methods=["POST"])]
    routes += [Route("/debug", overview(demo))] if overviewed else []
    served: dict[str, Any] = {
        "theme": theme.theme(),
        "head": theme.head(),
        "i18n": gr.I18n(**{language: texts(language) | about_methods(language) for language in LANGUAGES}),
        "max_file_size": LIMITS.upload,
        "state_session_capacity": LIMITS.sessions,
        "ssr_mode": False,
        "pwa": False,
        "footer_links": ["api", "settings"],
        "app_kwargs": {"middleware": [Middleware(Guard, demo=demo)], "routes": routes},
    }
    return demo.launch(**served | options)

"""The Chat tab: its layout, and the events that join its parts."""

from collections.abc import Callable, Iterable
from typing import Any

import gradio as gr

from lladav.pipeline import LladaVPipeline
from lladav.ui.capabilities import Capabilities
from lladav.ui.chat import scenes
from lladav.ui.chat.handlers import ChatHandlers
from lladav.ui.chat.session import Session
from lladav.ui.components import (
    QUICK,
    QUIET,
    Updates,
    at_once,
    html_component,
    stop_runs,
    token_canvas,
    words_component,
)
from lladav.ui.examples import ExampleQuestion
from lladav.ui.failures import ends_in_a_notice
from lladav.ui.limits import LIMITS
from lladav.ui.settings.latency import Latency
from lladav.ui.settings.panel import SettingsPanel
from lladav.ui.texts import label
from lladav.viewer.state import CanvasState

# All that decodes shares these places; who waits for one is told how many are before him.
SLOTS: dict[str, Any] = {"concurrency_id": "runs", "concurrency_limit": LIMITS.runs}
RUNS: dict[str, Any] = SLOTS | {"show_progress": "minimal", "api_visibility": "private"}
STOP = "document.querySelector('#canvas .tc').dispatchEvent(new Event('tokencanvas:stop'));"


class ChatTab:
    """The components of the tab. It keeps nothing about a visitor.

    Args:
        pipe: the model that answers.
        capabilities: of the model.
        measured: how quickly this machine runs it.
        examples: pictures with a question each.
        opening: what canvas and stage show before there is a run.

    Attributes:
        canvas: the token canvas.
        session: the visitor's `Session`.
        tools: an empty row below the canvas, for what can be done with the run on show.
        aside: an empty column below the conversation.
        refining: the components that a run changes as it goes on. They are few: each costs server and browser
            something at every step, changed or not.
        shown: those and all others that say something of the run on show.
        runs: the events that decode, to be cancelled by whatever puts something else on the canvas.
    """

    def __init__(
        self,
        pipe: LladaVPipeline,
        capabilities: Capabilities,
        measured: Latency | None,
        examples: list[ExampleQuestion],
        opening: tuple[CanvasState, dict[str, Any]],
    ):
        self.capabilities, self.examples = capabilities, examples
        canvas, stage = opening
        self.session = gr.State(Session())
        with gr.Row(elem_id="chat-tab", equal_height=False):
            with gr.Column(scale=5, min_width=320, elem_id="talk"):
                self.stage = html_component("stage", stage, elem_id="stage")
                self.notice = html_component("notice", None, elem_id="notice", container=False, padding=False)
                self._conversation()
                self._question()
                self.aside = gr.Column(elem_id="aside")
            with gr.Column(scale=7, min_width=320, elem_id="look"):
                self.canvas = token_canvas(canvas, editable=True, elem_id="canvas")
                self._edit_row()
                self.tools = gr.Row(elem_id="tools")
                self.panel = SettingsPanel(capabilities, measured)
                self._code()
        self.handlers = ChatHandlers(pipe, self)
        self.runs: list[Any] = []
        self.replacing: list[Any] = []
        self._wire_runs()
        self.panel.wire()

    # ---- layout --------------------------------------------------------------------------------

    def _conversation(self) -> None:
        self.chatbot = gr.Chatbot(
            elem_id="conversation", show_label=False, height=300, min_height=160, buttons=["copy"],
            render_markdown=False, latex_delimiters=[], group_consecutive_messages=False, allow_file_downloads=False,
            label=label("chat.conversation"), placeholder=label("chat.begin"),
            examples=[
                {"text": one.question, "icon": one.image} for one in self.examples
            ],
        )  # fmt: skip

    def _question(self) -> None:
        self.suggestions = html_component(
            "suggestions",
            [],
            elem_id="suggestions",
            container=False,
            padding=False,
            label=label("chat.suggestions"),
        )
        video = ["video"] if self.capabilities.max_frames else []
        self.box = gr.MultimodalTextbox(
            elem_id="question", show_label=False, label=label("chat.question"), placeholder=label("chat.ask"),
            file_types=["image", *video], file_count="multiple", max_plain_text_length=LIMITS.letters,
        )  # fmt: skip
        with gr.Row(elem_id="chat-buttons"):
            self.stop = _button("chat.stop", "stop", variant="stop", interactive=False)
            self.retry = _button("chat.retry", "retry", interactive=False)
            self.edit_question = _button("chat.edit", "edit-question", interactive=False)
            self.new = _button("chat.new", "new-chat")
        self.context = words_component(elem_id="context", visible=False)
        if self.capabilities.composes_scenes:
            self._scene_row()

    def _scene_row(self) -> None:
        with gr.Row(elem_id="scene-row", equal_height=True):
            self.new_scene = _button("chat.new_scene", "new-scene")
            self.things = gr.Dropdown(
                scenes.offered_things(), multiselect=True, max_choices=scenes.MOST_THINGS,
                label=label("chat.things"), elem_id="things", min_width=160, scale=4,
            )  # fmt: skip

    def _code(self) -> None:
        with gr.Accordion(label("chat.code"), open=False, elem_id="code"):
            self.python = gr.Code(
                language="python", label=label("chat.python"), elem_id="as-python", interactive=False, lines=1
            )
            self.json = gr.Code(
                language="json", label=label("chat.json"), elem_id="as-json", interactive=False, lines=1
            )
            self.same_seed = _button("chat.same_seed", "same-seed", interactive=False)

    def _edit_row(self) -> None:
        with gr.Row(elem_id="edit-row", equal_height=True):
            self.template = gr.Textbox(
                show_label=False, container=False, label=label("chat.template"), elem_id="template", max_lines=1,
                scale=5, min_width=160, placeholder=label("chat.blanks"),
                max_length=LIMITS.letters,
            )  # fmt: skip
            self.fill_blanks = _button("chat.fill", "fill-in")
            self.undo_edit = _button("chat.undo", "undo", interactive=False)

    # ---- events --------------------------------------------------------------------------------

    def _wire_runs(self) -> None:
        do, panel = self.handlers, self.panel
        self.refining = [
            self.chatbot, self.stage, self.notice, self.canvas, self.box, self.suggestions, self.stop,
        ]  # fmt: skip
        beside = [
            self.retry, self.edit_question, self.undo_edit, self.context, self.python, self.json, self.same_seed,
            *panel.outputs,
        ]  # fmt: skip
        self.shown = [*self.refining, *beside]
        self.decode(
            (self.fill_blanks.click, do.fill, self.template),
            (self.template.submit, do.fill, self.template),
            (self.box.submit, do.ask, self.box),
            (self.suggestions.pick, do.ask_suggestion, self.box),
            (self.retry.click, do.ask_again),
            (self.chatbot.example_select, do.ask_example),
            (self.canvas.edit, do.edit),
        )
        begun = ends_in_a_notice(do.begun, do.failure)
        self.canvas.begun(begun, {self.session, *panel.components}, [self.notice, self.stop, *beside], **QUICK)

    def decode(self, *runs: tuple[Any, ...], also: Iterable[Any] = ()) -> None:
        """Let events run the model: each waits in line, says where, and can be stopped from the first moment on.

        It does so whether or not another run of its kind goes on, which ends. A browser counts a run that was left as
        going on until the server has answered that it is cancelled: what is asked right behind "New chat" was lost.

        Args:
            runs: an event each, its handler, which takes the session, the settings and other components and yields
                updates of `refining`, and those components.
            also: other components that they update.
        """
        # What an event costs in the page's configuration, all of these cost once, but for those of our own components,
        # which gr.on cannot join (Gradio 6.31).
        joined = [trigger for trigger, *_ in runs if hasattr(trigger, "has_trigger")]
        if joined:
            gr.on(joined, None, None, self.stop, js=at_once(True), **QUIET)
        outputs = [*self.refining, *also]
        for trigger, handler, *inputs in runs:
            if trigger not in joined:
                trigger(None, None, self.stop, js=at_once(True), **QUIET)
            held: set[Any] = {self.session, *self.panel.components, *inputs}
            guarded = ends_in_a_notice(handler, self.handlers.failure)
            run = trigger(guarded, held, outputs, show_progress_on=self.stage, trigger_mode="multiple", **RUNS)
            self.panel.follow(run, (self.session, lambda session: session.trace))
            self.runs.append(run)

    def wire(self) -> None:
        """Join all that does not run the model, once everything that does, and all that may replace it, is known."""
        do = self.handlers
        new = (self.panel.gen_length,)
        look = ends_in_a_notice(do.look, do.failure)
        shown = [self.stage, self.notice, self.stop]
        self.canvas.look(look, {self.session}, shown, show_progress_on=self.stage, **RUNS)
        self.canvas.done(do.shown, None, self.stop, **QUICK)
        self.same_seed.click(do.reuse_seed, {self.session}, self.panel.seed, **QUICK)
        attached = [self.suggestions, self.stage, self.canvas]
        self.box.change(do.attach, {self.session, self.box, *new}, attached, **QUICK)
        stop = ends_in_a_notice(do.stop, do.failure)
        self.canvas.stopped(stop, {self.session}, self.shown, **QUICK)  # Stop has cancelled the run already
        for undo in (self.undo_edit.click, self.canvas.undo):
            self.replace(undo, do.undo)
        self.replace(self.new.click, do.new_chat, *new)
        self.replace(self.edit_question.click, do.take_back)
        if self.capabilities.composes_scenes:
            self.replace(self.new_scene.click, do.new_scene, self.things, *new, queue=True)
        stop_runs(self.stop, self.runs, STOP, self.replacing)

    def replace(self, trigger: Any, handler: Callable[..., Updates], *inputs: Any, queue: bool = False) -> None:
        """Let an event put something else in the place of the run that goes on, which ends.

        Args:
            trigger: the event.
            handler: takes the session and `inputs`, and returns updates of `shown`.
            queue: whether it works for more than a few milliseconds, and so has to wait its turn.
        """
        handler = ends_in_a_notice(handler, self.handlers.failure)
        self.replacing.append(trigger(handler, {self.session, *inputs}, self.shown, **QUIET, queue=queue))


def _button(key: str, elem_id: str, **options: Any) -> gr.Button:
    return gr.Button(label(key), elem_id=elem_id, size="sm", min_width=80, **options)

"""The Chat tab: the conversation, the canvas, the knobs, and the events that join them."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import gradio as gr

from lladav.cache import FeatureCache
from lladav.pipeline import LladaVPipeline
from lladav.recording import Frame
from lladav.sampling import effective_config, encode
from lladav.trace import Trace
from lladav.ui import about, conversation, edits
from lladav.ui.canvas import token_canvas
from lladav.ui.conversation import Chat, Turn, said, text_block
from lladav.ui.decoding import create_decoder
from lladav.ui.panel import QUICK, KnobPanel, Updates, first_plan
from lladav.ui.recording import Recording
from lladav.viewer.state import CanvasRecord, canvas_state, idle_state

BUBBLE_SECONDS = 0.1  # between two updates of the answer's bubble, which follows the canvas in the browser anyway
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}  # of events only about the page


class ChatTab:
    """The components of the tab and the handlers behind them. It keeps nothing about a visitor.

    Attributes:
        canvas: the token canvas.
        trace: the session's last finished, stopped or loaded run; None before the first and while one goes on.
        tools: an empty row below the canvas, for what can be done with `trace`.
        aside: an empty column below the conversation.
        shown: the components that `show_trace` updates, among others.
        runs: the events that decode, to be cancelled by whatever puts something else on the canvas.
    """

    def __init__(self, pipe: LladaVPipeline):
        self.pipe = pipe
        self.decode = create_decoder(pipe)
        self.special = set(pipe.tokenizer.all_special_ids)
        self.examples = about.examples()
        with gr.Row(elem_id="chat-tab", equal_height=False):
            with gr.Column(scale=5, min_width=320):
                self._conversation_column()
            with gr.Column(scale=7, min_width=320):
                blank = idle_state(first_plan(pipe).gen_length)
                self.canvas = token_canvas(blank, editable=True, elem_id="canvas", container=True, padding=True)
                self._edit_row()
                self.tools = gr.Row(elem_id="tools")
                self.panel = KnobPanel(pipe)
        self.turns = gr.State([])
        self.features = gr.State(FeatureCache())
        self.trace = gr.State(None)
        self.recording = gr.State(None)  # the last run of this conversation; None where a loaded one is on show
        self.past = gr.State([])  # the traces that `trace` was edited from, the oldest first
        self._wire_runs()
        self.panel.wire()

    # ---- layout --------------------------------------------------------------------------------

    def _conversation_column(self) -> None:
        self.chatbot = gr.Chatbot(
            elem_id="conversation",
            show_label=False,
            height=480,
            buttons=[],
            render_markdown=False,
            latex_delimiters=[],
            group_consecutive_messages=False,
            allow_file_downloads=False,
            placeholder="### Show it a picture and ask\nThe answer comes out of the masks.",
            examples=[
                {"text": example["question"], "files": [example["image"]], "icon": example["image"]}
                for example in self.examples
            ],
        )
        self.box = gr.MultimodalTextbox(
            elem_id="question",
            show_label=False,
            label="Question",
            placeholder="Ask about a picture…",
            file_types=["image", "video"],
            file_count="multiple",
            autofocus=True,
        )
        with gr.Row(elem_id="chat-buttons"):
            self.stop = gr.Button("Stop", elem_id="stop", variant="stop", size="sm", interactive=False, min_width=80)
            self.retry = gr.Button("Retry", elem_id="retry", size="sm", min_width=80)
            self.new = gr.Button("New chat", elem_id="new-chat", size="sm", min_width=80)
        about.create_about(self.pipe)
        self.aside = gr.Column(elem_id="aside")

    def _edit_row(self) -> None:
        with gr.Row(elem_id="edit-row", equal_height=True):
            self.template = gr.Textbox(
                show_label=False, container=False, label="Template", elem_id="template", max_lines=2, scale=5,
                min_width=200, placeholder="Fill in: The ___ is left of the ___.",
            )  # fmt: skip
            self.fill_in = gr.Button("Fill in", elem_id="fill-in", size="sm", min_width=80)
            self.undo_edit = gr.Button("Undo", elem_id="undo", size="sm", min_width=80, interactive=False)

    # ---- events --------------------------------------------------------------------------------

    def _wire_runs(self) -> None:
        panel = self.panel
        session = [self.chatbot, self.turns, self.trace, self.past, self.recording]
        shared = [self.chatbot, self.turns, self.features, *panel.components]
        held = [*session, *panel.components]
        outputs = [*session, self.canvas, self.box, self.stop, self.undo_edit, *panel.outputs]
        self.shown = outputs
        fill = gr.on([self.fill_in.click, self.template.submit], self.fill, [self.template, *held], outputs, **QUIET)
        self.runs = runs = [
            self.box.submit(self.ask, [self.box, *shared], outputs, **QUIET),
            self.retry.click(self.ask_again, shared, outputs, **QUIET),
            self.chatbot.example_select(self.ask_example, shared, outputs, **QUIET),
            self.canvas.edit(self.edit, held, outputs, trigger_mode="multiple", **QUIET),
            fill,
        ]
        for run in runs:
            panel.follow(run, self.trace)
        self.stop.click(None, self.chatbot, self.chatbot, js="(chat) => [window.lladav.keep(chat)]", **QUIET)
        self.stop.click(None, cancels=runs, **QUIET)
        self.canvas.stopped(self.keep, self.recording, self.trace, **QUICK)
        self.canvas.done(lambda: gr.update(interactive=False), None, self.stop, **QUICK)
        for undo in (self.undo_edit.click, self.canvas.undo):
            undo(self.undo, session[:4], outputs, cancels=runs, **QUICK)
        gr.on([self.new.click, self.chatbot.clear], self.new_chat, panel.gen_length, outputs, cancels=runs, **QUICK)

    # ---- asking --------------------------------------------------------------------------------

    def ask(
        self, message: dict, chat: Chat, turns: list[Turn], features: FeatureCache, *settings: Any
    ) -> Iterator[Updates]:
        """Answer a message, refining the answer's bubble and the canvas step by step."""
        try:
            content, shown = conversation.read_message(self.pipe, message)
        except ValueError as error:
            yield self._refusal([*chat, conversation.question_in_chat(message)], turns, message, str(error))
            return
        turns = [*turns, {"at": len(chat), "message": message, "content": content}]
        chat = [*chat, said("user", *shown)]
        yield from self._reply(chat, turns, features, *settings)

    def ask_again(self, chat: Chat, turns: list[Turn], features: FeatureCache, *settings: Any) -> Iterator[Updates]:
        """Answer the last question once more."""
        if not turns:
            yield self._warned("There is no question to answer again yet.")
            return
        yield from self._reply(chat[: turns[-1]["at"] + 1], turns, features, *settings)

    def ask_example(
        self, event: gr.SelectData, chat: Chat, turns: list[Turn], features: FeatureCache, *settings: Any
    ) -> Iterator[Updates]:
        """Ask the question of an example about its picture."""
        example = self.examples[event.index]
        message = {"text": example["question"], "files": [example["image"]]}
        yield from self.ask(message, chat, turns, features, *settings)

    def _reply(self, chat: Chat, turns: list[Turn], features: FeatureCache, *settings: Any) -> Iterator[Updates]:
        config, thinking, note = self.panel.config(*settings)
        messages = conversation.model_messages(turns, chat)
        recording = Recording(messages, effective_config(self.pipe.model, config), thinking, features)
        shown = {**self.panel.fitted(config, note), self.turns: turns, self.box: None}
        for updates in self._decoded(chat, recording, [], shown):
            if isinstance(updates, str):
                refusal = self._refusal(chat, turns[:-1], turns[-1]["message"], updates)
                yield self._nothing(recording.config.gen_length) | refusal
                return
            yield updates

    def _decoded(self, chat: Chat, recording: Recording, past: list[Trace], shown: Updates) -> Iterator[Updates | str]:
        """Run the model as `recording` says, behind a chat that ends with the question."""
        record = CanvasRecord(
            uuid.uuid4().hex, recording.config, self._piece, self.special, recording.pins, recording.edit
        )
        start = recording.start(self.pipe)
        first = Frame.of(None, start, 0.0, self.pipe.text(start))
        record.add(first)
        yield shown | {
            self.chatbot: [*chat, said("assistant", text_block(first.text))],
            self.canvas: record.value(),
            self.trace: None,
            self.past: past,
            self.recording: recording,
            self.undo_edit: gr.update(interactive=bool(past)),
            self.stop: gr.update(interactive=True),
        }
        said_at = 0.0
        for frame in self.decode(recording.messages, recording.config, recording.thinking, recording.features):
            if isinstance(frame, str):
                yield frame
                return
            if recording.halted:
                return
            recording.add(frame)
            if frame.changed is not None:  # the first is on the page already
                record.add(frame)
            updates: Updates = {self.canvas: record.value(frame)}
            if frame.finish_reason or frame.seconds - said_at >= BUBBLE_SECONDS:
                said_at = frame.seconds
                updates[self.chatbot] = [*chat, said("assistant", text_block(frame.text))]
            if frame.finish_reason:
                updates[self.trace] = recording.trace(self.pipe)
            yield updates

    def _piece(self, token: int) -> str:
        return self.pipe.pieces([token])[0]

    def _refusal(self, chat: Chat, turns: list[Turn], message: dict, sentence: str) -> Updates:
        """The reason why there is no answer, as an answer; the question goes back to its box to be mended."""
        return {
            self.chatbot: [*chat, said("assistant", text_block(sentence))],
            self.turns: turns,
            self.box: {"text": message["text"] or "", "files": []},
            self.stop: gr.update(interactive=False),
        }

    def new_chat(self, gen_length: float) -> Updates:
        """Forget the conversation."""
        return self._nothing(round(gen_length)) | {self.chatbot: [], self.turns: [], self.box: None}

    def _nothing(self, length: int) -> Updates:
        """Updates to a page without a run."""
        still = gr.update(interactive=False)
        return {
            self.canvas: idle_state(length),
            self.trace: None,
            self.past: [],
            self.recording: None,
            self.stop: still,
            self.undo_edit: still,
        }

    # ---- taking hold of an answer --------------------------------------------------------------

    def keep(self, event: gr.EventData, recording: Recording) -> Trace:
        """What a run was up to the step at which it was stopped."""
        return recording.trace(self.pipe, event.step)

    def edit(
        self, event: gr.EventData, chat: Chat, turns: list[Turn], trace: Trace | None, past: list[Trace],
        recording: Recording | None, *settings: Any,
    ) -> Iterator[Updates]:  # fmt: skip
        """Go on from a canvas on which something was changed."""
        change = {"step": event.step, "changes": event.changes, "label": event.label}

        def make(trace: Trace) -> edits.Edit:
            edit = edits.edited(trace, change, self._encode)
            return replace(edit, config=replace(edit.config, seed=self.panel.config(*settings)[0].seed))

        yield from self._gone_on(make, chat, turns, trace, past, recording, event.step)

    def fill(
        self, text: str, chat: Chat, turns: list[Turn], trace: Trace | None, past: list[Trace],
        recording: Recording | None, *settings: Any,
    ) -> Iterator[Updates]:  # fmt: skip
        """Answer the last question in the words of a template."""

        def make(_: Trace) -> edits.Edit:
            return edits.filled(text, self.panel.config(*settings)[0], self._encode, self.panel.longest)

        yield from self._gone_on(make, chat, turns, trace, past, recording)

    def _gone_on(
        self, make: Callable[[Trace], edits.Edit], chat: Chat, turns: list[Turn], trace: Trace | None,
        past: list[Trace], recording: Recording | None, step: int | None = None,
    ) -> Iterator[Updates]:  # fmt: skip
        """Run what `make` makes of the run on show, which is cut off at `step` if it goes on still."""
        if recording is None:
            yield self._warned("Ask a question first: it is its answer that can be edited and filled in.")
            return
        trace = trace or recording.trace(self.pipe, step)
        try:
            edit = make(trace)
        except ValueError as error:
            yield self._warned(str(error))
            return
        recording.halted = True
        run = Recording(
            recording.messages, edit.config, recording.thinking, recording.features, trace.id, edit.label, edit.pins
        )
        for updates in self._decoded(chat[: turns[-1]["at"] + 1], run, [*past, trace], {}):
            if isinstance(updates, str):
                updates = self._warned(updates)
            yield updates

    def _warned(self, sentence: str) -> Updates:
        """Tell the visitor, without the cover that an error puts over every component it might have changed."""
        gr.Warning(sentence, title="This cannot be done")
        return {self.stop: gr.skip()}

    def undo(self, chat: Chat, turns: list[Turn], trace: Trace | None, past: list[Trace]) -> Updates:
        """Back to what the last edit changed."""
        if not past:
            return {self.past: past}
        *past, trace = past
        asked = chat[: turns[-1]["at"] + 1]
        return {
            self.chatbot: [*asked, said("assistant", text_block(trace.text))],
            self.canvas: canvas_state(trace),
            self.trace: trace,
            self.past: past,
            self.undo_edit: gr.update(interactive=bool(past)),
            self.stop: gr.update(interactive=False),
        }

    def show_trace(self, trace: Trace) -> Updates:
        """Updates that play a trace which does not belong to the conversation."""
        return self._nothing(0) | {self.canvas: canvas_state(trace, play=True) | {"editable": False}, self.trace: trace}

    def _encode(self, text: str) -> list[int]:
        return encode(text, self.pipe.tokenizer)


def create_chat_tab(pipe: LladaVPipeline) -> ChatTab:
    """Lay out the Chat tab in the current context."""
    with gr.Tab("Chat", id="chat"):
        return ChatTab(pipe)

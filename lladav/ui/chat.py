"""The Chat tab: the conversation, the canvas, the knobs, and the events that join them."""

import uuid
from collections.abc import Iterator
from typing import Any

import gradio as gr

from lladav.canvas_state import CanvasRecord, Frame, idle_state
from lladav.pipeline import MASK_SIGN, LladaVPipeline
from lladav.ui import about, conversation
from lladav.ui.canvas import token_canvas
from lladav.ui.conversation import Chat, Turn, said, text_block
from lladav.ui.decoding import create_decoder
from lladav.ui.panel import QUICK, KnobPanel, Updates, first_plan

BUBBLE_SECONDS = 0.1  # between two updates of the answer's bubble, which follows the canvas in the browser anyway
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}  # of events only about the page


class ChatTab:
    """The components of the tab and the handlers behind them. It keeps nothing about a visitor."""

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
                self.canvas = token_canvas(blank, elem_id="canvas", container=True, padding=True)
                self.panel = KnobPanel(pipe)
        self.turns = gr.State([])
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

    # ---- events --------------------------------------------------------------------------------

    def _wire_runs(self) -> None:
        shared = [self.chatbot, self.turns, *self.panel.components]
        outputs = [self.chatbot, self.turns, self.canvas, self.box, self.stop, self.panel.pace, *self.panel.outputs]
        runs: list[dict[str, Any]] = [
            self.box.submit(self.ask, [self.box, *shared], outputs, **QUIET),
            self.retry.click(self.ask_again, shared, outputs, **QUIET),
            self.chatbot.example_select(self.ask_example, shared, outputs, **QUIET),
        ]
        self.stop.click(None, self.chatbot, self.chatbot, js="(chat) => [window.lladav.keep(chat)]", **QUIET)
        self.stop.click(None, cancels=runs, **QUIET)
        gr.on(
            [self.new.click, self.chatbot.clear], self.new_chat, self.panel.gen_length, outputs, cancels=runs, **QUICK
        )
        self.canvas.done(lambda: gr.update(interactive=False), None, self.stop, **QUICK)

    # ---- asking --------------------------------------------------------------------------------

    def ask(self, message: dict, chat: Chat, turns: list[Turn], *settings: Any) -> Iterator[Updates]:
        """Answer a message, refining the answer's bubble and the canvas step by step."""
        try:
            content, shown = conversation.read_message(self.pipe, message)
        except ValueError as error:
            yield self._refusal([*chat, conversation.question_in_chat(message)], turns, message, str(error))
            return
        turns = [*turns, {"at": len(chat), "message": message, "content": content}]
        chat = [*chat, said("user", *shown)]
        yield from self._reply(chat, turns, *settings)

    def ask_again(self, chat: Chat, turns: list[Turn], *settings: Any) -> Iterator[Updates]:
        """Answer the last question once more."""
        if not turns:
            raise gr.Error("There is no question to answer again yet.", title="Retry", print_exception=False)
        yield from self._reply(chat[: turns[-1]["at"] + 1], turns, *settings)

    def ask_example(self, event: gr.SelectData, chat: Chat, turns: list[Turn], *settings: Any) -> Iterator[Updates]:
        """Ask the question of an example about its picture."""
        example = self.examples[event.index]
        message = {"text": example["question"], "files": [example["image"]]}
        yield from self.ask(message, chat, turns, *settings)

    def _reply(self, chat: Chat, turns: list[Turn], *settings: Any) -> Iterator[Updates]:
        config, thinking, note = self.panel.config(*settings)
        record = CanvasRecord(uuid.uuid4().hex, config, self._piece, self.special)
        record.add(Frame.blank(config.steps))
        yield {
            **self.panel.fitted(config, note),
            self.chatbot: [*chat, said("assistant", text_block(MASK_SIGN * config.gen_length))],
            self.turns: turns,
            self.canvas: record.value(),
            self.box: None,
            self.stop: gr.update(interactive=True),
        }
        messages = conversation.model_messages(turns, chat)
        said_at = 0.0
        for frame in self.decode(messages, config, thinking):
            if isinstance(frame, str):
                refusal = self._refusal(chat, turns[:-1], turns[-1]["message"], frame)
                yield refusal | {self.canvas: idle_state(config.gen_length)}
                return
            if frame.changed is None:  # the canvas of masks is on the page already
                continue
            record.add(frame)
            updates: Updates = {self.canvas: record.value(frame)}
            if frame.finish or frame.seconds - said_at >= BUBBLE_SECONDS:
                said_at = frame.seconds
                updates[self.chatbot] = [*chat, said("assistant", text_block(frame.text))]
            if frame.finish:
                updates |= self.panel.measured(config, frame.seconds, frame.nfe)
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
        cleared: Updates = {self.chatbot: [], self.turns: [], self.box: None}
        return cleared | {self.canvas: idle_state(round(gen_length)), self.stop: gr.update(interactive=False)}


def create_chat_tab(pipe: LladaVPipeline) -> ChatTab:
    """Lay out the Chat tab in the current context."""
    with gr.Tab("Chat", id="chat"):
        return ChatTab(pipe)

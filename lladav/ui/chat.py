"""The Chat tab: the conversation, the canvas, the knobs, and the events that join them."""

import random
import uuid
from collections.abc import Iterator
from typing import Any

import gradio as gr

from lladav.pipeline import MASK_SIGN, LladaVPipeline
from lladav.sampling import REMASKING, SamplingConfig
from lladav.ui import about, conversation, knobs
from lladav.ui.canvas import CanvasRecord, Frame, idle_value, token_canvas
from lladav.ui.conversation import Chat, Turn, said, text_block
from lladav.ui.decoding import create_decoder

LONGEST_ANSWER = 512
ANY_SEED = -1
SEEDS = 1_000_000  # few enough that one can be noted down
FIRST_LENGTH, SHORT_LENGTH = 32, 24  # tokens of an answer until the visitor chooses; a model of scenes says little
BUBBLE_SECONDS = 0.1  # between two updates of the answer's bubble, which follows the canvas in the browser anyway
THINKING = {"Auto": None, "Think": True, "No think": False}
QUIET: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
}  # of events that are only about the page
QUICK = QUIET | {"queue": False}  # of those that need no turn in the queue

BLANK = Frame(changed=None, nfe=0, stop_position=None, seconds=0.0, text="", finish=None)

Updates = dict[Any, Any]


class ChatTab:
    """The components of the tab and the handlers behind them. It keeps nothing about a visitor."""

    def __init__(self, pipe: LladaVPipeline):
        self.pipe = pipe
        self.decode = create_decoder(pipe)
        self.special = set(pipe.tokenizer.all_special_ids)
        self.longest = min(LONGEST_ANSWER, pipe.max_length // 2)
        length = min(SHORT_LENGTH if about.abilities(pipe) else FIRST_LENGTH, self.longest)
        self.start = knobs.snap(length, *knobs.preset("Balanced", length), self.longest)
        self.examples = about.examples()
        with gr.Row(elem_id="chat-tab", equal_height=False):
            with gr.Column(scale=5, min_width=320):
                self._conversation_column()
            with gr.Column(scale=7, min_width=320):
                self.canvas = token_canvas(idle_value(length), elem_id="canvas", container=True, padding=True)
                self._knob_panel()
        self.turns = gr.State([])
        self.pace = gr.State(None)  # seconds a forward pass took in this session
        self._wire_runs()
        self._wire_knobs()

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

    def _knob_panel(self) -> None:
        start, longest = self.start, self.longest
        with gr.Group(elem_id="knobs"):
            with gr.Row():
                self.preset = gr.Radio(
                    list(knobs.PRESETS), value="Balanced", label="Preset", elem_id="preset", min_width=240,
                    info="4, 2 or 1 tokens a step, all in one block",
                )  # fmt: skip
                self.thinking = gr.Radio(
                    list(THINKING), value="Auto", label="Reasoning", elem_id="thinking", min_width=200,
                    info="ask for it, or for none", visible=about.can_think(self.pipe),
                )  # fmt: skip
            with gr.Row():
                self.gen_length = _slider("Answer length", "gen_length", 1, longest, start.gen_length, "masks to fill")
                self.block_length = _slider(
                    "Block length", "block_length", 1, longest, start.block_length, "left to right"
                )
                self.steps = _slider("Steps", "steps", 1, longest, start.steps, "over the whole answer")
            self.note = gr.Markdown(elem_id="note", visible=False)
            self.cost = gr.Markdown(knobs.cost(start, 0, None), elem_id="cost")
        with gr.Accordion("More knobs", open=False, elem_id="more-knobs"):
            with gr.Row():
                self.temperature = _slider("Temperature", "temperature", 0, 2, 0, "0: always the most probable", 0.05)
                self.cfg_scale = _slider("Guidance", "cfg_scale", 0, 4, 0, "0: off; more: closer to the prompt", 0.1)
            with gr.Row():
                self.remasking = gr.Radio(
                    list(REMASKING), value=REMASKING[0], label="Remasking", elem_id="remasking",
                    info="which proposals are kept in a step",
                )  # fmt: skip
                self.seed = gr.Number(
                    value=ANY_SEED, minimum=ANY_SEED, precision=0, label="Seed", elem_id="seed",
                    info=f"{ANY_SEED}: a new one each time; matters with temperature or random remasking",
                )  # fmt: skip

    # ---- events --------------------------------------------------------------------------------

    def _wire_runs(self) -> None:
        sizes = [self.gen_length, self.block_length, self.steps]
        settings = [*sizes, self.temperature, self.cfg_scale, self.remasking, self.seed, self.thinking]
        shared = [self.chatbot, self.turns, *settings]
        outputs = [self.chatbot, self.turns, self.pace, self.canvas, self.box, self.stop, self.note, *sizes]
        runs: list[dict[str, Any]] = [
            self.box.submit(self.ask, [self.box, *shared], outputs, **QUIET),
            self.retry.click(self.ask_again, shared, outputs, **QUIET),
            self.chatbot.example_select(self.ask_example, shared, outputs, **QUIET),
        ]
        self.stop.click(None, self.chatbot, self.chatbot, js="(chat) => [window.lladav.keep(chat)]", **QUIET)
        self.stop.click(None, cancels=runs, **QUIET)
        gr.on([self.new.click, self.chatbot.clear], self.new_chat, self.gen_length, outputs, cancels=runs, **QUICK)
        self.canvas.done(lambda: gr.update(interactive=False), None, self.stop, **QUICK)

    def _wire_knobs(self) -> None:
        sizes = [self.gen_length, self.block_length, self.steps]
        settled = [self.preset, *sizes, self.note]
        self.preset.input(self.use_preset, [self.preset, self.gen_length], settled, **QUICK)
        self.gen_length.release(self.use_length, [self.preset, *sizes], settled, **QUICK)
        gr.on([self.block_length.release, self.steps.release], self.settle, sizes, settled, **QUICK)
        deciding = [*sizes, self.cfg_scale, self.pace]
        changes = [slider.change for slider in (*sizes, self.cfg_scale)]
        gr.on(
            [*changes, self.pace.change], self.describe_cost, deciding, self.cost, trigger_mode="always_last", **QUICK
        )

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

    def _reply(
        self, chat: Chat, turns: list[Turn], length: float, block: float, steps: float,
        temperature: float, cfg_scale: float, remasking: str, seed: float, thinking: str,
    ) -> Iterator[Updates]:  # fmt: skip
        plan = knobs.snap(length, block, steps, self.longest)
        seed = random.randrange(SEEDS) if seed == ANY_SEED else int(seed)
        config = SamplingConfig(
            gen_length=plan.gen_length, block_length=plan.block_length, steps=plan.steps,
            temperature=temperature, cfg_scale=cfg_scale, remasking=remasking, seed=seed,
        )  # fmt: skip
        record = CanvasRecord(uuid.uuid4().hex, config, self.pipe.pieces, self.special)
        record.add(BLANK)
        yield {
            **self._sizes(plan),
            self.chatbot: [*chat, said("assistant", text_block(MASK_SIGN * plan.gen_length))],
            self.turns: turns,
            self.canvas: record.value(),
            self.box: None,
            self.stop: gr.update(interactive=True),
        }
        messages = conversation.model_messages(turns, chat)
        said_at = 0.0
        for frame in self.decode(messages, config, THINKING[thinking]):
            if isinstance(frame, str):
                refusal = self._refusal(chat, turns[:-1], turns[-1]["message"], frame)
                yield refusal | {self.canvas: idle_value(plan.gen_length)}
                return
            if frame.changed is None:  # the canvas of masks is on the page already
                continue
            record.add(frame)
            updates: Updates = {self.canvas: record.value(frame)}
            if frame.finish or frame.seconds - said_at >= BUBBLE_SECONDS:
                said_at = frame.seconds
                updates[self.chatbot] = [*chat, said("assistant", text_block(frame.text))]
            if frame.finish:
                updates[self.pace] = frame.seconds / frame.nfe / (2 if cfg_scale > 0 else 1)
            yield updates

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
        return cleared | {self.canvas: idle_value(round(gen_length)), self.stop: gr.update(interactive=False)}

    # ---- knobs ---------------------------------------------------------------------------------

    def use_preset(self, name: str, gen_length: float) -> Updates:
        """Block length and steps of a preset."""
        return self._settled(knobs.snap(gen_length, *knobs.preset(name, round(gen_length)), self.longest))

    def use_length(self, name: str | None, gen_length: float, block_length: float, steps: float) -> Updates:
        """Another answer length, under the preset that is on, if one is."""
        if name is not None:
            return self.use_preset(name, gen_length)
        return self.settle(gen_length, block_length, steps)

    def settle(self, gen_length: float, block_length: float, steps: float) -> Updates:
        """Move the sizes to the nearest ones that fit together."""
        return self._settled(knobs.snap(gen_length, block_length, steps, self.longest))

    def describe_cost(self, length: float, block: float, steps: float, cfg_scale: float, pace: float | None) -> str:
        """What a run with these knobs will take."""
        return knobs.cost(knobs.snap(length, block, steps, self.longest), cfg_scale, pace)

    def _settled(self, plan: knobs.Plan) -> Updates:
        return self._sizes(plan) | {self.preset: knobs.preset_of(plan)}

    def _sizes(self, plan: knobs.Plan) -> Updates:
        return {
            self.gen_length: plan.gen_length,
            self.block_length: plan.block_length,
            self.steps: plan.steps,
            self.note: gr.update(value=plan.note, visible=bool(plan.note)),
        }


def _slider(label: str, name: str, low: float, high: float, value: float, info: str, step: float = 1) -> gr.Slider:
    return gr.Slider(low, high, value=value, step=step, label=label, info=info, elem_id=name, min_width=150)


def create_chat_tab(pipe: LladaVPipeline) -> ChatTab:
    """Lay out the Chat tab in the current context."""
    with gr.Tab("Chat", id="chat"):
        return ChatTab(pipe)

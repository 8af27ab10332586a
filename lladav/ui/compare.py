"""The Compare tab: one question, two runs, and one slider over both."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from itertools import chain, repeat, zip_longest
from typing import Any

import gradio as gr
import spaces

from lladav.pipeline import EMBEDDED_MODEL, LladaVPipeline
from lladav.recording import Frame
from lladav.sampling import SamplingConfig, effective_config
from lladav.ui import about, conversation
from lladav.ui.canvas import token_canvas
from lladav.ui.decoding import frames, gpu_seconds
from lladav.ui.painted import painted
from lladav.ui.pairs import PAIRS, Pair, layout_in_words
from lladav.ui.panel import QUICK, KnobPanel, Updates, first_plan
from lladav.viewer.state import CanvasRecord, idle_state

TWIN = EMBEDDED_MODEL.with_name("lladav-tiny-ar")
DIFFUSION, LEFT_TO_RIGHT = "Diffusion", "Left to right"
UNPLANNED = ("temperature", "cfg_scale", "seed")  # knobs that need not fit with others
SIDES = ("a", "b")
ON, OFF = gr.update(interactive=True), gr.update(interactive=False)
CANVASES = "#canvas-a .tc, #canvas-b .tc"
STOP_BOTH = "() => document.querySelector('#clock .pc').dispatchEvent(new Event('pairclock:stop'))"
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

PipelineOf = Callable[[str], LladaVPipeline]


@dataclass(frozen=True)
class Run:
    """What one side is asked to do: the name of its model, and its settings."""

    model: str
    config: SamplingConfig
    thinking: bool | None

    @property
    def in_words(self) -> str:
        """The settings that matter most, for a headline."""
        if self.model == LEFT_TO_RIGHT:
            return f"{self.config.gen_length} tokens, left to right"
        return layout_in_words(self.config)


def create_pair_decoder(pipeline_of: PipelineOf) -> Callable[..., Iterator[tuple[int, Frame | str]]]:
    """A generator of the frames of two runs, each with the number of its side; a sentence ends both."""

    def duration(messages: list[dict], runs: Sequence[Run], in_turn: bool) -> int:
        return sum(gpu_seconds(messages, run.config) for run in runs)

    @spaces.GPU(duration=duration)
    def decode(messages: list[dict], runs: Sequence[Run], in_turn: bool) -> Iterator[tuple[int, Frame | str]]:
        sides = [
            zip(repeat(side), frames(pipeline_of(run.model), messages, run.config, run.thinking))
            for side, run in enumerate(runs)
        ]
        both = chain(*sides) if in_turn else chain.from_iterable(zip_longest(*sides))
        yield from filter(None, both)

    return decode


class Score:
    """What two runs add up to so far, in the forms that static/clock.js and static/verdict.js read."""

    def __init__(self) -> None:
        self.run = uuid.uuid4().hex
        self.moments: list[list[float]] = [[] for _ in SIDES]
        self.tokens = [0 for _ in SIDES]
        self.confidence = [0.0 for _ in SIDES]
        self.last: list[Frame | None] = [None for _ in SIDES]

    def add(self, side: int, frame: Frame) -> None:
        """Count a step of a side."""
        self.last[side] = frame
        self.moments[side].append(round(frame.seconds * 1000, 1))
        if frame.changed is not None:
            committed = set(frame.changed.transfer_index)
            proposals = zip(frame.changed.positions, frame.changed.confidence, strict=True)
            self.tokens[side] += len(committed)
            self.confidence[side] += sum(confidence for position, confidence in proposals if position in committed)

    @property
    def endings(self) -> list[Frame]:
        """The last frames of both runs, once both are over; before that none."""
        over = [frame for frame in self.last if frame is not None and frame.finish_reason]
        return over if len(over) == len(SIDES) else []

    def clock(self) -> dict[str, Any]:
        sides = [
            {"ms": [*moments], "finished": frame is not None and frame.finish_reason is not None}
            for moments, frame in zip(self.moments, self.last, strict=True)
        ]
        return {"run": self.run, "canvases": CANVASES, "sides": sides}

    def verdict(self) -> dict[str, Any]:
        passes, seconds = (
            [None if frame is None else getattr(frame, name) for frame in self.last] for name in ("nfe", "seconds")
        )
        figures = [
            ["forward passes", "", 0, *passes],
            ["seconds", " s", 2, *seconds],
            ["tokens per pass", "", 2, *map(_share, self.tokens, passes)],
            ["mean confidence", " %", 0, *map(_share, (100 * total for total in self.confidence), self.tokens)],
        ]
        words = word_difference(*(frame.text for frame in self.endings)) if self.endings else []
        return {"figures": figures, "words": words, "summary": summary(words) if self.endings else ""}


def _share(total: float, count: int | None) -> float | None:
    return total / count if count else None


def word_difference(first: str, second: str) -> list[tuple[str, str, bool]]:
    """Two texts, cut where they part and meet: `(words of the first, words of the second, are they the same)`."""
    one, other = first.split(), second.split()
    return [
        (" ".join(one[i:j]), " ".join(other[k:m]), operation == "equal")
        for operation, i, j, k, m in SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
    ]


def summary(words: Sequence[tuple[str, str, bool]]) -> str:
    """What a `word_difference` comes to, in a sentence."""
    if not words:
        return "Neither said anything."
    if all(same for *_, same in words):
        return "Word for word the same answer."
    kept = sum(len(first.split()) for first, _, same in words if same)
    longer = max(sum(len(text.split()) for text in texts) for texts in list(zip(*words, strict=True))[:2])
    return f"{kept} of {longer} words are the same; what only one of them says is marked."


class Side:
    """One of the two runs: its model, its canvas and, further down, its knobs."""

    def __init__(self, key: str, pipe: LladaVPipeline):
        self.key = key
        self.name = f"**{key.upper()}**"
        self.looks = ["side-name", f"side-{key}"]
        self.title = gr.Markdown(self.name, elem_classes=self.looks, elem_id=f"title-{key}")
        self.canvas = token_canvas(
            idle_state(first_plan(pipe).gen_length), elem_id=f"canvas-{key}", elem_classes="led", container=True,
            padding=True,
        )  # fmt: skip

    def lay_out_knobs(self, pipe: LladaVPipeline, has_twin: bool) -> None:
        """The knobs, in the current context."""
        gr.Markdown(f"{self.name} Knobs", elem_classes=self.looks)
        self.model = gr.Radio(
            [DIFFUSION, LEFT_TO_RIGHT], value=DIFFUSION, visible=has_twin, label="Model",
            info="the same size and training; left to right takes one step a token", elem_id=f"model-{self.key}",
            elem_classes="knobs",
        )  # fmt: skip
        self.panel = KnobPanel(pipe, prefix=f"{self.key}-")
        self.panel.linked["model"] = self.model

    @property
    def inputs(self) -> list[Any]:
        return [self.model, *self.panel.components]


class CompareTab:
    """The components of the tab and the handlers behind them. It keeps nothing about a visitor."""

    def __init__(self, pipe: LladaVPipeline):
        self.pipe = pipe
        self.has_twin = about.abilities(pipe) is not None and TWIN.is_dir()
        self.twin = cache(lambda: LladaVPipeline.from_pretrained(TWIN, pipe.device))
        self.decode = create_pair_decoder(self.pipeline_of)
        self.pairs = [pair for pair in PAIRS if self.has_twin or not pair.needs_twin]
        self._question_row()
        self.clock = painted("clock", Score().clock(), elem_id="clock")
        with gr.Row(elem_id="sides"):
            self.sides = []
            for key in SIDES:
                with gr.Column(min_width=320):
                    self.sides.append(Side(key, pipe))
        self.verdict = painted("verdict", Score().verdict(), elem_id="verdict")
        with gr.Row(elem_id="side-knobs"):
            for side in self.sides:
                with gr.Column(min_width=320):
                    side.lay_out_knobs(pipe, self.has_twin)
        self._begin_with(self.pairs[0])
        self._wire()

    def pipeline_of(self, model: str) -> LladaVPipeline:
        """The model that a side's choice stands for; the twin is read from disk when first asked for."""
        return self.twin() if self.has_twin and model == LEFT_TO_RIGHT else self.pipe

    # ---- layout --------------------------------------------------------------------------------

    def _question_row(self) -> None:
        examples = about.examples()
        first = examples[-1] if examples else {"image": None, "question": ""}
        with gr.Row(elem_id="compare-question", equal_height=True):
            self.image = gr.Image(
                first["image"], type="filepath", image_mode=None, label="Picture", show_label=False, height=232,
                sources=["upload"], buttons=[], elem_id="compare-image", scale=2, min_width=200,
            )  # fmt: skip
            with gr.Column(scale=5, min_width=320):
                self.question = gr.Textbox(
                    first["question"], show_label=False, label="Question", placeholder="Ask both about the picture…",
                    lines=1, max_lines=3, elem_id="compare-text",
                )  # fmt: skip
                self.pair = gr.Radio(
                    [pair.name for pair in self.pairs], value=self.pairs[0].name, label="What to compare",
                    info=self.pairs[0].lesson, elem_id="pair", elem_classes="knobs",
                )  # fmt: skip
                with gr.Row(elem_id="compare-buttons"):
                    self.go = gr.Button("Compare", variant="primary", elem_id="compare", min_width=120)
                    self.stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="pair-stop", min_width=80)
                    self.in_turn = gr.Checkbox(
                        label="One after the other", container=False, elem_id="in-turn", min_width=160
                    )

    def _begin_with(self, pair: Pair) -> None:
        for component, update in self.settings_of(pair).items():
            for name, value in (update if isinstance(update, dict) else {"value": update}).items():
                setattr(component, name, value)
        for side in self.sides:
            known = [*(knob.value for knob in side.panel.planned), 0, side.panel.pace.value]
            side.panel.cost.value = side.panel.describe_cost(*known)

    # ---- events --------------------------------------------------------------------------------

    def _wire(self) -> None:
        for side in self.sides:
            side.panel.wire()
        inputs = [self.image, self.question, self.in_turn, *(part for side in self.sides for part in side.inputs)]
        self.pair.input(self.use_pair, self.pair, [self.pair, *self.settings_of(self.pairs[0])], **QUICK)
        canvases = [side.canvas for side in self.sides]
        fitted = [component for side in self.sides for component in side.panel.outputs]
        titles = [side.title for side in self.sides]
        outputs = [self.clock, self.verdict, self.stop, *canvases, *fitted, *titles]
        run = gr.on([self.go.click, self.question.submit], self.compare, inputs, outputs, **QUIET)
        self.stop.click(lambda: OFF, None, self.stop, cancels=run, js=STOP_BOTH, **QUICK)

    def use_pair(self, name: str) -> Updates:
        """Both sides' knobs as a pair wants them, and what it teaches."""
        pair = next(pair for pair in self.pairs if pair.name == name)
        return self.settings_of(pair) | {self.pair: gr.update(info=pair.lesson)}

    def settings_of(self, pair: Pair) -> dict[Any, Any]:
        """The values that a pair gives to the components of both sides; what it leaves open goes back to its start."""
        values: dict[Any, Any] = {}
        for side, changes in zip(self.sides, (pair.first, pair.second), strict=True):
            settings = pair.knobs(changes, side.panel.start.gen_length)
            values[side.model] = changes.get("model", DIFFUSION)
            values |= {getattr(side.panel, name): settings.pop(name) for name in UNPLANNED}
            values |= {side.panel.remasking: settings["remasking"]} | side.panel.settle(**settings)
        return values

    # ---- running -------------------------------------------------------------------------------

    def compare(self, image: str | None, question: str, in_turn: bool, *settings: Any) -> Iterator[Updates]:
        """Ask both sides, and show what both have so far after every step."""
        try:
            message = {"text": question, "files": [image] if image else []}
            content, _ = conversation.read_message(self.pipe, message)
        except ValueError as error:
            raise gr.Error(str(error), title="Compare", print_exception=False) from error
        half = len(settings) // 2
        updates: Updates = {self.stop: ON}
        runs = []
        for side, (model, *values) in zip(self.sides, (settings[:half], settings[half:]), strict=True):
            config, thinking, note = side.panel.config(*values)
            updates |= side.panel.fitted(config, note)
            run = Run(model, effective_config(self.pipeline_of(model).model, config), thinking)
            runs.append(run)
            updates[side.title] = f"{side.name} {run.in_words}"
        yield updates
        yield from self._show([{"role": "user", "content": content}], runs, in_turn)

    def _show(self, messages: list[dict], runs: list[Run], in_turn: bool) -> Iterator[Updates]:
        score = Score()
        records = [self._record(run) for run in runs]
        for side, frame in self.decode(messages, runs, in_turn):
            if isinstance(frame, str):
                yield self._nothing()
                raise gr.Error(frame, title=f"Run {SIDES[side].upper()}", print_exception=False)
            records[side].add(frame)
            score.add(side, frame)
            # All of it every time: of updates that come in faster than the page takes them, only the last arrives.
            rows = zip(self.sides, records, score.last, strict=True)
            canvases = {one.canvas: record.value(last) for one, record, last in rows}
            over = {self.stop: OFF} if score.endings else {}
            yield canvases | {self.clock: score.clock(), self.verdict: score.verdict()} | over

    def _nothing(self) -> Updates:
        """As it was before the first run."""
        score = Score()
        blank = {side.canvas: idle_state(side.panel.start.gen_length) for side in self.sides}
        return blank | {self.clock: score.clock(), self.verdict: score.verdict(), self.stop: OFF}

    def _record(self, run: Run) -> CanvasRecord:
        pipe = self.pipeline_of(run.model)
        special = set(pipe.tokenizer.all_special_ids)
        return CanvasRecord(uuid.uuid4().hex, run.config, lambda token: pipe.pieces([token])[0], special)


def create_compare_tab(pipe: LladaVPipeline) -> CompareTab:
    """Lay out the Compare tab in the current context."""
    with gr.Tab("Compare", id="compare"):
        return CompareTab(pipe)

"""The Compare tab: one question, two runs, and one slider over both."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import gradio as gr

from lladav.assets import asset
from lladav.pipeline import LladaVPipeline
from lladav.recording import Recording
from lladav.sampling import SamplingConfig, effective_config
from lladav.ui.capabilities import Capabilities
from lladav.ui.chat.conversation import read_message
from lladav.ui.chat.tab import RUNS
from lladav.ui.compare.comparisons import COMPARISONS, Comparable, layout_in_words
from lladav.ui.compare.results import SIDES, Comparison
from lladav.ui.components import (
    LATEST,
    OFF,
    ON,
    QUICK,
    QUIET,
    Data,
    Updates,
    at_once,
    html_component,
    stop_runs,
    token_canvas,
    words_component,
)
from lladav.ui.examples import ExampleQuestion
from lladav.ui.failures import ends_in_a_notice, in_page_words
from lladav.ui.limits import LIMITS, affordable
from lladav.ui.settings.latency import Latency
from lladav.ui.settings.panel import Settings, SettingsPanel
from lladav.ui.streaming import create_turns_decoder
from lladav.ui.texts import label, said
from lladav.viewer.state import StateWriter, idle_state

DIFFUSION, AUTOREGRESSIVE = "Diffusion", "Autoregressive"
SHOW_RESULTS = """
    if (matchMedia('(max-width: 640px)').matches) document.querySelector('#results').scrollIntoView({ block: 'start' });
"""
STOP_BOTH = "document.querySelector('#player .pc').dispatchEvent(new Event('syncplayer:stop'));"


@dataclass(frozen=True)
class Job:
    """What one side is asked to do."""

    model: str
    config: SamplingConfig

    @property
    def in_words(self) -> str:
        """The settings that matter most, for a headline."""
        if self.model == AUTOREGRESSIVE:
            return said("said.left_to_right", tokens=self.config.gen_length)
        return layout_in_words(self.config)


class Side:
    """One of the two runs: its canvas and, further down, its model and settings."""

    def __init__(self, key: str, gen_length: int):
        self.key, self.looks = key, ["side-name", f"side-{key}"]
        self.title = words_component(f"**{key.upper()}**", elem_classes=self.looks, elem_id=f"title-{key}")
        self.canvas = token_canvas(idle_state(gen_length), elem_id=f"canvas-{key}", elem_classes="led")

    def lay_out_settings(
        self,
        capabilities: Capabilities,
        measured: Latency | None,
        has_twin: bool,
        values: Mapping[str, Any],
        model: str,
    ) -> None:
        """The settings, in the current context."""
        gr.Markdown(label(f"compare.settings_{self.key}"), elem_classes=self.looks)
        self.model = gr.Radio(
            [(label(f"compare.{one.lower()}"), one) for one in (DIFFUSION, AUTOREGRESSIVE)], value=model,
            visible=has_twin, label=label("compare.model"), info=label("compare.model_info"),
            elem_id=f"model-{self.key}", elem_classes="settings",
        )  # fmt: skip
        self.panel = SettingsPanel(capabilities, measured, f"{self.key}-", values)
        self.panel.linked["model"] = self.model

    @property
    def inputs(self) -> set[Any]:
        return {self.model, *self.panel.components}


class CompareTab:
    """The components of the tab and the handlers behind them. It keeps nothing about a visitor."""

    def __init__(
        self,
        pipe: LladaVPipeline,
        capabilities: Capabilities,
        measured: Latency | None,
        example: ExampleQuestion,
    ):
        self.pipe, self.capabilities = pipe, capabilities
        self.has_twin = capabilities.composes_scenes and asset("lladav-tiny-ar").is_dir()
        self.twin = cache(lambda: LladaVPipeline.from_pretrained(asset("lladav-tiny-ar"), pipe.device))
        self.decode = create_turns_decoder(self.pipeline_of)
        self.comparisons = {one.name: one for one in COMPARISONS if self.has_twin or not one.needs_twin}
        self.length = min(capabilities.gen_length, capabilities.longest_answer)
        first = next(iter(self.comparisons.values()))
        self._question_row(example, first)
        self.results = html_component("results", Comparison().results(), elem_id="results")
        self.player = html_component("sync_player", Comparison().player(), elem_id="player")
        with gr.Row(elem_id="sides"):
            self.sides = []
            for key in SIDES:
                with gr.Column(min_width=320):
                    self.sides.append(Side(key, self.length))
        self.in_turn = gr.Checkbox(label=label("compare.in_turn"), container=False, elem_id="in-turn")
        with gr.Row(elem_id="side-settings"):
            for side, changes in zip(self.sides, (first.first, first.second), strict=True):
                with gr.Column(min_width=320):
                    values = first.settings(changes, self.length)
                    model = changes.get("model", DIFFUSION)
                    side.lay_out_settings(capabilities, measured, self.has_twin, values, model)
        self._wire()

    def pipeline_of(self, model: str) -> LladaVPipeline:
        """The model that a side's choice stands for; the twin is read from disk when first asked for."""
        return self.twin() if self.has_twin and model == AUTOREGRESSIVE else self.pipe

    # ---- layout --------------------------------------------------------------------------------

    def _question_row(self, example: ExampleQuestion, comparison: Comparable) -> None:
        with gr.Row(elem_id="compare-question", equal_height=True):
            self.image = gr.Image(
                example.image, type="filepath", image_mode=None, label=label("compare.picture"),
                show_label=False, height=150, sources=["upload"], buttons=[], elem_id="compare-image", scale=1,
                min_width=120,
            )  # fmt: skip
            with gr.Column(scale=8, min_width=320):
                with gr.Row(elem_id="compare-buttons", equal_height=True):
                    self.question = gr.Textbox(
                        example.question, show_label=False, container=False, label=label("chat.question"),
                        scale=5, min_width=200, placeholder=label("compare.ask"), lines=1, max_lines=1,
                        elem_id="compare-text", max_length=LIMITS.letters,
                    )  # fmt: skip
                    self.go = gr.Button(label("compare.go"), variant="primary", elem_id="compare", min_width=110)
                    self.stop = gr.Button(
                        label("chat.stop"), variant="stop", interactive=False, elem_id="pair-stop", min_width=70
                    )
                self.comparison = gr.Radio(
                    [(label(one.key), name) for name, one in self.comparisons.items()], value=comparison.name,
                    label=label("compare.what"), info=label(f"{comparison.key}_lesson"),
                    elem_id="comparison", elem_classes="settings",
                )  # fmt: skip
        self.notice = html_component("notice", None, elem_id="compare-notice", container=False, padding=False)

    # ---- events --------------------------------------------------------------------------------

    def _wire(self) -> None:
        for side in self.sides:
            side.panel.wire()
        settings = [part for side in self.sides for part in (side.model, *side.panel.outputs)]
        chosen = self.comparison.input
        # Pressed before its settings are there, the button would run those that were on show before.
        chosen(None, None, self.go, js=at_once(False), **QUICK)
        setting = chosen(self.use_comparison, {self.comparison}, [self.comparison, *settings], **QUICK, **LATEST)
        setting.then(None, None, self.go, js=at_once(True), **QUICK)
        outputs = [
            self.player, self.results, self.notice, self.stop, *(side.canvas for side in self.sides),
            *(side.title for side in self.sides),
        ]  # fmt: skip
        inputs = {self.image, self.question, self.in_turn, *self.sides[0].inputs, *self.sides[1].inputs}
        asked = [self.go.click, self.question.submit]
        gr.on(asked, None, None, self.stop, js=at_once(True, SHOW_RESULTS), **QUIET)
        gr.on(asked, self.fit, {part for side in self.sides for part in side.panel.components}, settings, **QUICK)
        compare = ends_in_a_notice(self.compare, lambda sentence, _: {self.notice: sentence, self.stop: OFF})
        name = {"api_name": "compare_sides"}  # the endpoint for programs is called /compare
        run = gr.on(asked, compare, inputs, outputs, show_progress_on=self.results, **RUNS, **name)
        stop_runs(self.stop, [run], STOP_BOTH)

    def use_comparison(self, data: Data) -> Updates:
        """Both sides' settings as a comparison wants them, and what it teaches."""
        comparison = self.comparisons[data[self.comparison]]
        updates: Updates = {self.comparison: gr.update(info=label(f"{comparison.key}_lesson"))}
        for side, changes in zip(self.sides, (comparison.first, comparison.second), strict=True):
            updates[side.model] = changes.get("model", DIFFUSION)
            updates |= side.panel.apply(comparison.settings(changes, self.length))
        return updates

    def fit(self, data: Data) -> Updates:
        """Both sides' settings as the runs have them; apart from the runs, since each output costs at every step."""
        updates: Updates = {}
        for side in self.sides:
            updates |= side.panel.fit(data)
        return updates

    # ---- running -------------------------------------------------------------------------------

    def compare(self, data: Data) -> Iterator[Updates]:
        """Ask both sides, and show what both have so far after every step."""
        try:
            settings = [side.panel.read(data) for side in self.sides]
            jobs = [self._job(data[side.model], one) for side, one in zip(self.sides, settings, strict=True)]
            recordings = self._prepare(data, jobs, settings)
        except ValueError as error:
            yield {self.notice: in_page_words(error), self.stop: OFF}
            return
        updates: Updates = {self.stop: ON, self.notice: None}
        yield updates | {
            side.title: said(f"said.side_{side.key}", words=job.in_words)
            for side, job in zip(self.sides, jobs, strict=True)
        }
        yield from self._show(jobs, recordings, data[self.in_turn])

    def _job(self, model: str, settings: Settings) -> Job:
        return Job(model, affordable(effective_config(self.pipeline_of(model).model, settings.config)))

    def _prepare(self, data: Data, jobs: Sequence[Job], settings: Sequence[Settings]) -> list[Recording]:
        """The runs of both sides, neither begun. Raises ValueError if one cannot be."""
        files = [data[self.image]] if data[self.image] else []
        turn = read_message({"text": data[self.question], "files": files}, self.capabilities)
        messages = [{"role": "user", "content": turn.content}]
        recordings = []
        for job, one in zip(jobs, settings, strict=True):
            pipe = self.pipeline_of(job.model)
            prompt = pipe.prepare(messages, one.thinking)
            pipe.check(prompt, job.config)
            recordings.append(Recording(prompt, job.config))
        return recordings

    def _show(self, jobs: Sequence[Job], recordings: list[Recording], in_turn: bool) -> Iterator[Updates]:
        comparison = Comparison(recordings)
        pipes = [self.pipeline_of(job.model) for job in jobs]
        writers = [StateWriter.of(pipe, recording) for pipe, recording in zip(pipes, recordings, strict=True)]
        work = [(job.model, recording.prompt, job.config) for job, recording in zip(jobs, recordings, strict=True)]
        for side, frame in self.decode(work, in_turn):
            recordings[side].add(frame)
            yield self._both(comparison, writers)

    def _both(self, comparison: Comparison, writers: Sequence[StateWriter]) -> Updates:
        """All of it every time: of updates that come in faster than the page takes them, only the last arrives."""
        pairs = zip(self.sides, writers, comparison.recordings, strict=True)
        canvases = {side.canvas: writer.value() for side, writer, recording in pairs if recording.frames}
        over = {self.stop: OFF} if comparison.finished else {}
        return canvases | {self.player: comparison.player(), self.results: comparison.results()} | over

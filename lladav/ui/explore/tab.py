"""The Explore tab: sweep settings over questions, see what they cost and give, and look at any answer."""

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd
import spaces
from gradio.utils import get_upload_folder

from lladav.evaluation.results import (
    FIGURES,
    IDEAL,
    MEASURED,
    answers_table,
    axis_values,
    reliability_points,
    save_table,
    sweep_table,
)
from lladav.evaluation.sweep import SWEEP_FILE, Progress, Sweep, SweepRun
from lladav.pipeline import LladaVPipeline
from lladav.recording import Recording
from lladav.ui.capabilities import Capabilities
from lladav.ui.chat.tab import RUNS
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
from lladav.ui.explore.asked import read_sweep, sweep_text
from lladav.ui.failures import ends_in_a_notice
from lladav.ui.streaming import LONGEST_GRANT, create_decoder
from lladav.ui.texts import label, said
from lladav.viewer.state import canvas_state, idle_state

OFFERED = [
    "method", "steps", "block_length", "gen_length", "temperature", "cfg_scale", "remasking", "threshold", "factor",
    "entropy_bound", "refresh_interval", "revision_threshold",
]  # fmt: skip
FIRST = (("method", "exact, threshold, wino"), (None, ""), (None, ""))
MOST_SCENES = 50
ANSWER_COLUMNS = ("kind", "question", "expected", "text", "right", "nfe", "id")
FIGURE_DIGITS = 3
IN_TABLES_ALONE = ("asked", "gained", "lost", "by_chance", "pareto")  # figures that no plot is of
ON_FRONT, BEHIND = "nothing is better and cheaper", "something is"
VIVID, PALE = "#7c3aed", "#94a3b8"
# Which gradio 6.31 translates in a plot when it is on show, not before.
RELIABILITY_TITLES = {"x_title": label("explore.sure"), "y_title": label("explore.right"),
                      "color_title": label("explore.reliability")}  # fmt: skip
POINT_COLORS = {ON_FRONT: VIVID, BEHIND: PALE}


class ExploreTab:
    """The components of the tab. What a visitor sweeps lies in a folder of uploads, whose path the session holds.

    Args:
        pipe: the model that is asked.
        capabilities: of the model.
    """

    def __init__(self, pipe: LladaVPipeline, capabilities: Capabilities):
        self.pipe, self.capabilities, self.decode = pipe, capabilities, create_decoder(pipe)
        self.folder, self.sweep, self.chosen = gr.State(None), gr.State(None), gr.State(None)
        with gr.Row(elem_id="explore", equal_height=False):
            with gr.Column(scale=4, min_width=320, elem_id="explore-ask"):
                self._questions()
            with gr.Column(scale=8, min_width=320, elem_id="explore-found"):
                self._results()
        self._wire()

        @spaces.GPU(duration=LONGEST_GRANT)
        def running(sweep: Sweep, folder: str) -> Iterator[Progress]:
            yield from SweepRun(pipe, sweep, Path(folder)).run()

        self.running = running

    # ---- layout --------------------------------------------------------------------------------

    def _questions(self) -> None:
        self.axes = []
        for number, (name, values) in enumerate(FIRST):
            with gr.Row(equal_height=True):
                setting = gr.Dropdown(
                    OFFERED,
                    value=name,
                    allow_custom_value=True,
                    label=label(f"explore.axis_{number + 1}"),
                    elem_id=f"axis-{number}",
                    min_width=120,
                )
                listed = gr.Textbox(
                    values, label=label("explore.values"), elem_id=f"axis-values-{number}", scale=2, max_length=400
                )
            self.axes.append((setting, listed))
        with gr.Row(equal_height=True):
            self.count = gr.Slider(1, MOST_SCENES, 6, step=1, label=label("explore.scenes"), elem_id="scenes")
            self.length = gr.Slider(
                8, self.capabilities.longest_answer, min(64, self.capabilities.longest_answer), step=8,
                label=label("settings.gen_length"), elem_id="explore-length",
            )  # fmt: skip
        self.seeds = gr.Textbox("0", label=label("explore.seeds"), elem_id="explore-seeds", max_length=100)
        self.own = gr.File(
            label=label("explore.own"), file_count="multiple", type="filepath",
            file_types=[".jsonl", "image"], height=180, elem_id="own-questions",
        )  # fmt: skip
        with gr.Row():
            self.go = gr.Button(label("explore.go"), variant="primary", elem_id="sweep", min_width=90)
            self.stop = gr.Button(
                label("chat.stop"), variant="stop", interactive=False, elem_id="sweep-stop", min_width=70
            )
            self.resume = gr.Button(label("explore.resume"), interactive=False, elem_id="sweep-resume", min_width=80)
        self.notice = html_component("notice", None, elem_id="explore-notice", container=False, padding=False)
        self.progress = words_component(elem_id="sweep-progress")
        with gr.Accordion(label("explore.yaml"), open=False):
            self.yaml = gr.Code(language="yaml", show_label=False, interactive=False, elem_id="sweep-yaml", lines=1)

    def _results(self) -> None:
        with gr.Row(equal_height=True):
            figures = [(_title(name), name) for name in FIGURES if name not in IN_TABLES_ALONE]
            self.across = gr.Dropdown(
                figures, value="nfe", label=label("explore.across"), elem_id="across", min_width=120
            )
            self.up = gr.Dropdown(figures, value="accuracy", label=label("explore.up"), elem_id="up", min_width=120)
        # Gradio 6.31 tells of a stretch that is dragged across in a plot, but of no click.
        gr.Markdown(label("explore.hint"), elem_id="frontier-hint")
        self.plot = gr.ScatterPlot(
            x="nfe",
            y="accuracy",
            x_title=_title("nfe"),
            y_title=_title("accuracy"),
            color="pareto",
            color_title=label("explore.pareto"),
            color_map=POINT_COLORS,
            tooltip="all",
            height=260,
            elem_id="frontier",
            show_label=False,
        )
        self.table = gr.Dataframe(
            interactive=False, show_search="filter", max_height=260, elem_id="combinations",
            headers=["method", *FIGURES],
        )  # fmt: skip
        gr.Markdown(label("explore.answers"))
        self.answers = gr.Dataframe(
            interactive=False, show_search="filter", max_height=260, elem_id="answers", headers=[*ANSWER_COLUMNS],
            wrap=True,
        )  # fmt: skip
        self.canvas = token_canvas(idle_state(8), elem_id="explore-canvas")
        self.reliability = gr.ScatterPlot(
            x="confidence", y="accuracy", color="line", color_map={MEASURED: VIVID, IDEAL: PALE}, x_lim=_room(1),
            y_lim=_room(1), tooltip="all", height=240, visible=False, elem_id="reliability", show_label=False,
        )  # fmt: skip
        self.files = gr.File(
            label=label("explore.files"), file_count="multiple", interactive=False, visible=False,
            elem_id="sweep-files",
        )  # fmt: skip

    # ---- events --------------------------------------------------------------------------------

    def _wire(self) -> None:
        outputs = [
            self.folder, self.sweep, self.chosen, self.notice, self.progress, self.yaml, self.table, self.plot,
            self.answers, self.reliability, self.stop, self.resume, self.files,
        ]  # fmt: skip
        asked: set[Any] = {self.count, self.length, self.seeds, self.own, self.across, self.up}
        asked |= {part for axis in self.axes for part in axis}

        def tell(sentence: str, *_: Any) -> Updates:
            return {self.notice: sentence, self.stop: OFF}

        runs: list[Any] = []
        for button, handler in ((self.go, self.begin), (self.resume, self.go_on)):
            button.click(None, None, self.stop, js=at_once(True), **QUIET)
            inputs = asked | {self.folder, self.sweep}
            runs.append(
                button.click(ends_in_a_notice(handler, tell), inputs, outputs, show_progress_on=self.progress, **RUNS)
            )
        stop_runs(self.stop, runs).then(lambda: {self.resume: ON}, None, self.resume, **QUICK)
        held: set[Any] = {self.folder, self.sweep, self.chosen}
        for figure in (self.across, self.up):
            figure.input(self.replot, held | {self.across, self.up}, self.plot, **QUIET, **LATEST)
        chosen = [self.chosen, self.answers, self.reliability, self.notice, self.stop]
        self.table.select(ends_in_a_notice(self.choose, tell), held, chosen, **QUIET)
        narrow = ends_in_a_notice(self.narrow, tell)
        self.plot.select(narrow, held | {self.across}, [self.table, *chosen], **QUIET)
        self.plot.double_click(self.widen, held, self.table, **QUIET)
        look = ends_in_a_notice(self.look, tell)
        self.answers.select(look, held, [self.canvas, self.notice, self.stop], show_progress_on=self.canvas, **RUNS)

    def begin(self, data: Data) -> Iterator[Updates]:
        """Sweep what the widgets say, in a folder of its own."""
        folder = Path(get_upload_folder()) / f"sweep-{uuid.uuid4().hex}"
        files = data[self.own] or []
        try:
            axes = [(data[name], data[values]) for name, values in self.axes]
            text = sweep_text(axes, round(data[self.count]), data[self.seeds], round(data[self.length]), bool(files))
            sweep = read_sweep(text, self.capabilities.longest_answer, folder, files)
            SweepRun(self.pipe, sweep, folder)  # refuses what cannot be asked
        except ValueError as error:
            yield {self.notice: str(error), self.stop: OFF}
            return
        yield {
            self.folder: str(folder), self.sweep: sweep, self.yaml: text, self.answers: None, self.notice: None,
            self.reliability: gr.update(visible=False),
        }  # fmt: skip
        yield from self._run(sweep, folder, data)

    def go_on(self, data: Data) -> Iterator[Updates]:
        """Go on with the last sweep."""
        if data[self.sweep] is None:
            yield {self.notice: said("said.no_sweep"), self.stop: OFF}
            return
        yield from self._run(data[self.sweep], Path(data[self.folder]), data)

    def _run(self, sweep: Sweep, folder: Path, data: Data) -> Iterator[Updates]:
        yield {self.stop: ON, self.resume: OFF}
        shown = -1
        for progress in self.running(sweep, str(folder)):
            update: Updates = {self.progress: how_far(progress)}
            if progress.done != shown:
                shown = progress.done
                update |= self._view(sweep, folder, data)
            yield update
        yield self._view(sweep, folder, data) | self._files(sweep, folder) | {self.stop: OFF, self.resume: OFF}

    def _table(self, sweep: Sweep, folder: Path) -> pd.DataFrame:
        return sweep_table(SweepRun(self.pipe, sweep, folder)).round(dict.fromkeys(FIGURES, FIGURE_DIGITS))

    def _view(self, sweep: Sweep, folder: Path, data: Data) -> Updates:
        """Table and plot, once there is something to show."""
        table = self._table(sweep, folder)
        if table.empty:
            return {}
        x, y = data[self.across], data[self.up]
        points = table.assign(pareto=table["pareto"].map({True: ON_FRONT, False: BEHIND}))
        # Gradio 6.31 draws only what was in the legend at first: both colors are there from the start, without a place.
        points = pd.concat([points, pd.DataFrame({"pareto": [*POINT_COLORS]})])
        across = {"x": x, "x_title": _title(x), "x_lim": _room(table[x].max())}
        up = {"y": y, "y_title": _title(y), "y_lim": _room(table[y].max())}
        return {self.table: table, self.plot: gr.update(value=points, **across, **up)}

    def replot(self, data: Data) -> Updates:
        """The plot of other figures."""
        if data[self.sweep] is None:
            return {self.plot: gr.skip()}
        return {self.plot: self._view(data[self.sweep], Path(data[self.folder]), data).get(self.plot, gr.skip())}

    def _files(self, sweep: Sweep, folder: Path) -> Updates:
        table = sweep_table(SweepRun(self.pipe, sweep, folder))
        paths = [folder / "table.csv", folder / "table.json", folder / SWEEP_FILE]
        for path in paths[:2]:
            save_table(table, path)
        return {self.files: gr.update(value=[str(path) for path in paths], visible=True)}

    def narrow(self, event: gr.SelectData, data: Data) -> Updates:
        """The rows of the points in a stretch of the plot, and the answers of one that is alone there."""
        table = self._table(data[self.sweep], Path(data[self.folder]))
        inside = table[table[data[self.across]].between(*event.index)]
        if inside.empty:
            return {self.notice: said("said.no_point")}
        if len(inside) > 1:
            return {self.table: inside}
        return {self.table: inside} | self._answers(inside.iloc[0].tolist(), data)

    def widen(self, data: Data) -> Updates:
        """All rows again."""
        return {self.table: self._table(data[self.sweep], Path(data[self.folder]))}

    def choose(self, event: gr.SelectData, data: Data) -> Updates:
        """The answers of a combination, those of its row of the table."""
        return self._answers(event.row_value, data)

    def _answers(self, row: Sequence[Any], data: Data) -> Updates:
        """The answers of a combination, and how sure the model was of their tokens."""
        sweep: Sweep = data[self.sweep]
        values = [*row[: len(sweep.axes)]]
        answers = answers_table(SweepRun(self.pipe, sweep, Path(data[self.folder])))
        mine = answers[(answers[[*sweep.axes]] == values).all(axis=1)]
        return {
            self.chosen: values,
            self.answers: mine[[*ANSWER_COLUMNS]],
            self.reliability: gr.update(value=reliability_points(mine), visible=True, **RELIABILITY_TITLES),
            self.notice: None,
        }

    def look(self, event: gr.SelectData, data: Data) -> Iterator[Updates]:
        """How the answer of a row came about: asked again, with the same settings and so the same outcome."""
        run = SweepRun(self.pipe, data[self.sweep], Path(data[self.folder]))
        id = event.row_value[ANSWER_COLUMNS.index("id")]
        cell = next(one for one in run.cells if axis_values(one) == data[self.chosen])
        asked = next(one for one in run.asked if one.id == id)
        recording = Recording(self.pipe.prepare(asked.messages()), cell.config)
        for frame in self.decode(recording.prompt, recording.config):
            recording.add(frame)
        yield {self.canvas: canvas_state(self.pipe.record(recording), play=True, editable=False), self.stop: OFF}


def _title(figure: str) -> str:
    """What a column of the table is called where people choose it."""
    return label(f"figures.{figure}")


def _room(most: float) -> list[float | None]:
    """The ends of an axis, wide enough for a point at `most` to be seen whole."""
    return [0, 1.08 * most or 1]


def how_far(progress: Progress) -> str:
    """How far a sweep is, in a sentence."""
    left = progress.seconds_left
    if left is None or progress.done == progress.total:
        return said("said.far", done=progress.done, total=progress.total)
    return said("said.far_left", done=progress.done, total=progress.total, seconds=f"{left:.0f}")

"""The Explore tab's handlers, without a browser."""

from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from lladav import LladaVPipeline
from lladav.evaluation.results import sweep_table
from lladav.evaluation.sweep import Progress, SweepRun
from lladav.ui.capabilities import Capabilities
from lladav.ui.explore.tab import ANSWER_COLUMNS, ExploreTab, how_far


@pytest.fixture
def tab(tiny_pipeline: LladaVPipeline, tmp_path, monkeypatch: pytest.MonkeyPatch) -> ExploreTab:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with gr.Blocks():
        return ExploreTab(tiny_pipeline, Capabilities.of(tiny_pipeline))


def widgets(tab: ExploreTab, *axes: tuple[str, str]) -> dict:
    filled = [*axes, *[(None, "")] * 3]
    data = {
        part: value for axis, row in zip(tab.axes, filled, strict=False) for part, value in zip(axis, row, strict=True)
    }
    return data | {
        tab.count: 2, tab.length: 8, tab.seeds: "0", tab.own: None, tab.across: "nfe", tab.up: "accuracy",
        tab.folder: None, tab.sweep: None, tab.chosen: None,
    }  # fmt: skip


def test_a_sweep_stops_goes_on_and_is_the_command_lines(tab: ExploreTab, tiny_pipeline: LladaVPipeline):
    data = widgets(tab, ("steps", "8, 2"), ("threshold", "null, 0.5"))
    running = tab.begin(data)
    for updates in running:
        data |= {part: value for part, value in updates.items() if part in (tab.folder, tab.sweep)}
        if "2 of" in str(updates.get(tab.progress)):
            break
    running.close()
    folder = Path(data[tab.folder])
    assert len((folder / "answers.jsonl").read_text().splitlines()) == 2
    *_, last = tab.go_on(data)
    shown = last[tab.table]
    expected = sweep_table(SweepRun(tiny_pipeline, data[tab.sweep], folder))
    assert shown.equals(expected.round(3)) and list(shown["asked"]) == [2] * 4
    assert [Path(path).suffix for path in last[tab.files]["value"]] == [".csv", ".json", ".yaml"]

    row = [*shown.iloc[2]]
    chosen = tab.choose(SimpleNamespace(row_value=row), data)
    answers = chosen[tab.answers]
    assert len(answers) == 2 and chosen[tab.chosen] == [2, "null"]
    assert chosen[tab.reliability]["visible"] and chosen[tab.reliability]["value"]["tokens"].sum() > 0
    data |= {tab.chosen: chosen[tab.chosen]}
    answer = [*answers.iloc[0]]
    (seen,) = tab.look(SimpleNamespace(row_value=answer), data)
    assert answer[ANSWER_COLUMNS.index("nfe")] <= 2
    assert answer[ANSWER_COLUMNS.index("text")] == seen[tab.canvas]["text"]


def swept(tab: ExploreTab, *axes: tuple[str, str]) -> dict:
    """What the widgets hold after a sweep."""
    data = widgets(tab, *axes)
    for updates in tab.begin(data):
        data |= {part: value for part, value in updates.items() if part in (tab.folder, tab.sweep)}
    return data


def test_a_stretch_of_the_plot_keeps_its_rows_and_one_alone_shows_its_answers(tab: ExploreTab):
    data = swept(tab, ("steps", "8, 2"))

    def dragged(low: float, high: float) -> dict:
        return tab.narrow(SimpleNamespace(index=[low, high]), data)

    assert "no point" in dragged(100, 200)[tab.notice]
    both = dragged(0, 8)
    assert [*both[tab.table]["steps"]] == [8, 2] and tab.answers not in both
    one = dragged(0, 2)
    assert [*one[tab.table]["steps"]] == one[tab.chosen] == [2] and len(one[tab.answers]) == 2
    assert tab.widen(data)[tab.table].equals(both[tab.table])


def test_a_number_is_the_same_to_the_browser(tab: ExploreTab):
    data = swept(tab, ("temperature", "0, 0.7"))
    chosen = tab.choose(SimpleNamespace(row_value=[0, 2]), data)  # the table holds 0.0
    assert len(chosen[tab.answers]) == 2
    data |= {tab.chosen: chosen[tab.chosen]}
    (seen,) = tab.look(SimpleNamespace(row_value=[*chosen[tab.answers].iloc[0]]), data)
    assert seen[tab.canvas]["text"] == chosen[tab.answers].iloc[0]["text"]


def test_mistakes_are_sentences(tab: ExploreTab):
    (refused,) = tab.begin(widgets(tab, ("steps", "3"), ("block_length", "4")))
    assert "steps must be a multiple" in refused[tab.notice]
    (refused,) = tab.go_on(widgets(tab))
    assert "begin one" in refused[tab.notice]


def test_progress_in_words():
    assert how_far(Progress(3, 8, 1.0, 2.4)) == "3 of 8 answers, about 2 s left"
    assert how_far(Progress(8, 8, 1.0, 0.0)) == "8 of 8 answers"

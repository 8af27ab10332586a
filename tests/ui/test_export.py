"""What a visitor exports and opens again, and the gallery, without a browser."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from lladav import LladaVPipeline, SamplingConfig, Trace
from lladav.ui import export, gallery
from lladav.ui.capabilities import Capabilities
from lladav.ui.chat.session import Session
from lladav.ui.chat.tab import ChatTab
from lladav.ui.examples import recorded_runs
from lladav.ui.limits import LIMITS
from lladav.ui.texts import said
from lladav.viewer.state import idle_state

SETTINGS = SamplingConfig(gen_length=8, block_length=8, steps=4, seed=0)


@pytest.fixture(scope="module")
def trace(tiny_pipeline: LladaVPipeline) -> Trace:
    return tiny_pipeline([{"role": "user", "content": "What is this?"}], SETTINGS).trace


@pytest.fixture(scope="module")
def exporter(tiny_pipeline: LladaVPipeline) -> export.Export:
    stage = {"pictures": [], "question": "", "answer": ""}
    with gr.Blocks():
        tab = ChatTab(tiny_pipeline, Capabilities.of(tiny_pipeline), None, [], (idle_state(8), stage))
        return export.Export(tab, next(iter(recorded_runs().values())).trace)


def changed(change: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], str]:
    """A trace's JSON after `change` to its data."""

    def text(data: dict[str, Any]) -> str:
        change(data)
        return json.dumps(data)

    return text


BAD_FILES = {
    "prose": lambda _: "Dear model,",
    "another list": lambda _: "[1, 2]",
    "a deep nest": lambda _: "[" * 100_000,
    "a later version": changed(lambda data: data.update(version=99)),
    "no steps": changed(lambda data: data.pop("steps")),
    "a position beyond the end": changed(lambda data: data["steps"][0].update(positions=[900], transfer_index=[900])),
    "a token without a piece": changed(lambda data: data.update(pieces={})),
    "words for numbers": changed(lambda data: data.update(seconds=["soon"] * len(data["seconds"]))),
    "more tokens than fit": changed(lambda data: data["config"].update(gen_length=10**9, block_length=10**9)),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_what_is_no_run_is_told_in_a_sentence(trace: Trace, tmp_path: Path, name: str):
    path = tmp_path / "mine.json"
    path.write_text(BAD_FILES[name](asdict(trace)))
    with pytest.raises(ValueError, match=r"^mine\.json is no run that can be opened: ") as told:
        export.read_trace(str(path))
    assert str(tmp_path) not in str(told.value)


def test_a_huge_file_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(export, "LIMITS", replace(LIMITS, trace_bytes=2**20))
    path = tmp_path / "mine.json"
    path.write_bytes(b" " * (2**20 + 1))
    with pytest.raises(ValueError, match="at most 1"):
        export.read_trace(str(path))


def test_what_was_exported_comes_back(trace: Trace, exporter: export.Export):
    session = Session(trace=trace)
    for updates in exporter.render("json", {exporter.tab.session: session}):
        path = updates[exporter.file]
        assert Path(path).name == f"lladav-{trace.id}.json"
        assert export.read_trace(path) == trace
    assert not Path(path).exists(), "gradio has its own copy by then"


def test_a_film_that_leaves_steps_out_says_so(trace: Trace, exporter: export.Export, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(export, "MEGAPIXELS", {"gif": 1e-9})
    *_, updates = exporter.render("gif", {exporter.tab.session: Session(trace=trace)})
    assert updates[exporter.tab.notice] == said("said.film", shown=2, all=len(trace.steps))
    *_, updates = exporter.render("png", {exporter.tab.session: Session(trace=trace)})
    assert exporter.tab.notice not in updates


def test_the_longest_run_of_the_page_can_be_opened(tiny_pipeline: LladaVPipeline, tmp_path: Path):
    length = LIMITS.trace_tokens // 2
    config = SamplingConfig(gen_length=length, block_length=length, steps=2, stop=())
    longest = tiny_pipeline([{"role": "user", "content": "Hi"}], config).trace
    longest.save(tmp_path / "long.json")
    assert export.read_trace(str(tmp_path / "long.json")) == longest


def test_without_a_run_there_is_nothing_to_export(exporter: export.Export):
    session = Session()
    session.clear()  # New chat
    (updates,) = exporter.render("gif", {exporter.tab.session: session})
    assert updates[exporter.tab.notice] == said("said.no_run")


def test_the_run_that_the_page_opens_with_can_be_exported(exporter: export.Export):
    for updates in exporter.render("json", {exporter.tab.session: Session()}):
        assert export.read_trace(updates[exporter.file]) == exporter.opening


def test_the_gallery_is_honest_and_complete():
    runs = list(recorded_runs().values())
    for run in runs:
        state = gallery.recorded_state(run)
        assert f"recorded earlier with {run.trace.model}" in state["note"]
        assert state["text"] == run.trace.text
        assert gallery.card(run)["picture"].endswith(".png")
        assert Path(run.image).is_file()
    assert len({run.trace.id for run in runs}) == len(runs)
    cards = [(card["question"], card["picture"], card["settings"]) for card in map(gallery.card, runs)]
    assert len(set(cards)) == len(cards)  # two runs that look alike could not be told apart

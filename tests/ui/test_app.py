"""The page as a whole, without a browser: what it sends, and what building it costs."""

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.context import Context
from gradio.data_classes import _StaticFiles

from lladav import LladaVPipeline
from lladav.assets import asset
from lladav.ui import theme
from lladav.ui.app import build_app
from lladav.ui.components import token_canvas
from lladav.viewer.state import idle_state


@pytest.fixture(scope="module")
def page(tiny_pipeline: LladaVPipeline) -> gr.Blocks:
    return build_app(tiny_pipeline)


def size(demo: gr.Blocks) -> int:
    """Bytes of what describes a page to a browser."""
    return len(json.dumps(demo.get_config_file(), default=str))


def test_the_pages_configuration_is_small(tiny_pipeline: LladaVPipeline, monkeypatch: pytest.MonkeyPatch):
    embedded = LladaVPipeline.from_pretrained(asset("lladav-tiny"), device="cpu")  # whose page composes scenes, too
    for pipe in (tiny_pipeline, embedded):
        monkeypatch.setattr(Context, "id", 0)  # as in a server: the more parts before, the longer their numbers
        assert size(build_app(pipe)) <= 250_000


def test_a_further_canvas_brings_no_script(page: gr.Blocks):
    with gr.Blocks() as one:
        token_canvas(idle_state(8))
    with gr.Blocks() as two:
        token_canvas(idle_state(8))
        token_canvas(idle_state(8))
    assert size(two) - size(one) < 10_000
    assert "class TokenCanvas" not in json.dumps(page.get_config_file(), default=str)
    assert theme.head().count("class TokenCanvas") == 1


def test_each_run_is_cancelled_by_an_event_of_its_own(page: gr.Blocks):
    """Of several, a browser cancels the next when the server has answered about the one before: too late."""
    components = {part["id"]: part["props"].get("elem_id") for part in page.config["components"]}
    events = {event["id"]: event for event in page.config["dependencies"]}
    cancelling = [event for event in events.values() if event["cancels"]]
    assert all(len(event["cancels"]) == 1 for event in cancelling)

    def runs_ended_by(name: str) -> set[str]:
        """The parts of the page whose runs a part of the page ends."""
        ended = [
            event["cancels"][0] for event in cancelling if name in {components[part] for part, _ in event["targets"]}
        ]
        return {components[part] for run in ended for part, _ in events[run]["targets"]}

    everywhere = {"question", "suggestions", "retry", "conversation", "canvas", "template", "fill-in", "gallery"}
    for name in ("stop", "new-chat", "gallery", "undo", "canvas", "edit-question", "open-run", "link"):
        assert runs_ended_by(name) == everywhere | {"learn"}
    assert runs_ended_by("pair-stop") == {"compare", "compare-text"}
    assert runs_ended_by("sweep-stop") == {"sweep", "sweep-resume"}


def test_pictures_of_the_page_are_no_copies_that_a_cache_drops(
    tiny_pipeline: LladaVPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_StaticFiles, "all_paths", [])  # as when the first page of a process is built
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    build_app(tiny_pipeline)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []


def test_building_the_page_runs_no_model(tiny_pipeline: LladaVPipeline, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("the layout must not run the model")

    monkeypatch.setattr(tiny_pipeline.model, "forward", refuse)
    build_app(tiny_pipeline)


def test_a_choice_that_is_made_while_another_one_is_answered_counts(page: gr.Blocks):
    """What follows from a choice is worked out for the last one, however quickly it came."""
    choices = {"input", "release", "choose", "turn", "stale"}
    following = [event for event in page.fns.values() if event.fn and choices & {name for _, name in event.targets}]
    of_a_panel = {"settle", "use_preset", "use_method", "use_length", "describe_cost"}
    assert {event.name for event in following} == of_a_panel | {"use_comparison", "replot"}
    assert {event.trigger_mode for event in following} == {"always_last"}


def test_what_runs_a_model_shares_its_places_and_nothing_that_works_is_outside_the_queue(page: gr.Blocks):
    events = page.fns.values()
    decoding = [event for event in events if event.concurrency_id == "runs"]
    assert len(decoding) >= 8
    assert {event.concurrency_limit for event in decoding} == {2}
    names = {event.name for event in events if not event.queue}
    assert not names & {"ask", "edit", "fill", "compare", "sample", "render", "open"}


def test_a_step_of_an_answer_changes_few_components(page: gr.Blocks):
    streams = {event.name: event for event in page.fns.values() if event.types_generator}
    assert streams.keys() >= {"ask", "ask_again", "edit", "fill", "compare"}
    for name in ("ask", "ask_suggestion", "ask_example", "ask_again", "edit", "fill", "compare"):
        assert len(streams[name].outputs) <= 8, name


def test_progress_that_is_not_shown_is_reported_to_one_small_component(page: gr.Blocks):
    config = page.get_config_file()
    quiet = [event for event in config["dependencies"] if event["show_progress"] == "hidden"]
    assert len(quiet) > 40
    (place,) = {place for event in quiet for place in event["show_progress_on"]}
    (idle,) = (part for part in config["components"] if part["id"] == place)
    assert len(json.dumps(idle, default=str)) < 2000


def test_the_page_describes_to_browsers_only_what_programs_may_call(page: gr.Blocks):
    config = page.get_config_file()
    described = [component["type"] for component in config["components"] if "api_info" in component]
    assert set(described) == {"api"}
    assert page.get_api_info()["named_endpoints"]["/sample"]["parameters"][0]["type"]["type"] == "string"

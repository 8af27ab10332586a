"""What the operator is told of runs."""

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import torch
from helpers import picture_message

from lladav import LladaVPipeline, SamplingConfig
from lladav.pipeline import Prompt
from lladav.ui.app import build_app, launch
from lladav.ui.journal import JOURNAL, LEFT
from lladav.ui.streaming import create_decoder, create_turns_decoder

SECRET = "Wherefore xylophones?"
CONFIG = SamplingConfig(gen_length=8, block_length=8, steps=4, seed=0)


@pytest.fixture(scope="module")
def prompt(tiny_pipeline: LladaVPipeline) -> Prompt:
    return tiny_pipeline.prepare([picture_message(SECRET)])


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines of the journal so far."""
    with caplog.at_level(logging.INFO, "lladav.ui.journal"):
        yield lambda: [json.loads(record.getMessage()) for record in caplog.records]


def test_a_run_is_a_line_of_figures(tiny_pipeline: LladaVPipeline, prompt: Prompt, lines: Callable[[], list[dict]]):
    frames = [*create_decoder(tiny_pipeline)(prompt, CONFIG)]
    (line,) = lines()
    settings = {"kind": "chat", "prompt_tokens": prompt.length, "gen_length": 8, "steps": 4}
    came = {"states": len(frames), "nfe": frames[-1].nfe, "finish": frames[-1].finish_reason}
    assert settings.items() | came.items() <= line.items()
    assert 0 <= line["first_seconds"] <= line["seconds"]


def test_no_line_holds_what_was_asked_or_answered(
    tiny_pipeline: LladaVPipeline, prompt: Prompt, lines: Callable[[], list[dict]], caplog: pytest.LogCaptureFixture
):
    *_, last = create_decoder(tiny_pipeline)(prompt, CONFIG)
    numbers = (int, float, type(None))
    assert {name for name, value in lines()[0].items() if not isinstance(value, numbers)} == {"kind", "finish"}
    assert not [word for word in (*SECRET.split(), prompt.image_hashes[0], last.text) if word in caplog.text]


def test_a_run_that_is_left_and_one_that_fails(
    tiny_pipeline: LladaVPipeline, prompt: Prompt, lines: Callable[[], list[dict]], monkeypatch: pytest.MonkeyPatch
):
    decode = create_decoder(tiny_pipeline)
    run = decode(prompt, CONFIG)
    next(run), next(run)
    run.close()

    def fail(*_: Any, **__: Any) -> None:
        raise torch.OutOfMemoryError(SECRET)

    monkeypatch.setattr(tiny_pipeline.model, "forward", fail)
    with pytest.raises(torch.OutOfMemoryError):
        list(decode(prompt, CONFIG))
    left, failed = lines()
    assert (left["finish"], left["states"]) == (LEFT, 2)
    assert failed["finish"] == "OutOfMemoryError"


def test_both_sides_of_a_comparison_are_runs(
    tiny_pipeline: LladaVPipeline, prompt: Prompt, lines: Callable[[], list[dict]]
):
    list(create_turns_decoder(lambda _: tiny_pipeline)([("a", prompt, CONFIG)] * 2, False))
    assert [line["kind"] for line in lines()] == ["compare"] * 2
    assert [line["states"] for line in lines()] == [5, 5]


def test_the_overview_is_there_only_where_it_was_asked_for(tiny_pipeline: LladaVPipeline, prompt: Prompt, url: str):
    list(create_decoder(tiny_pipeline)(prompt, CONFIG))
    demo = build_app(tiny_pipeline)
    _, address, _ = launch(demo, overviewed=True, prevent_thread_lock=True, quiet=True)
    with urlopen(f"{address}debug") as answer:
        shown = json.loads(answer.read())
    demo.close()
    assert shown["runs"][-1]["prompt_tokens"] == prompt.length == JOURNAL.runs[-1].prompt_tokens
    assert shown["megabytes"] > 50
    assert shown["queue"] == {"waiting": 0, "running": 0}
    assert shown["versions"]["gradio"]
    with pytest.raises(HTTPError, match="404"):
        urlopen(f"{url}debug")

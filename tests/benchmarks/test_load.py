"""Many visitors at once, on the embedded model."""

import os

import pytest
from helpers import held

from lladav import LladaVPipeline
from lladav.benchmarks import load as benchmark
from lladav.benchmarks.load import Outcome, load, resident_megabytes
from lladav.benchmarks.visitors import Response


def test_answers_under_load_are_those_one_gets_alone(embedded: str):
    outcome = load(embedded, clients=4, seconds=4, process=os.getpid())
    assert outcome.completed >= 4
    assert (outcome.hung, outcome.wrong, outcome.refused) == (0, 0, 0)
    assert outcome.left > 0
    figures = outcome.figures()
    assert 0 < figures["first_frame_p50"] <= figures["latency_p50"]
    assert figures["rss_start_mb"] > 50
    assert len(outcome.latencies) == outcome.completed


def test_another_answer_than_alone_is_counted(tiny_pipeline: LladaVPipeline, url: str, monkeypatch: pytest.MonkeyPatch):
    """A server whose answers change: the model is broken once the answers that one gets alone are known."""
    calls = iter(range(10**6))

    async def ask(self, question, states=None):
        return Response(f"{next(calls)}", 0.1, 0.2, finished=True)

    monkeypatch.setattr(benchmark.Visitor, "ask", ask)
    monkeypatch.setattr(benchmark, "PAUSE", (0.1, 0.1))
    outcome = load(url, clients=2, seconds=0.5)
    assert outcome.wrong == outcome.completed > 0


def test_what_is_never_answered_is_counted(tiny_pipeline: LladaVPipeline, url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(benchmark, "ASKED", [("What is this?", "frog", 8, 8)])
    alone = load(url, clients=1, seconds=0.01)
    assert alone.completed + alone.left == 1
    monkeypatch.setattr(benchmark, "PATIENCE", 3)
    monkeypatch.setattr(benchmark, "BROWSERS", 0)  # whose Stop waits for the step that goes on
    passes = 2 * 8  # those of the answer that one gets alone, and as many of the first visitor's
    with held(tiny_pipeline, steps=passes):
        outcome = load(url, clients=3, seconds=0.5)
    assert outcome.hung >= 1


def test_memory_of_a_process():
    assert 50 < resident_megabytes(os.getpid()) < 20_000


def test_figures_of_nothing():
    figures = Outcome(clients=3, seconds=5).figures()
    assert figures["completed"] == 0
    assert figures["first_frame_p50"] is None
    assert figures["rss_end_mb"] is None

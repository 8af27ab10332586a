"""Runs that are left in the middle, by programs and on the page: the model stops, and nothing of them stays."""

import asyncio
import gc
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from helpers import awaited, served, until, until_idle

from lladav import LladaVPipeline, SamplingStep
from lladav.benchmarks.visitors import Browser, Program, Request, Visitor, read_page

BY_PROGRAMS, ON_THE_PAGE = 200, 50
CLIENTS = 4  # of which half wait in line
LATEST = 4  # states of an answer after which it is left
SOON = 2  # steps that a model may still take
QUESTION = Request("What is this?", None, gen_length=16, steps=16)


@dataclass
class Run:
    """What a run has done.

    Attributes:
        steps: that it has taken.
        ended: whether its generator is closed.
    """

    steps: int = 0
    ended: bool = False


@pytest.fixture(scope="module")
def runs(tiny_pipeline: LladaVPipeline) -> Iterator[dict[int | None, Run]]:
    """All runs of the model, by their seeds."""
    runs: dict[int | None, Run] = {}
    stream = tiny_pipeline.stream

    def watched(prompt: Any, config: Any, *others: Any, **options: Any) -> Iterator[SamplingStep]:
        run = runs[config.seed] = Run()
        try:
            for step in stream(prompt, config, *others, **options):
                run.steps += 1
                yield step
        finally:
            run.ended = True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiny_pipeline, "stream", watched)
        yield runs


@pytest.fixture(scope="module")
def address(tiny_pipeline: LladaVPipeline, runs: dict[int | None, Run]) -> Iterator[str]:
    with served(tiny_pipeline) as url:
        yield url


def leave(address: str, runs: dict[int | None, Run], kind: Callable[..., Visitor], seeds: range) -> dict[int, int]:
    """Ask as often as there are seeds, a few at a time, leave every answer somewhere, and ask once more to the end.

    Returns the steps that each run had taken when it was left, by seed.
    """
    taken: dict[int, int] = {}

    async def visit(visitor: Visitor, mine: range) -> None:
        for seed in mine:
            moment = random.Random(seed).randint(1, LATEST)
            await visitor.ask(replace(QUESTION, seed=seed), moment)
            taken[seed] = runs[seed].steps if seed in runs else 0  # a run may be left before the model begins

    async def all_of_them() -> None:
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            page = await read_page(client)
            await asyncio.gather(*(visit(kind(client, page), seeds[n::CLIENTS]) for n in range(CLIENTS)))
            assert (await kind(client, page).ask(replace(QUESTION, seed=seeds.stop))).finished

    awaited(all_of_them())
    return taken


def hangs_up(client: httpx.AsyncClient, page: dict[str, Any]) -> Program:
    return Program(client)


@pytest.mark.parametrize(
    ("kind", "seeds"),
    [
        pytest.param(Program, range(BY_PROGRAMS // 2), id="cancelled by programs"),
        pytest.param(hangs_up, range(1000, 1000 + BY_PROGRAMS // 2), id="programs that hang up"),
        pytest.param(Browser, range(2000, 2000 + ON_THE_PAGE), id="stopped on the page"),
    ],
)
def test_a_run_that_is_left_stops_soon_and_leaves_nothing(
    address: str, runs: dict[int | None, Run], kind: Callable[..., Visitor], seeds: range
):
    leave(address, runs, kind, range(seeds.start + 500, seeds.start + 500 + CLIENTS))  # all threads are there now
    threads = threading.active_count()
    taken = leave(address, runs, kind, seeds)
    until_idle(address)
    until(lambda: all(run.ended for run in runs.values()))
    late = {seed: runs[seed].steps - steps for seed, steps in taken.items() if seed in runs}
    assert max(late.values()) <= SOON, late
    assert sum(runs[seed].steps < QUESTION.steps for seed in late) > len(taken) / 2, "most were left in the middle"
    assert threading.active_count() <= threads + CLIENTS, "a thread that a run keeps would be one for each"
    gc.collect()
    assert not [one for one in gc.get_objects() if type(one).__name__ == "generator" and one.__name__ == "watched"]

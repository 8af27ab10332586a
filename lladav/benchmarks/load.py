"""Many visitors at once: whether each gets the answer that it would get alone, and what that costs the server."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import httpx

from lladav.assets import asset
from lladav.benchmarks.visitors import Browser, Program, RefusedRequest, Request, Response, Visitor, read_page

PATIENCE = 120  # seconds without an answer, after which a question counts as hung
PAUSE = (0.5, 2.0)  # seconds between two questions of a visitor, and before a refused one is asked again
BROWSERS = 0.25  # the share of visitors that use the page's own events
LEAVES = 0.3  # the share of questions that are given up: a program hangs up, a browser presses Stop
SETTLED = 60  # seconds after which the server's memory is that of the start; a fifth of all where that is less
SAMPLES = 120  # of the server's memory, over the whole time
ASKED = [  # what is asked, about which example, tokens and steps
    ("What is this?", "frog", 8, 8),
    ("How many cats are there?", "cats", 16, 16),
    ("Where is the robot?", "space", 16, 8),
    ("Describe the picture.", "picnic", 48, 24),
    ("Describe the picture in detail.", "picnic", 64, 32),
]


@dataclass
class Outcome:
    """What came of all questions.

    Attributes:
        clients: visitors at once.
        seconds: for how long they asked.
        completed, refused, left, hung, wrong: questions that were answered to the end, refused in a sentence, given up
            by the visitor, not answered in `PATIENCE` seconds, and answered otherwise than alone.
        first_frames, latencies: seconds until the first state and until the end, of those that were completed.
        memory: (seconds since the start, megabytes) of the server.
        sentences: with which questions were refused.
    """

    clients: int
    seconds: float
    completed: int = 0
    refused: int = 0
    left: int = 0
    hung: int = 0
    wrong: int = 0
    first_frames: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)
    sentences: set[str] = field(default_factory=set)

    def figures(self) -> dict[str, Any]:
        """The outcome in figures."""
        counts = {name: value for name, value in asdict(self).items() if isinstance(value, int | float)}
        start = min(SETTLED, self.seconds / 5)
        settled = next((megabytes for moment, megabytes in self.memory if moment >= start), None)
        return counts | {
            "first_frame_p50": _percentile(self.first_frames, 50),
            "first_frame_p95": _percentile(self.first_frames, 95),
            "latency_p50": _percentile(self.latencies, 50),
            "latency_p95": _percentile(self.latencies, 95),
            "rss_start_mb": settled,
            "rss_end_mb": self.memory[-1][1] if self.memory else None,
        }


def _percentile(values: Sequence[float], percent: int) -> float | None:
    if len(values) < 2:
        return round(values[0], 3) if values else None
    return round(median(values) if percent == 50 else quantiles(values, n=100)[percent - 1], 3)


def load(
    url: str, clients: int, seconds: float, process: int | None = None, progress: Callable[[float], None] | None = None
) -> Outcome:
    """Let visitors ask a page for a while, mixed lengths, some of them leaving in the middle of an answer.

    Args:
        url: of the page.
        clients: visitors at once.
        seconds: for how long they ask; what they have asked by then is still answered.
        process: of the server, to watch its memory.
        progress: called with the seconds that have passed.
    """
    # In a thread of its own, for the caller's may have an event loop already, as that of a notebook has.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(lambda: asyncio.run(_Load(url, clients, seconds, process, progress).run())).result()


class _Load:
    def __init__(
        self, url: str, clients: int, seconds: float, process: int | None, progress: Callable[[float], None] | None
    ):
        self.url, self.process, self.progress = url, process, progress
        self.outcome = Outcome(clients, seconds)
        self.questions = [
            Request(text, (asset("examples") / f"{name}.png").read_bytes(), length, steps)
            for text, name, length, steps in ASKED
        ]
        self.alone: list[str] = []

    async def run(self) -> Outcome:
        # A connection must not be used again in the moment in which the server, after five seconds, closes it.
        limits = httpx.Limits(max_connections=None, keepalive_expiry=1)
        async with httpx.AsyncClient(base_url=self.url, timeout=None, limits=limits) as client:
            page = await read_page(client)
            self.alone = [(await Program(client).ask(question)).text for question in self.questions]
            self.start = time.perf_counter()
            browsers = round(self.outcome.clients * BROWSERS)
            visitors = [Browser(client, page) if n < browsers else Program(client) for n in range(self.outcome.clients)]
            watch = asyncio.create_task(self._watch())
            await asyncio.gather(*(self._visit(visitor, random.Random(n)) for n, visitor in enumerate(visitors)))
            watch.cancel()
            self._note_memory()
        return self.outcome

    @property
    def passed(self) -> float:
        return time.perf_counter() - self.start

    async def _visit(self, visitor: Visitor, draw: random.Random) -> None:
        while self.passed < self.outcome.seconds:
            index = draw.randrange(len(self.questions))
            states = draw.randint(1, self.questions[index].steps // 2) if draw.random() < LEAVES else None
            try:
                async with asyncio.timeout(PATIENCE):
                    self._count(index, await visitor.ask(self.questions[index], states))
            except RefusedRequest as refusal:
                self.outcome.refused += 1
                self.outcome.sentences.add(str(refusal))
            except TimeoutError:
                self.outcome.hung += 1
            await asyncio.sleep(draw.uniform(*PAUSE))

    def _count(self, index: int, answer: Response) -> None:
        outcome = self.outcome
        if not answer.finished:
            outcome.left += 1
            return
        outcome.completed += 1
        outcome.wrong += answer.text != self.alone[index]
        outcome.latencies.append(answer.seconds)
        assert answer.first is not None
        outcome.first_frames.append(answer.first)

    async def _watch(self) -> None:
        while True:
            self._note_memory()
            if self.progress:
                self.progress(self.passed)
            await asyncio.sleep(self.outcome.seconds / SAMPLES)

    def _note_memory(self) -> None:
        if self.process is not None:
            self.outcome.memory.append((self.passed, resident_megabytes(self.process)))


def resident_megabytes(process: int) -> float:
    """Memory that a process holds, in 10^6 bytes; Linux says so in `/proc`."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) * 1024 / 1e6, 1)
    raise ValueError(f"process must be one that is running, got {process}")

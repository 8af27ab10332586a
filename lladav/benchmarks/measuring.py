"""The modes, and running them a step of each in turn."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from statistics import median

import torch
from torch import Tensor
from tqdm.auto import tqdm

from lladav.benchmarks.plain import plain_generation, plain_loop
from lladav.benchmarks.subjects import Subject, quantized
from lladav.quantization import QUANTIZATIONS
from lladav.sampling import METHODS, SamplingConfig, sample, sample_batch

TRUSTED = 0.9  # the threshold for a model that was trained
SLOW, FAST = 4, 32  # refresh intervals


@dataclass(frozen=True)
class Mode:
    """A way of sampling the same answer.

    Attributes:
        name: "plain", "exact", "refresh-4", ...
        steps: starts a run, which yields the answer, ids of shape (G,), after each step.
        refresh_interval: the prompt is run every that many steps.
        weights: bytes that the model's weights take.
        most_steps: a bound on the steps of a run.
    """

    name: str
    steps: Callable[[], Iterator[Tensor]]
    refresh_interval: int = 1
    weights: int = 0
    most_steps: int = 0


def average(full: float, cached: float | None, refresh_interval: int) -> float:
    """What a step takes over a long run, in which one of `refresh_interval` is a full one."""
    return full if cached is None else (full + (refresh_interval - 1) * cached) / refresh_interval


@dataclass
class Run:
    """What runs of a mode showed: its answer, the seconds of each step of each run, and its peak of memory in bytes."""

    mode: Mode
    answer: Tensor = field(default_factory=lambda: torch.empty(0))
    seconds: list[list[float]] = field(default_factory=list)
    peak_memory: int = 0

    @property
    def nfe(self) -> int:
        return len(self.seconds[0])

    @property
    def tokens_per_forward(self) -> float:
        return len(self.answer) / self.nfe

    @property
    def full(self) -> float:
        """Seconds of a step that runs the prompt, the median."""
        return median(second for run in self.seconds for second in run[:: self.mode.refresh_interval])

    @property
    def cached(self) -> float | None:
        """Seconds of a step that does not run the prompt, the median; None where there was no such step."""
        interval = self.mode.refresh_interval
        steps = [second for run in self.seconds for index, second in enumerate(run) if index % interval]
        return median(steps) if steps else None

    @property
    def seconds_per_step(self) -> float:
        return average(self.full, self.cached, self.mode.refresh_interval)


def exact_config(gen_length: int, steps: int) -> SamplingConfig:
    """One block and no stop, so that every mode fills the whole answer."""
    return SamplingConfig(gen_length=gen_length, block_length=gen_length, steps=steps, stop=())


def make_mode(name: str, subject: Subject, config: SamplingConfig, compiled: bool = False) -> Mode:
    """Our loop under `config`."""

    def steps() -> Iterator[Tensor]:
        run = sample(subject.model, {"inputs_embeds": subject.prompt}, config, subject.tokenizer, compiled)
        next(run)  # the canvas, before any forward pass
        return (step.tokens for step in run)

    weights = subject.model.get_memory_footprint()
    return Mode(name, steps, config.refresh_interval or 1, weights, config.most_steps)


def plain_mode(subject: Subject, config: SamplingConfig) -> Mode:
    """What ours is measured against."""
    loop = plain_generation if subject.model.config.is_causal else plain_loop
    steps = partial(loop, subject.model, subject.prompt, config)
    return Mode("plain", steps, weights=subject.model.get_memory_footprint())


def make_modes(subject: Subject, config: SamplingConfig) -> list[Mode]:
    """The plain loop, exact mode and, but for a causal model, whose cache is exact, the modes with a cache."""
    if subject.model.config.is_causal:
        exact = make_mode("exact", subject, config)
        return [plain_mode(subject, config), replace(exact, refresh_interval=config.gen_length)]
    cached = [replace(config, refresh_interval=interval) for interval in (SLOW, FAST)]
    return [
        plain_mode(subject, config),
        make_mode("exact", subject, config),
        *(make_mode(f"refresh-{each.refresh_interval}", subject, each) for each in cached),
    ]


def parallel_modes(subject: Subject, config: SamplingConfig, threshold: float) -> list[Mode]:
    """The modes that commit what the model is sure of before its time; a causal model has none."""
    if subject.model.config.is_causal:
        return []
    fast = replace(config, refresh_interval=FAST)
    return [
        make_mode(f"refresh-{FAST}+factor", subject, replace(fast, factor=1.0)),
        make_mode(f"refresh-{FAST}+threshold", subject, replace(fast, threshold=threshold)),
    ]


def method_modes(subject: Subject, config: SamplingConfig) -> list[Mode]:
    """A mode for every named method that fills an answer of a given length; a causal model has none.

    DAEDAL chooses the length itself. AdaBlock looks for delimiters, which random weights have none of.
    """
    if subject.model.config.is_causal:
        return []
    names = [name for name, method in METHODS.items() if "start_length" not in method.settings and name != "exact"]
    if subject.tokenizer is None:
        names = [name for name in names if "delimiters" not in METHODS[name].settings]
    settings = {"gen_length": config.gen_length, "stop": config.stop}
    return [make_mode(name, subject, SamplingConfig.method(name, **settings)) for name in names]


def batched_modes(subject: Subject, config: SamplingConfig) -> list[Mode]:
    """Exact mode of two answers at once, of which a step counts for both; a causal model has none."""
    if subject.model.config.is_causal:
        return []

    def steps() -> Iterator[Tensor]:
        run = sample_batch(subject.model, [{"inputs_embeds": subject.prompt}] * 2, config)
        next(run)
        return (first.tokens for first, _ in run)

    return [Mode("two at once", steps, weights=subject.model.get_memory_footprint())]


def compiled_modes(subject: Subject, config: SamplingConfig) -> list[Mode]:
    """The mode whose steps between refreshes are recorded; a causal model has none."""
    if subject.model.config.is_causal:
        return []
    fast = replace(config, refresh_interval=FAST)
    return [make_mode(f"refresh-{FAST}+compiled", subject, fast, compiled=True)]


def quantized_modes(subject: Subject, config: SamplingConfig) -> list[Mode]:
    """Exact mode of the same weights in fewer bits."""
    return [make_mode(name, quantized(subject, name), config) for name in QUANTIZATIONS]


def choose_threshold(subject: Subject, config: SamplingConfig) -> float:
    """`TRUSTED`, or for random weights one at which three steps in four commit twice what the schedule asks for."""
    if not subject.is_random:
        return TRUSTED
    wanted, found = 2 * max(1, config.gen_length // config.steps), []
    run = sample(subject.model, {"inputs_embeds": subject.prompt}, replace(config, refresh_interval=FAST))
    for before, after in pairwise(tqdm(run, "threshold", config.steps + 1, leave=False)):
        confidence = after.confidence[before.mask_index].sort(descending=True).values
        found.append(confidence[min(wanted, len(confidence)) - 1])
    return torch.stack(found).quantile(0.25).item()


def measure_modes(modes: Sequence[Mode], steps: int, repetitions: int) -> list[Run]:
    """Run every mode alone for two steps, which warms it up and shows its memory, then all of them in turn."""
    runs = [Run(mode, peak_memory=peak_memory(mode)) for mode in tqdm(modes, "memory", leave=False)]
    for _ in range(repetitions):
        run_in_turns(runs, steps)
    return runs


def run_in_turns(runs: Sequence[Run], count: int) -> None:
    """Run the first `count` steps of every mode, one of each in turn, so that all have the same conditions."""
    pending = [(run, run.mode.steps()) for run in runs]
    for run in runs:
        run.seconds.append([])
    for _ in tqdm(range(count), "steps", leave=False):
        for run, steps in pending:
            start = now()
            answer = next(steps, None)
            if answer is not None:  # a mode that commits in parallel is done sooner
                run.seconds[-1].append(now() - start)
                run.answer = answer.cpu()


def now() -> float:
    """The time, once a GPU has done what it was told to."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


def peak_memory(mode: Mode) -> int:
    """The most memory in bytes that a full and a cached step take, weights included: of the GPU, else of the process.

    Where the system cannot be told to forget an earlier peak (Linux can), that one stands.
    """
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    elif (forget := Path("/proc/self/clear_refs")).exists():
        forget.write_text("5")
    for _ in islice(mode.steps(), 2):
        pass
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    import resource  # not there on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

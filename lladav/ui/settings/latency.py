"""What a run will take: how quickly forward passes have been, and how many of them answers have needed.

The seconds of a pass are a line over the positions it runs: the prompt and the answer where the prompt is read, the
answer alone where its keys and values are kept. Every finished run moves that line to what it took itself.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

from spaces.config import Config

from lladav.pipeline import LladaVPipeline, Messages
from lladav.sampling import SamplingConfig, method_of
from lladav.trace import Trace
from lladav.ui.texts import said

TOKENS_WHEN_SURE = 3  # that a pass commits where the method says how many, until a run has shown it
WARM_UPS = (  # one long enough to measure, then one as visitors ask for it
    SamplingConfig(gen_length=16, block_length=16, steps=16, refresh_interval=4, stop=()),
    SamplingConfig(gen_length=24, block_length=24, steps=24),
)
LARGEST_WARM_UP = 1e9  # parameters; a larger model would keep the page from opening


@dataclass(frozen=True)
class Latency:
    """How quickly a model answers, as far as its runs have shown.

    Attributes:
        fixed: seconds of a forward pass, however short.
        per_position: seconds of a forward pass for each position that it runs.
        startup: seconds that a run took beside its passes: reading the prompt and its pictures.
        prompt_length: positions of the last prompt.
        written: tokens that had been committed when the last answer was complete; infinite where that was all of them.
        taken: passes of the last run with each method that says itself how many tokens a pass commits.
    """

    fixed: float
    per_position: float
    startup: float = 0.0
    prompt_length: int = 0
    written: float = math.inf
    taken: dict[str | None, int] = field(default_factory=dict)

    def seconds(self, sizes: Sequence[int]) -> float:
        """What passes over so many positions each take together."""
        return len(sizes) * self.fixed + sum(sizes) * self.per_position

    def passes(self, config: SamplingConfig) -> int:
        """How many forward passes a run will need for an answer like the last."""
        written = min(self.written, config.gen_length)
        if keeps_its_schedule(config):
            expected = written * config.steps / config.gen_length
        else:
            expected = self.taken.get(method_of(config)) or written / TOKENS_WHEN_SURE
        return min(config.most_steps, max(1, round(expected)))

    def forecast(self, config: SamplingConfig) -> float:
        """How many seconds that run will take."""
        return self.startup + self.seconds(pass_sizes(config, self.passes(config), self.prompt_length))


def keeps_its_schedule(config: SamplingConfig) -> bool:
    """Whether each step commits as many tokens as the schedule says, in whatever order."""
    return method_of(replace(config, remasking=SamplingConfig.remasking)) == "exact"


def pass_sizes(config: SamplingConfig, count: int, prompt_length: int) -> list[int]:
    """How many positions each of the first `count` passes of a run takes; guidance runs them twice. Passes
    that run only what has moved count as whole ones."""
    interval, length, width = config.refresh_interval or 1, config.gen_length, 2 if config.cfg_scale > 0 else 1
    return [width * (length if index % interval else prompt_length + length) for index in range(count)]


def observe(trace: Trace | None, known: Latency | None) -> Latency | None:
    """What is known after a run, of which nothing is learnt if it was broken off or had nothing to fill in."""
    return learn(trace, known) if trace and trace.steps and trace.finish_reason else known


def learn(trace: Trace, known: Latency | None) -> Latency:
    """What a finished run says of the latency, beside what was known. Passes that run what has moved are of any size,
    and say little."""
    config, count = trace.config, len(trace.steps)
    sizes = pass_sizes(config, count, trace.prompt_length)
    durations = [after - before for before, after in pairwise(trace.seconds)]
    latency = known if known and config.drift_threshold is not None else _line(sizes, durations, known)
    startup = max(0.0, trace.seconds[1] - latency.seconds(sizes[:1]))
    latency = replace(latency, startup=startup, prompt_length=trace.prompt_length)
    if config.template is not None:  # how much an edit fills says nothing of the next answer
        return latency
    if not keeps_its_schedule(config):
        return replace(latency, taken=latency.taken | {method_of(config): count})
    committed = sum(len(step.transfer_index) for step in trace.steps)
    return replace(latency, written=math.inf if committed == config.gen_length else committed)


def _line(sizes: Sequence[int], durations: Sequence[float], known: Latency | None) -> Latency:
    """The line through the passes of a run; the first one, which also reads the pictures, counts only if it is alone.

    Passes of one size alone tell no line: they shift the one that is known, or go through the origin.
    """
    by_size: dict[int, list[float]] = {}
    for size, duration in list(zip(sizes, durations, strict=True))[1:] or [(sizes[0], durations[0])]:
        by_size.setdefault(size, []).append(duration)
    (short, quick), *others = sorted((size, median(measured)) for size, measured in by_size.items())
    if others:
        ((long, slow),) = others
        slope = max(0.0, (slow - quick) / (long - short))
        fixed = max(0.0, quick - slope * short)
        return replace(known or Latency(0, 0), fixed=fixed, per_position=slope)
    if known is None:
        return Latency(fixed=0.0, per_position=quick / short)
    if len(sizes) == 1:
        return known
    change = quick / known.seconds([short])
    return replace(known, fixed=known.fixed * change, per_position=known.per_position * change)


def measure_answer(pipe: LladaVPipeline, messages: Messages) -> Latency | None:
    """How quickly this machine answers `messages`, from a short run and a usual one; None where a GPU is lent to
    visitors only, and for a model too large to try out first."""
    if Config.zero_gpu or sum(parameter.numel() for parameter in pipe.model.parameters()) > LARGEST_WARM_UP:
        return None
    prompt, latency = pipe.prepare(messages), None
    for config in WARM_UPS:
        latency = learn(pipe(prompt, config).trace, latency)
    return latency


def in_words(config: SamplingConfig, latency: Latency | None) -> str:
    """What a run will take."""
    most = config.most_steps
    passes = said("said.passes_many", most=most) if most > 1 else said("said.passes_one")
    if keeps_its_schedule(config):
        rate = config.gen_length / config.steps
        passes = said("said.passes_single" if rate == 1 else "said.passes_rate", passes=passes, rate=f"{rate:.3g}")
    if config.cfg_scale > 0:
        passes = said("said.passes_wide", passes=passes)
    if latency is None:
        return said("said.cost_unknown", passes=passes)
    expected, seconds = latency.passes(config), _duration(latency.forecast(config))
    if expected == most:
        return said("said.cost", passes=passes, seconds=seconds)
    return said("said.cost_less", passes=passes, expected=expected, seconds=seconds)


def _duration(seconds: float) -> str:
    if seconds < 0.995:
        return f"{max(10, round(seconds * 100) * 10)} ms"
    return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"

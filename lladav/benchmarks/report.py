"""The figures of a bench: a table, sentences, JSON."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from lladav.benchmarks.machine import Machine, ratio_to_floor
from lladav.benchmarks.measuring import Run
from lladav.benchmarks.subjects import Subject
from lladav.evaluation.tables import markdown_table


@dataclass(frozen=True)
class Row:
    """A mode in the table.

    Attributes:
        mode: its name.
        seconds_per_step: an average step over a long run, in which one of `refresh_interval` runs the prompt.
        full_step_seconds: one that runs the prompt.
        cached_step_seconds: one that does not, or None.
        ratio_to_plain: how many times sooner than the plain loop it has written as many tokens.
        tokens_per_forward: tokens committed by a forward pass.
        agreement: the share of the answer's tokens that are those of exact mode.
        seconds: the whole answer, from the embedded prompt on.
        nfe: forward passes.
        weights_gb: what the model's weights take, in 10^9 bytes.
        peak_memory_gb: in 10^9 bytes, weights included, those of every model that was loaded.
        ratio_to_floor: how many times the least that the machine must take an average step takes.
    """

    mode: str
    seconds_per_step: float
    full_step_seconds: float
    cached_step_seconds: float | None
    ratio_to_plain: float
    tokens_per_forward: float
    agreement: float
    seconds: float
    nfe: int
    weights_gb: float
    peak_memory_gb: float
    ratio_to_floor: float


def make_rows(subject: Subject, machine: Machine, runs: Sequence[Run]) -> list[Row]:
    """Compare the modes, of which the plain loop is the first and exact mode the second."""
    plain, exact, *_ = runs
    return [
        Row(
            mode=run.mode.name,
            seconds_per_step=run.seconds_per_step,
            full_step_seconds=run.full,
            cached_step_seconds=run.cached,
            ratio_to_plain=seconds_per_token(plain) / seconds_per_token(run),
            tokens_per_forward=run.tokens_per_forward,
            agreement=(run.answer == exact.answer).double().mean().item(),
            seconds=median(map(sum, run.seconds)),
            nfe=run.nfe,
            weights_gb=run.mode.weights / 1e9,
            peak_memory_gb=run.peak_memory / 1e9,
            ratio_to_floor=ratio_to_floor(subject, machine, run),
        )
        for run in runs
    ]


def seconds_per_token(run: Run) -> float:
    return run.seconds_per_step / run.tokens_per_forward


def milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{1000 * seconds:.1f}"


COLUMNS: dict[str, Callable[[Row], str]] = {
    "mode": lambda row: row.mode,
    "ms a step": lambda row: milliseconds(row.seconds_per_step),
    "full": lambda row: milliseconds(row.full_step_seconds),
    "cached": lambda row: milliseconds(row.cached_step_seconds),
    "× plain": lambda row: f"{row.ratio_to_plain:.1f}",
    "tokens a pass": lambda row: f"{row.tokens_per_forward:.2f}",
    "agreement": lambda row: f"{row.agreement:.1%}",
    "s": lambda row: f"{row.seconds:.2f}",
    "GB weights": lambda row: f"{row.weights_gb:.2f}",
    "GB peak": lambda row: f"{row.peak_memory_gb:.2f}",
    "× floor": lambda row: f"{row.ratio_to_floor:.2f}",
}
LEGEND = """\
ms a step: of a long run; full: with the prompt, cached: without. × plain: how many times sooner than the plain loop
the answer is there. tokens a pass: committed by a forward pass. agreement: with the answer of exact mode.
s: the whole answer. GB peak: weights included. × floor: of the machine's own copying and multiplying."""


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown."""
    return markdown_table([*COLUMNS], [[show(row) for show in COLUMNS.values()] for row in rows])


def describe(subject: Subject, machine: Machine, rows: Sequence[Row]) -> str:
    """Sentences about model and machine."""
    model, exact = subject.model, next(row for row in rows if row.mode == "exact")
    return (
        f"{subject.name}: {model.num_parameters() / 1e6:.1f} M parameters, {dtype_name(subject)}, on {model.device}; "
        f"{subject.prompt.shape[1]} tokens of prompt, {subject.gen_length} of answer.\n"
        f"{'Built' if subject.is_random else 'Loaded'} in {subject.load_seconds:.1f} s. An exact step takes "
        f"{milliseconds(exact.seconds_per_step)} ms; peak memory {exact.peak_memory_gb:.2f} GB.\n"
        f"The machine copies {machine.bandwidth / 1e9:.1f} GB/s and multiplies {machine.rate / 1e12:.2f} TFLOP/s."
    )


def note(subject: Subject, threshold: float) -> str:
    """What to know about the rows that commit in parallel."""
    if not subject.is_random:
        return f"The threshold is {threshold}."
    return (
        f"Random weights are never sure: factor commits next to nothing early, the threshold of {threshold:.3f} was\n"
        "chosen so that most steps commit twice the schedule's tokens, and a cache may change any token."
    )


def dtype_name(subject: Subject) -> str:
    return str(subject.model.dtype).removeprefix("torch.")


def measurements(subject: Subject, machine: Machine, rows: Sequence[Row]) -> dict[str, Any]:
    """Everything that was measured, for `json.dumps`."""
    return {
        "model": subject.name,
        "device": str(subject.model.device),
        "dtype": dtype_name(subject),
        "load_seconds": subject.load_seconds,
        "prompt_length": subject.prompt.shape[1],
        "gen_length": subject.gen_length,
        "machine": asdict(machine),
        "rows": [asdict(row) for row in rows],
    }

"""What repeated data does: the same steps on fewer and fewer conversations, which come the more often."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean

from matplotlib import pyplot

from lladav.evaluation.plots import LINE_COLORS, OBJECTIVE_NAMES
from lladav.evaluation.tables import markdown_table
from lladav.training.report import read_records
from lladav.training.train import OBJECTIVES, TrainingConfig, train

SEEDS = (0, 1)
EPOCHS = (1, 4, 16, 64)
MARKERS = {"masked": "o", "autoregressive": "s"}
WHERE = {"held_out_loss": "held out", "loss": "learnt from"}


@dataclass(frozen=True)
class RepeatedRun:
    """What a run came to: the loss at its end on what it learnt from, and on scenes held out, in nats a token (of
    masked diffusion the bound)."""

    objective: str
    epochs: int
    seed: int
    loss: float
    held_out_loss: float


def run_repeated(config: TrainingConfig) -> str:
    """Train both objectives for every number of epochs and on every seed, and return a table of what they come to.

    Args:
        config: `scale` and `output` count: repeated.json and repeated.png are written there. Runs of a seed share a
            folder, and what comes before they part; what is interrupted goes on.
    """
    outcomes = [
        _outcome(replace(config, objective=objective, epochs=epochs, seed=seed, output=config.output / f"seed-{seed}"))
        for seed in SEEDS
        for epochs in EPOCHS
        for objective in OBJECTIVES
    ]
    (config.output / "repeated.json").write_text(json.dumps([asdict(each) for each in outcomes], indent=1) + "\n")
    plot_repeated(outcomes, config.output / "repeated.png")
    return repeated_table(outcomes)


def _outcome(config: TrainingConfig) -> RepeatedRun:
    *_, last, held_out = read_records(train(config) / "log.jsonl")
    return RepeatedRun(config.objective, config.epochs, config.seed, last["loss"], held_out["held_out_loss"])


def repeated_table(outcomes: Sequence[RepeatedRun]) -> str:
    """The means over seeds as a table: a line for every number of epochs."""
    columns = [(objective, figure) for objective in OBJECTIVES for figure in WHERE]
    header = ["epochs", *(f"{OBJECTIVE_NAMES[objective]}, {WHERE[figure]}" for objective, figure in columns)]
    means = [_means(outcomes, *column) for column in columns]
    rows = [[str(epochs), *(f"{column[epochs]:.3f}" for column in means)] for epochs in means[0]]
    return markdown_table(header, rows)


def plot_repeated(outcomes: Sequence[RepeatedRun], picture: Path) -> None:
    """Draw the losses over the number of epochs as a PNG: lines are means over seeds, marks are runs."""
    drawn, panel = pyplot.subplots(figsize=(6.4, 4), layout="constrained")
    for objective in OBJECTIVES:
        color = LINE_COLORS[objective]
        for (figure, where), style in zip(WHERE.items(), ("-", ":"), strict=True):
            means = _means(outcomes, objective, figure)
            panel.plot(
                list(means), list(means.values()), style, color=color, label=f"{OBJECTIVE_NAMES[objective]}, {where}"
            )
            for each in outcomes:
                if each.objective == objective:
                    panel.plot(each.epochs, getattr(each, figure), MARKERS[objective], color=color, markersize=5)
    panel.set(xscale="log", yscale="log", ylabel="loss, nats a token")
    panel.set_xlabel("how often the same conversations are seen, at equal steps")
    ticks = sorted({each.epochs for each in outcomes})
    panel.set_xticks(ticks, [str(tick) for tick in ticks])
    panel.minorticks_off()
    panel.grid(alpha=0.25)
    panel.legend(fontsize=8)
    drawn.savefig(picture, dpi=130)
    pyplot.close(drawn)


def _means(outcomes: Sequence[RepeatedRun], objective: str, figure: str) -> dict[int, float]:
    """The mean over seeds of an objective's figure, by the number of epochs."""
    values: dict[int, list[float]] = {}
    for each in outcomes:
        if each.objective == objective:
            values.setdefault(each.epochs, []).append(getattr(each, figure))
    return {epochs: mean(of_seeds) for epochs, of_seeds in sorted(values.items())}

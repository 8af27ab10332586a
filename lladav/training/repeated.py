"""What repeated data does: the same steps on fewer and fewer conversations, which come the more often."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import matplotlib

from lladav.training.train import OBJECTIVES, TrainingConfig, train

matplotlib.use("Agg")
from matplotlib import pyplot

SEEDS = (0, 1)
EPOCHS = (1, 4, 16, 64)
STROKES = {  # of an objective: its name, color and marker
    "masked": ("masked diffusion", "#6d5ae6", "o"),
    "autoregressive": ("left to right", "#d9822b", "s"),
}

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
    lines = [json.loads(line) for line in (train(config) / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    *_, last, held_out = lines
    return RepeatedRun(config.objective, config.epochs, config.seed, last["loss"], held_out["held_out_loss"])


def repeated_table(outcomes: Sequence[RepeatedRun]) -> str:
    """The means over seeds as a table: a line for every number of epochs."""
    columns = [(objective, figure) for objective in OBJECTIVES for figure in ("held_out_loss", "loss")]
    names = [f"{STROKES[objective][0]}, {WHERE[figure]}" for objective, figure in columns]
    lines = [["epochs", *names], ["---"] + ["---:"] * len(names)]
    for epochs in sorted({each.epochs for each in outcomes}):
        means = [
            _mean([each for each in outcomes if each.objective == objective], epochs, figure)
            for objective, figure in columns
        ]
        lines.append([str(epochs), *(f"{value:.3f}" for value in means)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plot_repeated(outcomes: Sequence[RepeatedRun], picture: Path) -> None:
    """Draw the losses over the number of epochs as a PNG: lines are means over seeds, marks are runs."""
    figure, panel = pyplot.subplots(figsize=(6.4, 4), layout="constrained")
    for objective, (name, color, marker) in STROKES.items():
        runs = [each for each in outcomes if each.objective == objective]
        for (figure_name, where), style in zip(WHERE.items(), ("-", ":"), strict=True):
            panel.scatter(
                [each.epochs for each in runs], [getattr(each, figure_name) for each in runs],
                color=color, marker=marker, s=22,
            )  # fmt: skip
            means = {epochs: _mean(runs, epochs, figure_name) for epochs in sorted({each.epochs for each in runs})}
            panel.plot(list(means), list(means.values()), style, color=color, label=f"{name}, {where}")
    panel.set(xscale="log", yscale="log", xlabel="how often the same conversations are seen, at equal steps")
    panel.set_ylabel("loss, nats a token")
    ticks = sorted({each.epochs for each in outcomes})
    panel.set_xticks(ticks, [str(tick) for tick in ticks])
    panel.minorticks_off()
    panel.grid(alpha=0.25)
    panel.legend(fontsize=8)
    figure.savefig(picture, dpi=130)
    pyplot.close(figure)


def _mean(runs: Sequence[RepeatedRun], epochs: int, figure_name: str) -> float:
    values = [getattr(each, figure_name) for each in runs if each.epochs == epochs]
    return sum(values) / len(values)

"""The curve of a training run and the time that it took, from its log."""

import json
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot

COLUMNS = 5
PAUSE = 12  # times what is usual between two lines of a stage: for longer, training stood still


def read_records(log: Path) -> list[dict]:
    """The lines of a log: losses on the way, and at the end of a stage what it came to on scenes held out."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def read_log(log: Path) -> tuple[dict[str, dict[int, float]], dict[str, float]]:
    """The loss of every stage by step, and the hours it took; what was interrupted counts while it ran."""
    losses: dict[str, dict[int, float]] = {}
    times: dict[str, list[float]] = {}
    for record in read_records(log):
        if "loss" in record:
            losses.setdefault(record["stage"], {})[record["step"]] = record["loss"]
            times.setdefault(record["stage"], []).append(record["seconds"])
    return losses, {stage: _hours(marks) for stage, marks in times.items()}


def _hours(marks: list[float]) -> float:
    if len(marks) == 1:  # a stage too short for a second line
        return 0.0
    gaps = np.diff(marks)
    return float(gaps[gaps < PAUSE * np.median(gaps)].sum()) / 3600


def plot_log(log: Path, picture: Path) -> None:
    """Draws the loss of every stage over its steps, one panel a stage, as a PNG."""
    stages, hours = read_log(log)
    columns = min(len(stages), COLUMNS)
    rows = -(-len(stages) // columns)
    figure, grid = pyplot.subplots(rows, columns, figsize=(2.6 * columns, 2.6 * rows), layout="constrained")
    panels = np.atleast_1d(grid).flatten()
    for panel, (stage, points) in zip(panels, stages.items(), strict=False):
        panel.plot(list(points), list(points.values()), color="#6d5ae6", linewidth=1.2)
        panel.set_yscale("log")
        panel.set_title(f"{stage}, {hours[stage]:.1f} h", fontsize=8)
        panel.set_xlabel("step", fontsize=8)
        panel.tick_params(labelsize=7, which="both")
        panel.grid(alpha=0.25, which="both")
    for unused in panels[len(stages) :]:
        unused.remove()
    panels[0].set_ylabel("loss", fontsize=8)
    figure.suptitle(f"{sum(hours.values()):.1f} hours", fontsize=10)
    figure.savefig(picture, dpi=130)
    pyplot.close(figure)

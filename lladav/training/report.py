"""The curve of a training run, from its log."""

import json
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot

COLUMNS = 5


def plot_log(log: Path, picture: Path) -> None:
    """Draws the loss of every stage over its steps, one panel a stage, as a PNG."""
    stages: dict[str, dict[int, float]] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if "loss" in record:
            stages.setdefault(record["stage"], {})[record["step"]] = record["loss"]
    columns = min(len(stages), COLUMNS)
    rows = -(-len(stages) // columns)
    figure, grid = pyplot.subplots(rows, columns, figsize=(2.6 * columns, 2.6 * rows), layout="constrained")
    panels = np.atleast_1d(grid).flatten()
    for panel, (stage, points) in zip(panels, stages.items(), strict=False):
        panel.plot(list(points), list(points.values()), color="#6d5ae6", linewidth=1.2)
        panel.set_yscale("log")
        panel.set_title(stage, fontsize=9)
        panel.set_xlabel("step", fontsize=8)
        panel.tick_params(labelsize=7, which="both")
        panel.grid(alpha=0.25, which="both")
    for unused in panels[len(stages) :]:
        unused.remove()
    panels[0].set_ylabel("loss", fontsize=8)
    figure.savefig(picture, dpi=130)
    pyplot.close(figure)

"""The curve of a training run, from its log."""

import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot


def plot_log(log: Path, picture: Path) -> None:
    """Draws the loss of every stage over the conversations seen, one panel a stage, as a PNG."""
    stages: dict[str, dict[int, float]] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if "loss" in record:
            stages.setdefault(record["stage"], {})[record["step"]] = record["loss"]
    figure, _ = pyplot.subplots(1, len(stages), figsize=(2.6 * len(stages), 2.6), layout="constrained")
    for panel, (stage, points) in zip(figure.axes, stages.items(), strict=True):
        panel.plot(list(points), list(points.values()), color="#6d5ae6", linewidth=1.2)
        panel.set_yscale("log")
        panel.set_title(stage, fontsize=9)
        panel.set_xlabel("step", fontsize=8)
        panel.tick_params(labelsize=7, which="both")
        panel.grid(alpha=0.25, which="both")
    figure.axes[0].set_ylabel("loss", fontsize=8)
    figure.savefig(picture, dpi=130)
    pyplot.close(figure)

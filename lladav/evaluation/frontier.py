"""The figures of a sweep as a picture: accuracy against forward passes with the Pareto front, and what goes with it."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from lladav.evaluation.plots import ALL_PERCENT, FAINT, INK, LINE_COLORS, PANEL, STYLE
from lladav.evaluation.results import answers_table, reliability_bins, sweep_table
from lladav.evaluation.sweep import SweepRun

FRONT, OTHER = LINE_COLORS["masked"], FAINT
MOST_NAMES = 12  # beyond, names would lie on each other, and stand in a panel of their own
MOST_ROWS, MOST_LINES = 40, 6  # in the panel of names, beyond which only the front is named; in the reliability diagram


def labels(table: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    """A name for each combination: its method, or its values with their settings."""
    if list(axes) == ["method"]:
        return [str(value) for value in table["method"]]
    return [
        ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in zip(axes, row, strict=True))
        for row in table[[*axes]].values
    ]


def plot_sweep(run: SweepRun, path: Path, beside: pd.DataFrame | None = None) -> None:
    """Draw a sweep.

    Args:
        beside: rows of what it is compared with, each with a name under "method".

    Raises:
        ValueError: matplotlib knows no such kind of file.
    """
    table, axes = sweep_table(run), [*run.sweep.axes]
    with pyplot.rc_context(STYLE):
        layout = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.15)
        figure, panels = pyplot.subplots(1, 3, figsize=(PANEL[0] * 3, PANEL[1] * 1.2), layout=layout)
        frontier_panel(panels[0], table, axes, "accuracy", beside)
        panels[0].set(title="Right answers", ylabel="right answers")
        if MOST_NAMES < len(table) <= MOST_ROWS:
            names_panel(panels[1], table, axes)
        else:
            frontier_panel(panels[1], table, axes, "agreement")
            panels[1].set(title="Agreement with exact mode", ylabel="answers that are the same")
        reliability_panel(panels[2], answers_table(run), axes)
        _sign(figure, run.about)
        figure.savefig(path)
        pyplot.close(figure)


def frontier_panel(
    axis: Axes, table: pd.DataFrame, axes: Sequence[str], figure: str, beside: pd.DataFrame | None = None
) -> None:
    """A share against forward passes, a point a combination; of accuracy the Pareto front and its spread, too."""
    names = labels(table, axes)
    on_front = [*table["pareto"]] if figure == "accuracy" else [False] * len(table)
    if figure == "accuracy":
        front = table[table["pareto"]].sort_values("nfe")
        axis.step(front["nfe"], front[figure], where="post", color=FRONT, linewidth=1.4, alpha=0.6)
        axis.errorbar(
            front["nfe"], front[figure], yerr=front["spread"].astype(float), fmt="none", ecolor=FAINT, elinewidth=0.7,
            alpha=0.5,
        )  # fmt: skip
    axis.scatter(table["nfe"], table[figure], s=26, color=[FRONT if one else OTHER for one in on_front], zorder=3)
    for name, x, y, first in zip(names, table["nfe"], table[figure], on_front, strict=True):
        if len(table) <= MOST_NAMES or (first and len(table) > MOST_ROWS):
            _name_point(axis, name, x, y, INK if first else FAINT)
    if beside is not None:
        color = LINE_COLORS["autoregressive"]
        axis.plot(beside["nfe"], beside[figure], "D", markersize=5, color=color)
        for name, x, y in beside[["method", "nfe", figure]].values:
            _name_point(axis, name, x, y, color)
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_formatter("{x:g}")
    axis.set_xlabel("forward passes an answer")
    axis.yaxis.set_major_formatter(ALL_PERCENT)


def names_panel(axis: Axes, table: pd.DataFrame, axes: Sequence[str]) -> None:
    """A row a combination, the one with the fewest passes on top: its right answers, and those of exact mode that it
    gives as well."""
    rows = table.assign(name=labels(table, axes)).sort_values("nfe", ascending=False)
    heights = range(len(rows))
    axis.hlines(heights, rows["accuracy"], rows["agreement"], color=FAINT, linewidth=0.8, alpha=0.5)
    colors = [FRONT if one else OTHER for one in rows["pareto"]]
    axis.scatter(rows["accuracy"], heights, s=22, color=colors, zorder=3, label="right")
    axis.scatter(rows["agreement"], heights, s=22, facecolors="none", edgecolors=OTHER, label="as in exact mode")
    axis.set_yticks(heights, [f"{name}  {nfe:.1f}" for name, nfe in rows[["name", "nfe"]].values], fontsize=7.5)
    axis.set(title="By name, and forward passes", xlabel="answers")
    axis.xaxis.set_major_formatter(ALL_PERCENT)
    axis.legend(loc="best", fontsize=7)


def _name_point(axis: Axes, name: str, x: float, y: float, color: str) -> None:
    axis.annotate(name, (x, y), (4, 3), textcoords="offset points", fontsize=6.5, color=color)


def reliability_panel(axis: Axes, answers: pd.DataFrame, axes: Sequence[str]) -> None:
    """How often tokens are right against how sure the model was of them; of the first few combinations."""
    axis.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    groups = list(answers.groupby([*axes], sort=False, dropna=False))[:MOST_LINES]
    for values, group in groups:
        (name,) = labels(pd.DataFrame([dict(zip(axes, values, strict=True))]), axes)
        bins = reliability_bins(group)
        axis.plot(
            [one.confidence for one in bins], [one.accuracy for one in bins], marker="o", markersize=4, label=name
        )
    axis.set(
        xlim=(0, 1), ylim=(0, 1), xlabel="confidence at commit", ylabel="tokens that are right", title="Reliability"
    )
    axis.xaxis.set_major_formatter(ALL_PERCENT)
    axis.yaxis.set_major_formatter(ALL_PERCENT)
    axis.legend(loc="upper left", fontsize=7)


def _sign(figure: Figure, about: dict[str, str]) -> None:
    figure.supxlabel(", ".join(f"{name} {value}" for name, value in about.items()), fontsize=6, color=FAINT)

"""Scores as pictures, a panel for each study. They need nothing but the scores, so any that were saved can be drawn."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, PercentFormatter

from lladav.evaluation.scoring import Score

INK, FAINT = "#1f2430", "#8a90a0"
LINE_COLORS = {"masked": "#6d5ae6", "autoregressive": "#e07b39"}
OBJECTIVE_NAMES = {"masked": "masked diffusion", "autoregressive": "autoregressive"}
SHADES = ("#3d2bb8", "#6d5ae6", "#9d8ff2", "#cbc3fa")  # of block lengths, the longest first
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e8ef",
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "savefig.dpi": 160,
    "figure.facecolor": "white",
}
PANEL = 5.2, 4.2  # inches
ALL_PERCENT = PercentFormatter(1, decimals=0)


def plot_scores(scores: Sequence[Score], path: Path) -> None:
    """Draw all studies of `scores` into one picture; the data study has a picture to itself.

    Raises:
        ValueError: matplotlib knows no such kind of file.
    """
    with pyplot.rc_context(STYLE):
        shares = [score for score in scores if score.study == "scalability"]
        figure = plot_scalability(shares) if shares else plot_studies(scores)
        figure.savefig(path)
        pyplot.close(figure)


def plot_studies(scores: Sequence[Score]) -> Figure:
    """A panel for accuracy by kind, for calibration, and for each further study that was made."""
    found: list[tuple[Callable[[Axes, Sequence[Score]], None], list[Score]]] = []
    for study, panels in PANELS.items():
        of_study = [score for score in scores if score.study == study]
        found += [(panel, of_study) for panel in panels] if of_study else []
    columns = min(len(found), 3)
    rows = -(-len(found) // columns)
    size = PANEL[0] * columns, PANEL[1] * rows
    layout = ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.15)
    figure, axes = pyplot.subplots(rows, columns, figsize=size, layout=layout, squeeze=False)
    for axis, (panel, of_study) in zip(axes.flat, found, strict=False):
        panel(axis, of_study)
    for axis in axes.flat[len(found) :]:
        axis.set_visible(False)
    return figure


def interval(score: Score, kind: str) -> tuple[float, float]:
    """The 95 % interval of an accuracy, after Wilson (1927), which holds near 0 and 1, too."""
    share, n, z = score.accuracy[kind], score.asked[kind], 1.96
    center = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return min(center - half, share), max(center + half, share)


def colors(scores: Sequence[Score]) -> dict[str, str]:
    """A colour for each model: that of its objective for the first of it, then other ones."""
    spare = iter(("#1f9d8b", "#c8447c", "#b59b1f", "#3b7dd8"))
    taken: dict[str, str] = {}
    for score in scores:
        if score.model not in taken:
            own = LINE_COLORS[score.objective]
            taken[score.model] = next(spare, FAINT) if own in taken.values() else own
    return taken


def kinds_panel(axis: Axes, scores: Sequence[Score]) -> None:
    """A dot and its 95 % interval for each kind and model."""
    kinds, paint = list(scores[0].asked), colors(scores)
    for index, score in enumerate(scores):
        shift = (index - (len(scores) - 1) / 2) * 0.28
        color, rows = paint[score.model], [row + shift for row in range(len(kinds))]
        low, high = zip(*(interval(score, kind) for kind in kinds), strict=True)
        axis.hlines(rows, low, high, color=color, linewidth=3, alpha=0.3, capstyle="round")
        dots = [score.accuracy[kind] for kind in kinds]
        axis.plot(dots, rows, "o", color=color, markersize=6, label=score.model, clip_on=False, zorder=3)
    axis.set_yticks(range(len(kinds)), [kind.replace("_", " ") for kind in kinds])
    axis.get_yticklabels()[0].set_fontweight("bold")
    axis.set_ylim(len(kinds) - 0.4, -0.6)
    axis.set_xlim(0, 1.02)
    axis.xaxis.set_major_formatter(ALL_PERCENT)
    axis.grid(axis="y", visible=False)
    axis.axhline(0.5, color=FAINT, linewidth=0.6)
    axis.set_title("Right answers")
    _legend_above(axis)


def calibration_panel(axis: Axes, scores: Sequence[Score]) -> None:
    """How often tokens are right against how sure the model was of them; an area is a number of tokens."""
    paint = colors(scores)
    axis.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    for score in scores:
        total = sum(each.tokens for each in score.reliability)
        x, y, area = zip(
            *((each.confidence, each.accuracy, 25 + 500 * each.tokens / total) for each in score.reliability),
            strict=True,
        )
        color = paint[score.model]
        axis.plot(x, y, color=color, linewidth=1.4, label=f"{score.model}: off by {score.calibration_error:.1%}")
        axis.scatter(x, y, s=area, color=color, alpha=0.45, linewidths=0, clip_on=False)
    axis.set(xlim=(0, 1.0), ylim=(0, 1.0), xlabel="confidence at commit", ylabel="tokens that are right")
    axis.xaxis.set_major_formatter(ALL_PERCENT)
    axis.yaxis.set_major_formatter(ALL_PERCENT)
    axis.set_title("Calibration")
    axis.legend(loc="upper left", handlelength=1.2)


def sweep_panel(axis: Axes, scores: Sequence[Score]) -> None:
    """Accuracy against forward passes, a line for each block length, and the twin as a point."""
    masked = [score for score in scores if score.objective == "masked"]
    blocks = list(dict.fromkeys((score.model, score.label.partition(",")[0]) for score in masked))
    several = len({model for model, _ in blocks}) > 1
    for (model, block), shade in zip(blocks, (*SHADES, *["#8a90a0"] * len(blocks)), strict=False):
        line = [score for score in masked if (score.model, score.label.partition(",")[0]) == (model, block)]
        label = f"{model}, {block}" if several else block
        _line(axis, line, color=shade, marker="o", label=label)
    _points(axis, [score for score in scores if score.objective != "masked"])
    _passes_axis(axis)
    axis.set_title("Steps and block length")


def _line(axis: Axes, scores: Sequence[Score], **looks) -> None:
    ordered = sorted(scores, key=lambda score: score.nfe)
    axis.plot(
        [score.nfe for score in ordered], [score.accuracy["all"] for score in ordered],
        linewidth=1.6, markersize=5.5, **looks,
    )  # fmt: skip


def _points(axis: Axes, scores: Sequence[Score]) -> None:
    for score in scores:
        axis.plot(
            score.nfe, score.accuracy["all"], linestyle="",
            marker="D", markersize=7, color=LINE_COLORS["autoregressive"], label=f"{score.model}, left to right",
        )  # fmt: skip


def _passes_axis(axis: Axes) -> None:
    axis.set(xlabel="forward passes an answer", ylabel="right answers, all kinds")
    low, high = axis.get_ylim()
    axis.set_ylim(max(0, low - 0.06), min(1, high + 0.06))
    axis.set_xlim(0, axis.get_xlim()[1] * 1.05)
    axis.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.yaxis.set_major_formatter(ALL_PERCENT)
    axis.legend(loc="lower right")


def _legend_above(axis: Axes) -> None:
    """Beside the title, where no accuracy can be."""
    axis.legend(loc="lower right", bbox_to_anchor=(1.02, 1), ncols=2, handletextpad=0.1, columnspacing=1)


def speeds_panel(axis: Axes, scores: Sequence[Score]) -> None:
    """All questions at each speed, and how many passes it takes."""
    _rows(axis, scores, lambda score: f"{score.accuracy['all']:.0%} in {score.nfe:.1f} passes")
    axis.set_title("Speeds")


def robust_panel(axis: Axes, scores: Sequence[Score]) -> None:
    """All questions, with pictures as they are drawn and as they are sent."""
    _rows(axis, scores, lambda score: f"{score.accuracy['all']:.0%}")
    axis.set_title("Pictures as sent")


def _rows(axis: Axes, scores: Sequence[Score], note: Callable[[Score], str]) -> None:
    """A row for each label with a dot for each model, and how far that is from the model's first."""
    labels, paint = list(dict.fromkeys(score.label for score in scores)), colors(scores)
    for index, (model, color) in enumerate(paint.items()):
        shift = (index - (len(paint) - 1) / 2) * 0.4
        of_model = [score for score in scores if score.model == model]
        first = of_model[0].accuracy["all"]
        axis.axvline(first, color=color, linewidth=1, linestyle=(0, (4, 3)))
        rows = [labels.index(score.label) + shift for score in of_model]
        accuracy = [score.accuracy["all"] for score in of_model]
        axis.hlines(rows, first, accuracy, color=color, linewidth=2, alpha=0.35)
        axis.plot(accuracy, rows, "o", color=color, markersize=6, label=model)
        for score, row, share in zip(of_model, rows, accuracy, strict=True):
            offset, align = ((-8, 0), "right") if share > 0.4 else ((8, 0), "left")
            axis.annotate(
                note(score), (share, row), offset, textcoords="offset points", ha=align, va="center", fontsize=8,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )  # fmt: skip
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.4, -0.6)
    axis.set_xlim(0, 1.02)
    axis.xaxis.set_major_formatter(ALL_PERCENT)
    axis.grid(axis="y", visible=False)
    _legend_above(axis)


PANELS: dict[str, list[Callable[[Axes, Sequence[Score]], None]]] = {
    "questions": [kinds_panel, calibration_panel],
    "sweep": [sweep_panel],
    "speeds": [speeds_panel],
    "robust": [robust_panel],
}


def plot_scalability(scores: Sequence[Score]) -> Figure:
    """Accuracy against the share of the data, under both objectives: a panel for all questions and each kind."""
    kinds = list(scores[0].asked)
    columns = 4
    rows = -(-len(kinds) // columns)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(2.9 * columns, 2.4 * rows + 0.8), sharex=True, sharey=True, layout="constrained"
    )
    for axis, kind in zip(axes.flat, kinds, strict=False):
        _share_panel(axis, scores, kind)
    for axis in axes.flat[len(kinds) :]:
        axis.set_visible(False)
    for axis in axes.flat[max(0, len(kinds) - columns) : len(kinds)]:
        axis.xaxis.set_tick_params(labelbottom=True)
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper left", ncols=2, fontsize=10)
    figure.supxlabel("share of the data", fontsize=9.5)
    figure.supylabel("right answers", fontsize=9.5)
    return figure


def _share_panel(axis: Axes, scores: Sequence[Score], kind: str) -> None:
    for objective, color in LINE_COLORS.items():
        line = sorted(
            (float(Fraction(score.label)), score.accuracy[kind], *interval(score, kind))
            for score in scores
            if score.objective == objective
        )
        if line:
            shares, accuracy, low, high = zip(*line, strict=True)
            axis.fill_between(shares, low, high, color=color, alpha=0.12, linewidth=0)
            axis.plot(
                shares, accuracy, "o-", color=color, linewidth=1.8, markersize=5, label=OBJECTIVE_NAMES[objective]
            )
    labels = sorted({Fraction(score.label) for score in scores})
    axis.set_xscale("log", base=2)
    axis.set_xticks([float(share) for share in labels], [str(share) if share < 1 else "all" for share in labels])
    axis.set_ylim(0, 1.03)
    axis.yaxis.set_major_formatter(ALL_PERCENT)
    axis.set_title(kind.replace("_", " "))

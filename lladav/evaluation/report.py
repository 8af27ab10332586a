"""Scores as tables in Markdown."""

from collections.abc import Sequence

from lladav.evaluation.scoring import Score

TITLES = {
    "sweep": "Steps and block length",
    "speeds": "Speeds",
    "robust": "Pictures as people send them",
    "scalability": "Share of the data",
}


def report(scores: Sequence[Score]) -> str:
    """A table of the questions by kind, models side by side, and one for each further study."""
    tables = [models_table([score for score in scores if score.study == "questions"])]
    for study, title in TITLES.items():
        tables.append(settings_table(title, [score for score in scores if score.study == study]))
    return "\n\n".join(filter(None, tables))


def models_table(scores: Sequence[Score]) -> str:
    """A row for each kind of question and a column for each model; nothing for no scores."""
    if not scores:
        return ""
    header = ["question", "asked", *(f"{score.model}" for score in scores)]
    rows = [
        [kind, str(asked), *(f"{score.accuracy[kind]:.1%}" for score in scores)]
        for kind, asked in scores[0].asked.items()
    ]
    rows += [
        ["forward passes an answer", "", *(f"{score.nfe:.1f}" for score in scores)],
        ["tokens a forward pass", "", *(f"{score.tokens_per_forward:.2f}" for score in scores)],
        ["calibration error", "", *(f"{score.calibration_error:.3f}" for score in scores)],
    ]
    return _markdown(header, rows, right_from=1)


def settings_table(title: str, scores: Sequence[Score]) -> str:
    """A row for each model and setting and a column for each kind of question; nothing for no scores.

    An answer takes that many forward passes and, in batches on this machine, milliseconds.
    """
    if not scores:
        return ""
    kinds = list(scores[0].asked)
    header = ["model", title.lower(), "passes", "tokens a pass", "ms", *kinds]
    rows = [
        [
            score.model,
            score.label,
            f"{score.nfe:.1f}",
            f"{score.tokens_per_forward:.2f}",
            f"{1000 * score.seconds / score.asked['all']:.0f}",
            *(f"{score.accuracy[kind]:.1%}" for kind in kinds),
        ]
        for score in scores
    ]
    return f"**{title}**\n\n" + _markdown(header, rows, right_from=2)


def _markdown(header: list[str], rows: list[list[str]], right_from: int) -> str:
    """A table whose columns from `right_from` on hold numbers, padded so that it reads well in a terminal, too."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: list[str]) -> str:
        padded = (
            cell.rjust(width) if index >= right_from else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rule = ["-" * (width - 1) + (":" if index >= right_from else "-") for index, width in enumerate(widths)]
    return "\n".join(map(line, [header, rule, *rows]))

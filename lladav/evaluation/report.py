"""Scores as tables in Markdown."""

from collections.abc import Sequence

from lladav.evaluation.scoring import Score
from lladav.evaluation.tables import markdown_table

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
    return markdown_table(header, rows, right_from=1)


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
    return f"**{title}**\n\n" + markdown_table(header, rows, right_from=2)

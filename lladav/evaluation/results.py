"""The answers of a sweep as tables: a row a combination, or a row an answer."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from lladav.evaluation.measures import anls, by_chance, distinct, exact_match, repeated, token_f1
from lladav.evaluation.scoring import NUM_BINS, Bin, calibration_error, reliability
from lladav.evaluation.sweep import Cell, SweepRun
from lladav.evaluation.tables import markdown_table
from lladav.sampling.completion import SETTING_NAMES

FIGURES = {  # of a combination: what it is, in the words of a table
    "asked": "answers",
    "accuracy": "right answers",
    "spread": "their standard deviation over sets of questions and seeds; nothing where there is one set",
    "token_f1": "shared words, F1",
    "anls": "average normalized Levenshtein similarity",
    "agreement": "answers that are those of exact mode, up to case, punctuation and articles",
    "gained": "right answers that exact mode has wrong",
    "lost": "wrong answers that exact mode has right",
    "by_chance": "how probably a coin would part gained and lost so unevenly (McNemar's test)",
    "distinct_2": "different pairs of words among all",
    "repeated_3": "three words in a row that stood in the answer before",
    "unsure": "commits of a probability below 0.5",
    "revoked": "tokens taken back, an answer",
    "nfe": "forward passes, an answer",
    "tokens_per_forward": "tokens of an answer, the stop included, by forward pass",
    "seconds": "an answer, in batches, on this machine",
    "calibration_error": "how far confidence is from accuracy, averaged over tokens",
    "pareto": "whether none is right more often in fewer passes, of those that were asked everything",
}
MEASURED, IDEAL = "these answers", "as right as sure"  # in a reliability diagram
PERCENT = ("accuracy", "spread", "token_f1", "anls", "agreement", "distinct_2", "repeated_3", "unsure")
DIGITS = {"nfe": 1, "tokens_per_forward": 2, "seconds": 3, "revoked": 2, "calibration_error": 3, "by_chance": 2}


def answers_table(run: SweepRun) -> pd.DataFrame:
    """A row for every answer: the axes, seed, set, kind, question, expected and given answer, and what was measured."""
    rows: list[dict[str, Any]] = []
    for cell, one, given, exact in run.answers():
        rows.append(
            {name: cell_value(value) for name, value in cell.values.items()}
            | {"seed": cell.seed, "repeat": one.repeat, "kind": one.kind, "id": one.id}
            | {"question": one.question, "expected": one.answers[0], "text": given.text, "right": given.right}
            | {"token_f1": token_f1(given.text, one.answers), "anls": anls(given.text, one.answers)}
            | {"agrees": None if exact is None else exact_match(given.text, [exact.text])}
            | {"gained": exact and given.right and not exact.right, "lost": exact and exact.right and not given.right}
            | {"repeated_3": repeated(given.text), "tokens": len(given.hits), "nfe": given.nfe}
            | {"committed": given.committed, "unsure": given.unsure, "revoked": given.revoked}
            | {"seconds": given.seconds, "confidence": given.confidence, "hits": given.hits}
        )
    return pd.DataFrame(rows)


def sweep_table(run: SweepRun) -> pd.DataFrame:
    """A row for every combination that has answers, with the `FIGURES`; its `attrs` say what it was measured with."""
    answers, axes = answers_table(run), [*run.sweep.axes]
    if answers.empty:
        return pd.DataFrame(columns=[*axes, *FIGURES])
    rows = [
        dict(zip(axes, values, strict=True)) | _figures(group)
        for values, group in answers.groupby(axes, sort=False, dropna=False)
    ]
    table = pd.DataFrame(rows)
    complete = table["asked"] == len(run.asked) * len(run.sweep.seeds)
    table["pareto"] = False
    table.loc[complete, "pareto"] = pareto(table[complete])
    table.attrs = dict(run.about)
    return table


def cell_value(value: Any) -> Any:
    """A value that a table can group by: None and lists are written out."""
    return value if isinstance(value, (str, int, float)) else json.dumps(value)


def axis_values(cell: Cell) -> list[Any]:
    """The values of a combination, as its rows of the tables begin."""
    return [*map(cell_value, cell.values.values())]


def _figures(group: pd.DataFrame) -> dict[str, Any]:
    sets = group.groupby(["repeat", "seed"])["right"].mean()
    bins = reliability_bins(group)
    gained, lost = int(group["gained"].eq(True).sum()), int(group["lost"].eq(True).sum())
    return {
        "asked": len(group),
        "accuracy": group["right"].mean(),
        "spread": sets.std() if len(sets) > 1 else None,
        "token_f1": group["token_f1"].mean(),
        "anls": group["anls"].mean(),
        "agreement": group["agrees"].astype(float).mean(),
        "gained": gained,
        "lost": lost,
        "by_chance": by_chance(gained, lost),
        "distinct_2": distinct([*group["text"]]),
        "repeated_3": group["repeated_3"].mean(),
        "unsure": group["unsure"].sum() / max(group["committed"].sum(), 1),
        "revoked": group["revoked"].mean(),
        "nfe": group["nfe"].mean(),
        "tokens_per_forward": group["tokens"].sum() / group["nfe"].sum(),
        "seconds": group["seconds"].mean(),
        "calibration_error": calibration_error(bins),
    }


def reliability_bins(answers: pd.DataFrame) -> list[Bin]:
    """How often tokens are right by how sure the model was of them, of rows of `answers_table`."""
    confidence = torch.tensor([value for values in answers["confidence"] for value in values])
    hits = torch.tensor([value for values in answers["hits"] for value in values]).double()
    return list(reliability(confidence, hits))


def reliability_points(answers: pd.DataFrame) -> pd.DataFrame:
    """A reliability diagram of rows of `answers_table`: what was `MEASURED`, and the diagonal that would be `IDEAL`."""
    bins = pd.DataFrame(map(asdict, reliability_bins(answers))).assign(line=MEASURED)
    ends = [step / NUM_BINS for step in range(NUM_BINS + 1)]
    return pd.concat([bins, pd.DataFrame({"tokens": 0, "confidence": ends, "accuracy": ends, "line": IDEAL})])


def pareto(table: pd.DataFrame) -> list[bool]:
    """Of each row whether no other one is at least as accurate in as few passes, and better in one of them."""
    points = [*zip(table["nfe"], -table["accuracy"], strict=True)]
    return [not any(o[0] <= p[0] and o[1] <= p[1] and o != p for o in points) for p in points]


def kinds_table(run: SweepRun) -> pd.DataFrame:
    """Right answers by combination and kind of question."""
    return _right_by("kind", run)


def sets_table(run: SweepRun) -> pd.DataFrame:
    """Right answers by combination and set of questions."""
    return _right_by("repeat", run)


def _right_by(column: str, run: SweepRun) -> pd.DataFrame:
    return answers_table(run).pivot_table("right", [*run.sweep.axes], column, sort=False).reset_index()


def in_markdown(table: pd.DataFrame, columns: Sequence[str] | None = None) -> str:
    """A table in Markdown, with figures to the digits that mean something."""
    shown = [*(columns or table.columns)]
    first = next((at for at, name in enumerate(shown) if pd.api.types.is_numeric_dtype(table[name])), len(shown))
    rows = [[_shown(name, value) for name, value in zip(shown, row, strict=True)] for row in table[shown].values]
    return markdown_table([name.replace("_", " ") for name in shown], rows, right_from=first)


def _shown(name: str, value: Any) -> str:
    if name == "pareto":
        return "×" if value else ""
    if pd.isna(value):
        return "–"
    if name in SETTING_NAMES:
        return str(value)
    if name in PERCENT or (isinstance(value, float) and name not in DIGITS):
        return f"{value:.1%}"
    return f"{value:.{DIGITS[name]}f}" if name in DIGITS else str(value)


def _save_csv(table: pd.DataFrame, path: Path) -> None:
    head = "".join(f"# {name}: {value}\n" for name, value in table.attrs.items())
    path.write_text(head + table.to_csv(index=False, lineterminator="\n"), encoding="utf-8")


def _save_json(table: pd.DataFrame, path: Path) -> None:
    rows = json.loads(table.to_json(orient="records"))
    path.write_text(json.dumps({"about": table.attrs, "rows": rows}, indent=1) + "\n", encoding="utf-8")


SAVERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {".csv": _save_csv, ".json": _save_json}


def save_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, whose comments say what it was measured with, or as JSON. Raises ValueError for others."""
    if path.suffix not in SAVERS:
        raise ValueError(f"path must end in {' or '.join(SAVERS)}, got {path.suffix or str(path)!r}")
    SAVERS[path.suffix](table, path)

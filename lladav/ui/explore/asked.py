"""What a visitor wants to sweep: out of the tab's widgets, within the bounds of the service."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from lladav.evaluation.sources import OWN_FILE
from lladav.evaluation.sweep import Sweep
from lladav.ui.limits import LIMITS, affordable
from lladav.ui.texts import said

QUESTIONS = ".jsonl"  # how the name of a file of questions ends; all others are pictures


def sweep_text(axes: Sequence[tuple[str | None, str]], count: int, seeds: str, gen_length: int, files: bool) -> str:
    """The sweep as YAML.

    Args:
        axes: name and values, as "64, 32"; those without a name are left out.
        count: of held-out scenes.
        seeds: of them, and of the noise, as "0, 1".
        gen_length: tokens in an answer, unless an axis says otherwise.
        files: whether one's own questions are asked instead of scenes.

    Raises:
        ValueError: values are missing, or are no list.
    """
    written: dict[str, Any] = {"axes": {name: _values(name, values) for name, values in axes if name}}
    numbers = _values("seeds", seeds or "0")
    written["questions"] = {"file": OWN_FILE} if files else {"count": count, "seeds": numbers}
    if "gen_length" not in written["axes"]:
        written["settings"] = {"gen_length": gen_length}
    written["seeds"] = numbers
    return yaml.safe_dump(written, sort_keys=False)


def _values(name: str, text: str) -> list[Any]:
    try:
        values = yaml.safe_load(f"[{text}]")
    except yaml.YAMLError as error:
        raise ValueError(f"{name} must be values with commas between them, such as 64, 32; got {text!r:.40}") from error
    if not values:
        raise ValueError(f"{name} must have values, such as 64, 32: write some")
    return values


def read_sweep(text: str, longest_answer: int, folder: Path, files: Sequence[str] = ()) -> Sweep:
    """A sweep that this page can run.

    Args:
        text: YAML, as of `sweep_text`.
        longest_answer: that the page lets an answer have.
        folder: of its results; what is asked of one's own is copied there.
        files: uploads: one's own questions as JSONL, and their pictures.

    Raises:
        ValueError: it is none, or beyond the bounds of the service.
    """
    if len(text) > LIMITS.letters:
        raise ValueError(f"A sweep may have {LIMITS.letters} letters, this one has {len(text)}: shorten it.")
    _copy(files, folder)
    sweep = Sweep.read(text, "The sweep")
    if sweep.model is not None:
        raise ValueError("A sweep on this page is of this page's model: leave model out.")
    file = sweep.questions.file
    if file is not None:
        if file != Path(OWN_FILE) or not files:
            raise ValueError(f"file must be {OWN_FILE}, which stands for the questions that you add: add them.")
        questions = sweep.questions.model_copy(update={"file": folder / OWN_FILE})
        sweep = sweep.model_copy(update={"questions": questions})
    combinations = sweep.combinations()
    longest = max(config.gen_length for _, config in combinations)
    if longest > longest_answer:
        raise ValueError(f"An answer may have {longest_answer} tokens on this page, one of these has {longest}.")
    for _, config in combinations:
        affordable(config)
    asked = sweep.questions.count * len(sweep.questions.seeds) * sweep.questions.wordings if file is None else 0
    answers = len(combinations) * len(sweep.seeds) * (asked or len(sweep.questions.read()))
    if answers > LIMITS.answers:
        raise ValueError(
            f"A sweep may take {LIMITS.answers} answers on this page, this one takes {answers}: ask fewer questions, "
            "or run it with lladav sweep."
        )
    return sweep


def _copy(files: Sequence[str], folder: Path) -> None:
    paths = [*map(Path, files)]
    asked = [path for path in paths if path.suffix == QUESTIONS]
    if len(asked) > 1:  # of which only the last would be asked
        raise ValueError(said("said.many_questions", has=len(asked)))
    names = [OWN_FILE if path in asked else path.name for path in paths]
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise ValueError(said("said.same_names", name=twice[0]))
    folder.mkdir(parents=True, exist_ok=True)
    for path, name in zip(paths, names, strict=True):
        shutil.copy(path, folder / name)

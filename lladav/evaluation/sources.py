"""Where the questions of a sweep come from: held-out scenes, or a file of one's own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lladav.evaluation.asking import Asked
from lladav.evaluation.measures import exact_match
from lladav.evaluation.questions import held_out_questions
from lladav.evaluation.scoring import asked_about
from lladav.evaluation.wordings import reworded_questions

OWN_FILE = "questions.jsonl"  # in a folder of one's own
MOST_QUESTIONS, MOST_WORDINGS = 100_000, 5


class Checked(BaseModel):
    """What somebody wrote into a file: no key that is not known, and nothing changed once it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class OwnQuestion(Checked):
    """A line of a file of one's own.

    Attributes:
        question: what is asked.
        answers: those that are right, the best first.
        image: the picture's path, from the file's folder; None for none.
        kind: what it is counted under.
    """

    question: str = Field(min_length=1)
    answers: tuple[str, ...] = Field(min_length=1)
    image: str | None = None
    kind: str = "own"


class Questions(Checked):
    """What a sweep asks.

    Attributes:
        count: held-out scenes, a question each, in every set of them.
        seeds: of the sets. The spread of a figure is over sets.
        wordings: in how many wordings each question is put; several make a set each.
        file: instead: a JSONL file with an `OwnQuestion` a line, or a folder with one called questions.jsonl.
    """

    count: int = Field(default=50, ge=1, le=MOST_QUESTIONS)
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    wordings: int = Field(default=1, ge=1, le=MOST_WORDINGS)
    file: Path | None = None

    @model_validator(mode="after")
    def _has_one_source(self) -> "Questions":
        if self.file is not None and len(self.model_fields_set) > 1:
            raise ValueError(f"file does not go with count, seeds and wordings, got {self.file}: leave those out")
        return self

    def read(self) -> list[Asked]:
        """The questions.

        Raises:
            ValueError: the file is none, or one of its lines is not a question.
        """
        if self.file is not None:
            return list(_own_questions(self.file / OWN_FILE if self.file.is_dir() else self.file))
        return [one for seed in self.seeds for one in self._held_out(seed)]

    def _held_out(self, seed: int) -> Iterator[Asked]:
        if self.wordings == 1:
            for index, question in enumerate(held_out_questions(seed, self.count)):
                yield asked_about(question, id=f"{seed}/{index}", repeat=f"seed {seed}")
            return
        for index, same in enumerate(reworded_questions(seed, self.count, self.wordings)):
            for number, question in enumerate(same):
                repeat = f"seed {seed}, wording {number}"
                yield asked_about(question, id=f"{seed}/{index}/{number}", repeat=repeat)


def _own_questions(path: Path) -> Iterator[Asked]:
    if not path.is_file():
        raise ValueError(f"file must be a JSONL file, or a folder with {OWN_FILE}, got {path}: write one")
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            own = OwnQuestion.model_validate_json(line)
        except ValidationError as error:
            raise ValueError(f"{path.name}, line {number}: {sentence_of(error)}") from error
        if own.image is not None and not _is_inside(path.parent / own.image, path.parent):
            raise ValueError(f"{path.name}, line {number}: image must be a file of the same folder, got {own.image!r}")
        yield _asked_of(own, path.parent, str(number))


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether a file is there, and nowhere else: what others send must not have this machine's pictures described."""
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


def _asked_of(own: OwnQuestion, folder: Path, id: str) -> Asked:
    content: list[dict[str, Any]] = [{"type": "text", "text": own.question}]
    if own.image is not None:
        content.insert(0, {"type": "image", "image": str(folder / own.image)})
    messages = [{"role": "user", "content": content}]
    return Asked(id, own.kind, own.question, own.answers, lambda: messages, lambda text: exact_match(text, own.answers))


def sentence_of(error: ValidationError) -> str:
    """What pydantic found, in a line: where, the rule, and the value."""
    found = []
    for one in error.errors(include_url=False):
        where = ".".join(map(str, one["loc"]))
        rule = one["msg"].removeprefix("Value error, ")
        own = one["type"] == "value_error"  # a sentence of ours, which has the value
        found.append(rule if own else f"{where}: {rule}, got {json.dumps(one['input'], default=str)[:60]}")
    return "; ".join(found)

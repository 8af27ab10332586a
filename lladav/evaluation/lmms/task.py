"""Held-out questions as a task of lmms-eval: a folder of pictures, and what its YAML file names to ask about them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lladav.evaluation.questions import Question, is_right, messages_about
from lladav.scenes import Example, render

ROWS = "metadata.jsonl"  # where `datasets` looks for what belongs to the pictures of a folder

Doc = Mapping[str, Any]  # what lmms-eval calls a row: here with "image", "kind" and "turns"


def write_questions(questions: Iterable[Question], folder: Path) -> int:
    """Write questions and their pictures into a new folder, which `datasets` loads as an "imagefolder".

    Returns:
        How many there are.

    Raises:
        FileExistsError: the folder is there already.
    """
    folder.mkdir(parents=True)
    rows = []
    for index, (scene, example) in enumerate(questions):
        name = f"{index:05}.png"
        render(scene).save(folder / name)
        rows.append({"file_name": name, "kind": example.kind, "turns": example.turns})
    lines = "".join(json.dumps(doc, ensure_ascii=False) + "\n" for doc in rows)
    (folder / ROWS).write_text(lines, encoding="utf-8")
    return len(rows)


def _example(doc: Doc) -> Example:
    return Example(doc["kind"], tuple((question, answer) for question, answer in doc["turns"]))


def doc_to_messages(doc: Doc) -> list[dict[str, Any]]:
    """The conversation that a doc's last question ends, in the form that all chat models of lmms-eval take."""
    return [
        {"role": message["role"], "content": _parts(message["content"])}
        for message in messages_about(doc["image"], _example(doc))
    ]


def _parts(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [{"type": "image", "url": part["image"]} if part["type"] == "image" else part for part in content]


def doc_to_text(doc: Doc) -> str:
    """A doc's last question."""
    return doc["turns"][-1][0]


def doc_to_target(doc: Doc) -> str:
    """The answer to it."""
    return doc["turns"][-1][1]


def process_results(doc: Doc, answers: Sequence[str]) -> dict[str, float]:
    """Whether the answer is right, as `lladav evaluate` sees it."""
    return {"accuracy": float(is_right(_example(doc), answers[0]))}

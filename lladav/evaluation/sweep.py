"""A sweep: the same questions under every combination of a few settings. It stops at any step, and goes on later."""

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator

from lladav.checks import require
from lladav.evaluation.asking import BATCH_SIZE, Asked, Given, ask_all
from lladav.evaluation.provenance import provenance
from lladav.evaluation.sources import Checked, Questions, sentence_of
from lladav.pipeline import LladaVPipeline
from lladav.sampling import SamplingConfig, effective_config
from lladav.sampling.completion import SETTING_NAMES, completed

MOST_AXES, MOST_CELLS = 3, 1000
MOST_BATCH = 512
KEY_DIGITS = 12
ANSWERS_FILE, ABOUT_FILE, SWEEP_FILE = "answers.jsonl", "about.json", "sweep.yaml"  # in the folder of a sweep
DIGITS = 4  # of confidences and seconds that are kept
REFERENCE = "exact"  # the method whose answers the others are compared with

Values = Mapping[str, Any]


class Sweep(Checked):
    """What is swept; a YAML file with these keys.

    Attributes:
        axes: for one to three settings of a SamplingConfig, or "method", the values that each takes.
        questions: what is asked.
        settings: what all combinations share.
        seeds: of the noise; each asks all questions once, where there is noise.
        model: directory or hub id; None for the demo's.
        batch_size: questions at once.
    """

    axes: dict[str, tuple[Any, ...]] = Field(min_length=1, max_length=MOST_AXES)
    questions: Questions = Field(default_factory=Questions)
    settings: dict[str, Any] = Field(default_factory=dict)
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)
    model: str | None = None
    batch_size: int = Field(default=BATCH_SIZE, ge=1, le=MOST_BATCH)

    @field_validator("axes")
    @classmethod
    def _axes_are_settings(cls, axes: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        for name, values in axes.items():
            known = name == "method" or (name in SETTING_NAMES and name != "seed")
            require(known, "an axis", f"method or one of {', '.join(SETTING_NAMES)}, without seed", name)
            distinct = {json.dumps(value) for value in values}
            require(len(distinct) == len(values) > 0, f"axes.{name}", "a list of different values", list(values))
        return axes

    @classmethod
    def read(cls, text: str, name: str = "the sweep", folder: Path | None = None) -> "Sweep":
        """Read YAML.

        Args:
            name: what an error calls the text.
            folder: that `questions.file` is looked for in; None takes it as it is.

        Raises:
            ValueError: it is no sweep, or one of its combinations cannot be sampled.
        """
        try:
            sweep = cls.model_validate(yaml.safe_load(text))
        except yaml.YAMLError as error:
            raise ValueError(f"{name} must be YAML: {' '.join(str(error).split())}") from error
        except ValidationError as error:
            raise ValueError(f"{name}: {sentence_of(error)}") from error
        if folder is not None and sweep.questions.file is not None:
            questions = sweep.questions.model_copy(update={"file": folder / sweep.questions.file})
            sweep = sweep.model_copy(update={"questions": questions})
        sweep.combinations()
        return sweep

    def to_yaml(self) -> str:
        """What `read` takes, without what is as it is anyway."""
        return yaml.safe_dump(self.model_dump(mode="json", exclude_defaults=True), sort_keys=False, allow_unicode=True)

    def combinations(self) -> list[tuple[dict[str, Any], SamplingConfig]]:
        """The values of every combination, and the settings that come of them.

        Raises:
            ValueError: one of them cannot be sampled, or there are too many.
        """
        count = prod(map(len, self.axes.values())) * len(self.seeds)  # before any is made: three axes may be long
        if count > MOST_CELLS:
            raise ValueError(f"a sweep may have {MOST_CELLS} combinations, got {count}")
        found = [dict(zip(self.axes, values, strict=True)) for values in product(*self.axes.values())]
        return [(values, self._config(values)) for values in found]

    def _config(self, values: Values) -> SamplingConfig:
        try:
            return completed({**self.settings, **values})
        except ValueError as error:
            shown = ", ".join(f"{name}={value!r}" for name, value in values.items())
            raise ValueError(f"{shown}: {error}") from error


@dataclass(frozen=True)
class Cell:
    """A combination under one seed.

    Attributes:
        values: of the axes.
        seed: of the noise.
        config: the settings, as the model honours them; without a seed where there is no noise.
        reference: those of exact mode for an answer as long.
    """

    values: Values
    seed: int
    config: SamplingConfig
    reference: SamplingConfig


@dataclass(frozen=True)
class Progress:
    """How far a sweep is: answers that are there, and all; seconds since it went on; seconds left, once known."""

    done: int
    total: int
    seconds: float
    seconds_left: float | None


def key_of(config: SamplingConfig) -> str:
    """What stands for settings in the file of answers."""
    values = {name: _as_floats(value) for name, value in asdict(config).items()}
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:KEY_DIGITS]


def _as_floats(value: Any) -> Any:
    """Numbers that are equal written alike, which JSON does not do for 1 and 1.0."""
    if isinstance(value, tuple):
        return [*map(_as_floats, value)]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def is_noisy(config: SamplingConfig) -> bool:
    """Whether the seed makes a difference."""
    return config.temperature > 0 or config.remasking == "random"


class SweepRun:
    """A sweep and what has come of it.

    Every answer is appended to a file as soon as its batch is done, so that a run that is stopped, or broken off,
    goes on where it was. Combinations that come to the same are asked once.

    Args:
        pipe: the model.
        sweep: what is asked.
        folder: of the results; a sweep that was begun there goes on.

    Attributes:
        about: what it is measured with, see `provenance`.
        cells: the combinations under every seed.
        asked: the questions.
        outcomes: by `key_of` settings and by the question's id.

    Raises:
        ValueError: the questions cannot be read, or another sweep, or one of another model, was begun in `folder`.
    """

    def __init__(self, pipe: LladaVPipeline, sweep: Sweep, folder: Path):
        self.pipe, self.sweep, self.folder = pipe, sweep, folder
        self.asked = sweep.questions.read()
        self.cells = [
            self._cell(values, config, seed) for values, config in sweep.combinations() for seed in sweep.seeds
        ]
        self.about = provenance(pipe) | {"seeds": f"noise {list(sweep.seeds)}, scenes {list(sweep.questions.seeds)}"}
        self.outcomes: dict[str, dict[str, Given]] = defaultdict(dict)
        folder.mkdir(parents=True, exist_ok=True)
        self._claim()
        self._load()

    def _cell(self, values: Values, config: SamplingConfig, seed: int) -> Cell:
        exact = SamplingConfig.method(REFERENCE, gen_length=config.gen_length, stop=config.stop)
        seeded = effective_config(self.pipe.model, replace(config, seed=seed if is_noisy(config) else None))
        return Cell(values, seed, seeded, effective_config(self.pipe.model, exact))

    def _claim(self) -> None:
        """Write down whose folder it is, or see that it is ours."""
        path, text = self.folder / SWEEP_FILE, self.sweep.to_yaml()
        about = self.folder / ABOUT_FILE
        if not path.exists():
            about.write_text(json.dumps(self.about, indent=1), encoding="utf-8")
            path.write_text(text, encoding="utf-8")
        if path.read_text(encoding="utf-8") != text:
            raise ValueError(f"folder must be empty or hold this sweep, got {self.folder}, which holds another one")
        was = json.loads(about.read_text(encoding="utf-8"))["model_hash"]
        if was != self.about["model_hash"]:
            raise ValueError(f"folder must hold results of this model, got {self.folder}, which holds those of {was}")

    def _load(self) -> None:
        """Take over what is there; the last line may have been broken off."""
        path = self.folder / ANSWERS_FILE
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            path.write_text(whole, encoding="utf-8")
        for line in whole.splitlines():
            values = json.loads(line)
            key, id = values.pop("key"), values.pop("question")
            self.outcomes[key][id] = Given(**values)

    # ---- running -------------------------------------------------------------------------------

    def _configs(self) -> list[SamplingConfig]:
        """All different settings, exact mode first."""
        return list(dict.fromkeys([cell.reference for cell in self.cells] + [cell.config for cell in self.cells]))

    def _todo(self) -> list[tuple[SamplingConfig, list[Asked]]]:
        """The settings that are not done, and the questions that are still to be asked under them."""
        left = []
        for config in self._configs():
            asked = [one for one in self.asked if one.id not in self.outcomes[key_of(config)]]
            if asked:
                left.append((config, asked))
        return left

    def run(self) -> Iterator[Progress]:
        """Ask what is still to be asked. Whoever takes no more stops the model within a step."""
        todo = self._todo()
        total = len(self._configs()) * len(self.asked)
        done = before = total - sum(len(asked) for _, asked in todo)
        began = time.perf_counter()
        yield Progress(done, total, 0.0, None)
        for config, asked in todo:
            for answered in ask_all(self.pipe, asked, config, self.sweep.batch_size):
                self._keep(key_of(config), answered)
                done += len(answered)
                seconds = time.perf_counter() - began
                left = seconds / (done - before) * (total - done) if done > before else None
                yield Progress(done, total, seconds, left)

    def _keep(self, key: str, answered: Sequence[tuple[Asked, Given]]) -> None:
        with (self.folder / ANSWERS_FILE).open("a", encoding="utf-8") as file:
            for one, outcome in answered:
                values = asdict(outcome)
                values["confidence"] = [round(value, DIGITS) for value in outcome.confidence]
                values["seconds"] = round(outcome.seconds, DIGITS)
                kept = Given(**values)
                file.write(json.dumps({"key": key, "question": one.id, **values}, ensure_ascii=False) + "\n")
                self.outcomes[key][one.id] = kept

    # ---- what has come of it -------------------------------------------------------------------

    def answers(self) -> Iterator[tuple[Cell, Asked, Given, Given | None]]:
        """Every answer that is there, with that of exact mode to the same question."""
        for cell in self.cells:
            found, exact = self.outcomes[key_of(cell.config)], self.outcomes[key_of(cell.reference)]
            for one in self.asked:
                if one.id in found:
                    yield cell, one, found[one.id], exact.get(one.id)

"""What a model is asked under: settings of the sampler, speeds, pictures as people send them, amounts of data."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path

from lladav.evaluation.asking import BATCH_SIZE
from lladav.evaluation.pictures import DISTURBANCES, Draw
from lladav.evaluation.questions import Question
from lladav.evaluation.scoring import Answer, Bin, Score, score
from lladav.pipeline import LladaVPipeline
from lladav.sampling import SPEEDS, SamplingConfig, effective_config
from lladav.scenes import render

MOST_BLOCKS = 8
TOKENS_A_STEP = (1, 2, 4)


@dataclass(frozen=True)
class Setting:
    """One line of a study: its name, how to sample, and how scenes become pictures."""

    study: str
    label: str
    config: SamplingConfig
    draw: Draw = render


def sweep(config: SamplingConfig) -> list[Setting]:
    """Blocks from the whole answer down to an eighth of it, and one, two or four tokens a step."""
    length = config.gen_length
    blocks = [length // count for count in (1, 2, 4, MOST_BLOCKS) if length % count == 0]
    return [
        Setting(
            "sweep",
            f"blocks of {block}, {length // tokens} steps",
            replace(config, block_length=block, steps=length // tokens),
        )
        for block in blocks
        for tokens in TOKENS_A_STEP
        if block % tokens == 0
    ]


def speeds(config: SamplingConfig) -> list[Setting]:
    """The named speeds."""
    lengths = config.gen_length, config.block_length
    return [Setting("speeds", name, replace(config, **speed.settings(*lengths))) for name, speed in SPEEDS.items()]


def robustness(config: SamplingConfig) -> list[Setting]:
    """The pictures as they are drawn, and as people send them."""
    return [Setting("robust", name, config, draw) for name, draw in DISTURBANCES.items()]


def run_settings(
    pipe: LladaVPipeline, questions: Sequence[Question], settings: Sequence[Setting], batch_size: int = BATCH_SIZE
) -> Iterator[tuple[Score, list[Answer]]]:
    """Every setting's score and answers; what comes to the same is run once.

    A causal model has one way of sampling only, so it appears once for each study and way of drawing.
    """
    done: dict[tuple[SamplingConfig, Draw], tuple[Score, list[Answer]]] = {}
    seen = set()
    for setting in settings:
        config, label = effective_config(pipe.model, setting.config), setting.label
        if pipe.model.config.is_causal and setting.draw is render and setting.study in ("sweep", "speeds"):
            label = "left to right"
        if (setting.study, label) in seen:
            continue
        seen.add((setting.study, label))
        key = config, setting.draw
        if key not in done:
            done[key] = score(pipe, questions, config, setting.draw, batch_size=batch_size)
        result, answers = done[key]
        yield replace(result, study=setting.study, label=label), answers


def models_by_share(folder: Path) -> Iterator[tuple[str, Path]]:
    """The share of the data, such as "1/16", and the model of each folder `<objective>-1_16/model`; least first.

    Raises:
        ValueError: there are none.
    """
    found = [
        (Fraction(path.parent.name.rpartition("-")[2].replace("_", "/")), path) for path in folder.glob("*-*/model")
    ]
    if not found:
        raise ValueError(f"scalability must be a folder that holds masked-1_16/model and the like, got {folder}")
    for share, path in sorted(found):
        yield str(share), path


def save_scores(scores: Sequence[Score], path: Path) -> None:
    """Write scores as JSON, one a line."""
    lines = ",\n".join(json.dumps(asdict(each)) for each in scores)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def load_scores(path: Path) -> list[Score]:
    """Read what `save_scores` wrote. Raises ValueError for another file."""
    try:
        return [
            Score(**each | {"reliability": [Bin(**values) for values in each["reliability"]]})
            for each in json.loads(path.read_text(encoding="utf-8"))
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"load must be a file that evaluate --save wrote, got {path}: {error}") from error

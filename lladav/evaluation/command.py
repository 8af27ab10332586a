"""`lladav evaluate`."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from lladav.evaluation.asking import BATCH_SIZE
from lladav.evaluation.lmms.task import write_questions
from lladav.evaluation.looking import looking_table, looks
from lladav.evaluation.methods_study import methods_sweep, study_methods
from lladav.evaluation.questions import Question, held_out_questions, held_out_signs
from lladav.evaluation.report import report
from lladav.evaluation.scoring import Answer, Score
from lladav.evaluation.studies import (
    Setting,
    load_scores,
    models_by_share,
    robustness,
    run_settings,
    save_scores,
    speeds,
    sweep,
)
from lladav.evaluation.wordings import everyday_questions
from lladav.pipeline import LladaVPipeline, default_model
from lladav.sampling import METHODS, SamplingConfig
from lladav.scenes import HELD_OUT_ARTWORK, TRAINING_ARTWORK

DTYPES = ("float32", "bfloat16")
FOLDER = Path("runs/methods")
STUDIES, WORDED = ("sweep", "speeds", "robust"), ("held_out_artwork", "wordings", "signs")
ASKING, LENGTHS = ("gen_length", "batch_size"), ("block_length", "steps")
REPORTS = ("mistakes", "save", "json")
GEN_LENGTH = 64
DEFAULTS = {"seed": 0, "count": 500, "batch_size": BATCH_SIZE}
UNUSED = {  # what may be done instead of asking: the options that it has no use for, and why
    "questions": (
        (*STUDIES, *ASKING, *LENGTHS, *REPORTS, "plot", "dtype", "model", "twin"),
        "questions, which are only written",
    ),
    "methods": ((*STUDIES, *WORDED, *LENGTHS, *REPORTS), "methods, which ask everything alike"),
    "attention": (
        (*STUDIES, *WORDED, *REPORTS, "plot", "twin", "batch_size"), "attention, which asks for colors alone",
    ),
    "load": (
        (*STUDIES, *WORDED, "seed", "count", *ASKING, *LENGTHS, "mistakes", "dtype", "model", "twin"),
        "load, which shows what was asked before",
    ),
    "scalability": ((*STUDIES, "mistakes", "model", "twin"), "scalability, which asks models of its own"),
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `lladav evaluate`."""
    parser.add_argument("--model", action="append", help="directory or hub id; may be repeated (default: the demo's)")
    parser.add_argument("--twin", metavar="PATH", help="the autoregressive twin, to stand beside the model")
    parser.add_argument("--seed", type=int, help=f"of the held-out questions (default: {DEFAULTS['seed']})")
    parser.add_argument("--count", type=int, help=f"how many questions (default: {DEFAULTS['count']})")
    parser.add_argument("--gen-length", type=int, metavar="N", help=f"(default: {GEN_LENGTH})")
    parser.add_argument("--block-length", type=int, metavar="N", help="(default: the whole answer)")
    parser.add_argument("--steps", type=int, metavar="N", help="(default: one a token)")
    parser.add_argument(
        "--batch-size", type=int, metavar="N", help=f"questions at once (default: {DEFAULTS['batch_size']})"
    )
    parser.add_argument("--dtype", choices=DTYPES, help="of the weights (default: bfloat16 on a GPU, else float32)")
    parser.add_argument("--held-out-artwork", action="store_true", help="draw with artwork that training never saw")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--wordings", action="store_true", help="ask in everyday words that training never saw")
    asked.add_argument("--signs", action="store_true", help="ask what signs say, letter by letter")
    studies = parser.add_argument_group("studies")
    studies.add_argument("--sweep", action="store_true", help="block lengths and steps")
    studies.add_argument("--speeds", action="store_true", help="the named speeds")
    studies.add_argument("--robust", action="store_true", help="pictures as people send them")
    studies.add_argument(
        "--methods", action="store_true",
        help="instead: every named way of decoding, over three sets of scenes and three wordings of each question",
    )  # fmt: skip
    studies.add_argument(
        "--scalability", type=Path, metavar="FOLDER",
        help="instead: models trained on shares of the data, in FOLDER/<objective>-<share>/model, share as in 1_16",
    )  # fmt: skip
    studies.add_argument("--attention", action="store_true", help="instead: whether colors look at what they are of")
    results = parser.add_argument_group("results")
    results.add_argument(
        "--folder", type=Path, metavar="PATH", help=f"where answers to --methods are kept (default: {FOLDER})"
    )
    results.add_argument("--mistakes", action="store_true", help="list the wrong answers")
    results.add_argument("--plot", type=Path, metavar="PATH", help="draw everything as a picture")
    results.add_argument("--save", type=Path, metavar="PATH", help="write all scores as JSON")
    results.add_argument("--load", type=Path, metavar="PATH", help="ask nothing: show what --save wrote")
    results.add_argument(
        "--questions", type=Path, metavar="FOLDER",
        help="ask nothing: write the questions and their pictures into a new folder, for lmms-eval",
    )  # fmt: skip
    results.add_argument("--json", action="store_true", help="end with one line of JSON")


def evaluate(args: argparse.Namespace) -> int:
    """Run `lladav evaluate`."""
    _check_options(args)
    for name, value in DEFAULTS.items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    for name in ("count", "batch_size"):
        if getattr(args, name) < 1:
            raise ValueError(f"{name} must be at least 1, got {getattr(args, name)}")
    if args.questions:
        print(f"{write_questions(_questions(args), args.questions)} questions in {args.questions}")
        return 0
    if args.methods:
        return _methods(args)
    if args.attention:
        _attention(args)
        return 0
    answers: list[Answer] = []
    if args.load:
        scores = load_scores(args.load)
    elif args.scalability:
        scores = _scalability(args)
    else:
        scores, answers = _models(args)
    print(report(scores))
    if args.mistakes:
        print(*(one.mistake for one in answers if not one.right), sep="\n")
    if args.plot:
        from lladav.evaluation.plots import plot_scores  # matplotlib takes a second to import

        plot_scores(scores, args.plot)
    if args.save:
        save_scores(scores, args.save)
    if args.json:
        print(scores_as_json(None if args.load else args.seed, scores))
    return 0


def scores_as_json(seed: int | None, scores: list[Score]) -> str:
    """One line of JSON: the first score's figures, and all scores; no seed where it is not known."""
    first = asdict(scores[0])
    figures = {name: first[name] for name in ("model", "accuracy", "asked", "nfe", "calibration_error")}
    return json.dumps({**figures, "seed": seed, "scores": [asdict(each) for each in scores]})


def evaluation_config(args: argparse.Namespace) -> SamplingConfig:
    """By default one block, and a token a step."""
    length = GEN_LENGTH if args.gen_length is None else args.gen_length
    block_length, steps = (length if given is None else given for given in (args.block_length, args.steps))
    return SamplingConfig(gen_length=length, block_length=block_length, steps=steps)


def _pipeline(path: str | Path, args: argparse.Namespace) -> LladaVPipeline:
    return LladaVPipeline.from_pretrained(path, dtype=getattr(torch, args.dtype) if args.dtype else None)


def _settings(args: argparse.Namespace) -> list[Setting]:
    config = evaluation_config(args)
    settings = [Setting("questions", "", config)]
    for wanted, study in ((args.sweep, sweep), (args.speeds, speeds), (args.robust, robustness)):
        settings += study(config) if wanted else []
    return settings


def _models(args: argparse.Namespace) -> tuple[list[Score], list[Answer]]:
    """The scores of every model, and all answers under the setting asked for."""
    questions = _questions(args)
    scores, answers = [], []
    for path in [*(args.model or [default_model()]), *([args.twin] if args.twin else [])]:
        pipe = _pipeline(path, args)
        for score, given in run_settings(pipe, questions, _settings(args), args.batch_size):
            scores.append(score)
            answers += given if score.study == "questions" else []
    return scores, answers


def _questions(args: argparse.Namespace) -> list[Question]:
    if args.signs:
        return list(held_out_signs(args.seed, args.count))
    artwork = (HELD_OUT_ARTWORK,) if args.held_out_artwork else TRAINING_ARTWORK
    ask = everyday_questions if args.wordings else held_out_questions
    return list(ask(args.seed, args.count, artwork))


def _check_options(args: argparse.Namespace) -> None:
    """Refuse what would be dropped without a word."""
    for wanted, (unused, what) in UNUSED.items():
        if getattr(args, wanted):
            _refuse(args, (*unused, *(other for other in UNUSED if other != wanted)), what)
    if args.signs:
        _refuse(args, ("held_out_artwork", "robust"), "signs, on which there is no artwork")
    if not args.methods:
        _refuse(args, ("folder",), "anything but methods")


def _refuse(args: argparse.Namespace, names: Sequence[str], what: str) -> None:
    for name in names:
        given = getattr(args, name)
        if given is not None and given is not False:  # zero is given, too
            raise ValueError(f"{name} does not go with {what}: leave it out")


def _methods(args: argparse.Namespace) -> int:
    models = args.model or [default_model()]
    if len(models) > 1:
        raise ValueError(f"methods are asked of one model at a time, got {' and '.join(models)}: leave out all but one")
    sweep = methods_sweep(args.seed, args.count, evaluation_config(args).gen_length, args.batch_size, tuple(METHODS))
    twin = _pipeline(args.twin, args) if args.twin else None
    print(study_methods(_pipeline(models[0], args), twin, sweep, args.folder or FOLDER, args.plot))
    return 0


def _attention(args: argparse.Namespace) -> None:
    """Print for each model what the colors that it was asked for looked at."""
    for path in args.model or [default_model()]:
        pipe = _pipeline(path, args)
        found = looks(pipe, args.seed, args.count, evaluation_config(args))
        print(f"**{pipe.name}**", looking_table(found), sep="\n\n")


def _scalability(args: argparse.Namespace) -> list[Score]:
    questions = _questions(args)
    setting, scores = Setting("scalability", "", evaluation_config(args)), []
    for share, path in models_by_share(args.scalability):
        pipe = _pipeline(path, args)
        ((score, _),) = run_settings(pipe, questions, [setting], args.batch_size)
        scores.append(replace(score, label=share))
    return scores

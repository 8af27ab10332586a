"""`lladav bench`: what a step costs in every mode, measured side by side with the plain published loop."""

import argparse
import json

from lladav.benchmarks.growth import plot_growth
from lladav.benchmarks.machine import measure_machine
from lladav.benchmarks.measuring import (
    batched_modes,
    choose_threshold,
    compiled_modes,
    exact_config,
    make_modes,
    measure_modes,
    method_modes,
    parallel_modes,
    quantized_modes,
)
from lladav.benchmarks.profiling import profiled_step
from lladav.benchmarks.report import LEGEND, describe, make_rows, measurements, note, table
from lladav.benchmarks.subjects import MODEL_SHAPES, RANDOM, make_subject
from lladav.cli.checks import check_output, need


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `lladav bench`."""
    names = ", ".join(RANDOM + name for name in MODEL_SHAPES)
    parser.add_argument("--model", help=f"a directory, a hub id, or {names} (default: as the demo chooses)")
    parser.add_argument("--prompt-length", type=int, metavar="N", help="random tokens (default: a picture, a question)")
    parser.add_argument("--gen-length", type=int, metavar="N", help="tokens in the answer")
    parser.add_argument("--steps", type=int, metavar="N", help="steps in all (default: one a token); fewer is quicker")
    parser.add_argument("--repetitions", type=int, default=1, metavar="N", help="runs to take medians over")
    parser.add_argument("--methods", action="store_true", help="also every named way of decoding, a row each")
    parser.add_argument("--batched", action="store_true", help="also two answers at once, whose step is one of both")
    parser.add_argument("--compiled", action="store_true", help="also with recorded steps")
    parser.add_argument("--quantized", action="store_true", help="also with weights in 8 and 4 bits (needs an extra)")
    parser.add_argument("--plot", metavar="PATH", help="draw time per step against prompt and answer length")
    parser.add_argument("--profile", action="store_true", help="show where a step of exact mode spends its time")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")


def run(args: argparse.Namespace) -> int:
    """Run `lladav bench`."""
    for name in ("prompt_length", "gen_length", "steps", "repetitions"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
    check_output("plot", args.plot)
    if args.plot:
        need("matplotlib", "--plot")
    if args.quantized:
        need("bitsandbytes", "--quantized")
    subject = make_subject(args.model, args.prompt_length, args.gen_length)
    config = exact_config(subject.gen_length, args.steps or subject.gen_length)
    machine = measure_machine(subject.model.device, subject.model.dtype)
    threshold = choose_threshold(subject, config)
    modes = make_modes(subject, config) + parallel_modes(subject, config, threshold)
    modes += method_modes(subject, config) if args.methods else []
    modes += batched_modes(subject, config) if args.batched else []
    modes += compiled_modes(subject, config) if args.compiled else []
    modes += quantized_modes(subject, config) if args.quantized else []
    rows = make_rows(
        subject,
        machine,
        measure_modes(modes, max(config.steps, *(mode.most_steps for mode in modes)), args.repetitions),
    )
    print(describe(subject, machine, rows), table(rows), LEGEND, note(subject, threshold), sep="\n\n")
    if args.profile:
        print(profiled_step(subject))
    if args.plot:
        plot_growth(subject, args.plot)
    if args.json:
        print(json.dumps(measurements(subject, machine, rows)))
    return 0

"""`lladav sample`: answer a question about a picture."""

import argparse
import codecs
import json
import shutil
import sys
from collections.abc import Callable

from lladav.cli.checks import check_output
from lladav.pipeline import LladaVPipeline, default_model, step_record
from lladav.sampling import (
    METHODS,
    POLICIES,
    PUBLISHED,
    SCORES,
    SPEEDS,
    SamplingConfig,
    SamplingStep,
)
from lladav.sampling.completion import check_lengths, completed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `lladav sample`."""
    parser.add_argument("question")
    parser.add_argument("--image", action="append", default=[], metavar="PATH", help="a picture; may be repeated")
    parser.add_argument("--video", metavar="PATH")
    parser.add_argument("--model", help="directory or hub id (default: LLADAV_MODEL, or what suits the machine)")
    parser.add_argument("--preset", choices=PUBLISHED, help="published settings, by benchmark")
    parser.add_argument("--method", choices=METHODS, help="a published way of decoding, with its settings")
    parser.add_argument("--speed", choices=SPEEDS, help="exact; 2 tokens a step; or all that are sure")
    parser.add_argument("--gen-length", type=int, metavar="N", help="tokens in the answer (default: 64)")
    parser.add_argument("--block-length", type=int, metavar="N", help="tokens in a block (default: the whole answer)")
    parser.add_argument("--steps", type=int, metavar="N", help="steps in all (default: one for two tokens)")
    parser.add_argument("--temperature", type=float, metavar="T")
    parser.add_argument("--cfg-scale", type=float, metavar="S", help="guidance (default: 0, off)")
    parser.add_argument("--remasking", choices=SCORES, help="what orders proposals")
    parser.add_argument("--seed", type=int, metavar="N")
    parser.add_argument("--threshold", type=float, metavar="P", help="also commit what is more probable than this")
    parser.add_argument("--factor", type=float, metavar="F", help="also commit n tokens while (n+1)(1-c_n) < F")
    parser.add_argument("--entropy-bound", type=float, metavar="G", help="also commit n tokens of less entropy")
    parser.add_argument("--schedule-shift", type=float, metavar="A", help="below 1, commit fewer tokens at first")
    parser.add_argument("--refresh-interval", type=int, metavar="N", help="run the prompt only every N steps")
    parser.add_argument("--keep-image-tokens", type=float, metavar="S", help="share of a picture's tokens to keep")
    thinking = parser.add_mutually_exclusive_group()
    thinking.add_argument("--think", dest="thinking", action="store_true", default=None)
    thinking.add_argument("--no-think", dest="thinking", action="store_false")
    parser.add_argument("--trace", metavar="PATH", help="write the whole run as JSON")
    parser.add_argument("--json", action="store_true", help="print one JSON object a step")


def run(args: argparse.Namespace) -> int:
    """Run `lladav sample`."""
    if not args.question.strip():
        raise ValueError(f"question must say something, got {args.question!r}")
    check_output("trace", args.trace)
    config = sampling_config(args)
    thinking = args.thinking
    if thinking is None and args.preset:
        thinking = PUBLISHED[args.preset].thinking
    content = [{"type": "image", "image": path} for path in args.image]
    content += [{"type": "video", "video": args.video}] if args.video else []
    messages = [{"role": "user", "content": [*content, {"type": "text", "text": args.question}]}]

    pipe = LladaVPipeline.from_pretrained(args.model or default_model())
    reply = pipe(messages, config, thinking, on_step=_printer(pipe, args.json))
    if not args.json:
        print(reply.text)
    if args.trace:
        reply.trace.save(args.trace)
    return 0


def sampling_config(args: argparse.Namespace) -> SamplingConfig:
    """The settings of a `sample` command: the preset's, then the method's or the speed's, then what was asked for."""
    names = (
        "temperature",
        "cfg_scale",
        "remasking",
        "seed",
        *POLICIES,
        "schedule_shift",
        "refresh_interval",
        "keep_image_tokens",
    )
    given = {name: getattr(args, name) for name in ("gen_length", "block_length", "steps", *names)}
    asked = {name: value for name, value in given.items() if value is not None}
    preset = PUBLISHED[args.preset].config if args.preset else None
    if args.method:
        if args.speed:
            raise ValueError(f"method and speed exclude each other, got {args.method} and {args.speed}: leave one out")
        start = {"gen_length": preset.gen_length, "stop": preset.stop} if preset else {}  # an answer as long
        return completed(start | asked | {"method": args.method})
    config = (vars(preset) if preset else {}) | asked
    if args.gen_length and args.block_length is None:
        config.pop("block_length", None)
    gen_length = config.get("gen_length", SamplingConfig.gen_length)
    lengths = gen_length, config.get("block_length", gen_length)
    if args.speed:
        check_lengths(*lengths)
        config |= SPEEDS[args.speed].settings(*lengths) | asked
    elif (args.gen_length or args.block_length) and args.steps is None:
        config.pop("steps", None)
    return completed(config)


def _printer(pipe: LladaVPipeline, as_json: bool) -> Callable[[SamplingStep], None] | None:
    """What shows a step: a line of JSON, or one line of a terminal over and over; nothing where neither is wanted."""
    if as_json:
        is_narrow = codecs.lookup(sys.stdout.encoding or "ascii").name != "utf-8"
        return lambda step: print(json.dumps(step_record(pipe, step), ensure_ascii=is_narrow), flush=True)
    return (lambda step: _refine_line(pipe, step)) if sys.stdout.isatty() else None


def _refine_line(pipe: LladaVPipeline, step: SamplingStep) -> None:
    line = f"{step.step:>3}/{step.steps} " + " ".join(pipe.text(step).split())
    if step.finish_reason:
        line = ""  # the answer itself follows
    print("\r\x1b[2K" + line[: shutil.get_terminal_size().columns - 1], end="", flush=True)

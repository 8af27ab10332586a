"""How often the embedded default is right: exact match on held-out scenes, by kind of question."""

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tqdm.auto import tqdm

from lladav.pipeline import LladaVPipeline, default_model
from lladav.sampling import SamplingConfig
from lladav.scenes import HELD_OUT_ARTWORK, IMAGE_SIZE, KINDS, TRAINING_ARTWORK, Example, Scene, make_scene, render


def held_out_questions(
    seed: int, count: int, artwork: tuple[str, ...] = TRAINING_ARTWORK
) -> Iterator[tuple[Scene, Example]]:
    """`count` questions of all kinds in turn, each about a scene of its own that no training seed makes."""
    kinds = list(KINDS)
    for index in range(count):
        rng = random.Random(f"evaluate/{seed}/{index}")
        while True:
            scene = make_scene(rng, artwork=artwork)
            turns = KINDS[kinds[index % len(kinds)]](scene, rng)
            if turns:
                yield scene, Example(kinds[index % len(kinds)], turns)
                break


def conversation(scene: Scene, example: Example) -> list[dict[str, Any]]:
    """The messages up to the last question, earlier answers given as they should be."""
    (first, *_), picture = example.turns[0], {"type": "image", "image": render(scene, IMAGE_SIZE)}
    messages = [{"role": "user", "content": [picture, {"type": "text", "text": first}]}]
    for (_, answer), (question, _) in zip(example.turns, example.turns[1:], strict=False):
        messages += [{"role": "assistant", "content": answer}, {"role": "user", "content": question}]
    return messages


def is_right(example: Example, answer: str) -> bool:
    """Whether the answer is the expected one to the letter; a caption may list its objects in any order."""
    expected = example.turns[-1][1]
    if example.kind == "caption":
        return Counter(mentions(answer)) == Counter(mentions(expected))
    return answer.strip() == expected


def mentions(caption: str) -> list[str]:
    """The parts of "A dog, two cats and a bee.": what it counts and names."""
    return re.split(r", | and ", caption.strip().rstrip(".").lower())


@dataclass
class Tally:
    """Right answers, questions and forward passes, for one kind of question."""

    right: int = 0
    asked: int = 0
    nfe: int = 0
    mistakes: list[str] = field(default_factory=list)

    @property
    def accuracy(self) -> float:
        return self.right / self.asked


def evaluate(
    pipe: LladaVPipeline, config: SamplingConfig, seed: int, count: int, artwork: tuple[str, ...] = TRAINING_ARTWORK
) -> dict[str, Tally]:
    """Asks `count` held-out questions; a tally for every kind, and one called "all"."""
    tallies = {"all": Tally()} | {kind: Tally() for kind in list(KINDS)[:count]}
    for scene, example in tqdm(held_out_questions(seed, count, artwork), total=count, desc="questions"):
        reply = pipe(conversation(scene, example), config)
        right = is_right(example, reply.text)
        for tally in (tallies["all"], tallies[example.kind]):
            tally.right += right
            tally.asked += 1
            tally.nfe += reply.nfe
        if not right:
            question, expected = example.turns[-1]
            tallies[example.kind].mistakes.append(f"{question} {reply.text!r}, not {expected!r}")
    return tallies


def table(tallies: dict[str, Tally]) -> str:
    """The tallies as a Markdown table."""
    lines = ["| kind | right | of | accuracy | forward passes each |", "|---|---|---|---|---|"]
    for kind, tally in tallies.items():
        passes = tally.nfe / tally.asked
        lines.append(f"| {kind} | {tally.right} | {tally.asked} | {tally.accuracy:.1%} | {passes:.1f} |")
    return "\n".join(lines)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `lladav evaluate`."""
    parser.add_argument("--model", default=None, help="a directory or a hub id (default: as the demo chooses)")
    parser.add_argument("--seed", type=int, default=0, help="of the held-out questions")
    parser.add_argument("--count", type=int, default=500, help="how many questions")
    parser.add_argument("--gen-length", type=int, default=32)
    parser.add_argument("--block-length", type=int, default=32)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--held-out-artwork", action="store_true", help="draw with artwork that training never saw")
    parser.add_argument("--mistakes", action="store_true", help="list the wrong answers")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")


def main(args: argparse.Namespace) -> int:
    """Runs `lladav evaluate`."""
    if args.count < 1:
        raise ValueError(f"count must be at least 1, got {args.count}")
    config = SamplingConfig(gen_length=args.gen_length, block_length=args.block_length, steps=args.steps)
    pipe = LladaVPipeline.from_pretrained(args.model or default_model())
    artwork = (HELD_OUT_ARTWORK,) if args.held_out_artwork else TRAINING_ARTWORK
    tallies = evaluate(pipe, config, args.seed, args.count, artwork)
    print(table(tallies))
    if args.mistakes:
        print(*(f"{kind}: {line}" for kind, tally in tallies.items() for line in tally.mistakes), sep="\n")
    if args.json:
        accuracy = {kind: round(tally.accuracy, 4) for kind, tally in tallies.items()}
        asked = {kind: tally.asked for kind, tally in tallies.items()}
        nfe = round(tallies["all"].nfe / tallies["all"].asked, 2)
        print(json.dumps({"model": pipe.name, "seed": args.seed, "accuracy": accuracy, "asked": asked, "nfe": nfe}))
    return 0

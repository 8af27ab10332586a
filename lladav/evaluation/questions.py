"""What is asked, and what counts as right."""

import random
import re
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from typing import Any

from PIL import Image

from lladav.scenes import (
    KINDS,
    TRAINING_ARTWORK,
    Example,
    Scene,
    ask_kind,
    held_out_strangers,
    make_scene,
    make_sign,
    render,
    training_strangers,
)

Question = tuple[Scene, Example]

UNKNOWN = "unknown"  # the name of something that training showed neither by name nor as a thing without one
ASKED = (*KINDS, UNKNOWN)
LISTS = ("caption", "detail")  # kinds whose answers begin with a list of what is there


def held_out_questions(seed: int, count: int, artwork: tuple[str, ...] = TRAINING_ARTWORK) -> Iterator[Question]:
    """`count` questions of all kinds in turn, each about a scene of its own that no training seed makes."""
    for index, kind in zip(range(count), cycle(ASKED)):
        rng = random.Random(f"evaluate/{seed}/{index}")
        example = None
        while not example:
            scene, example = _ask_unknown(rng, artwork) if kind == UNKNOWN else _ask(kind, rng, artwork)
        yield scene, Example(kind, example.turns)


def held_out_signs(seed: int, count: int) -> Iterator[Question]:
    """`count` questions for what signs say. Their seeds are others than training's; short texts and words do recur in
    training."""
    for index in range(count):
        rng = random.Random(f"evaluate/{seed}/signs/{index}")
        scene = make_sign(rng)
        example = ask_kind(scene, rng, "sign")
        assert example
        yield scene, example


def _ask(kind: str, rng: random.Random, artwork: tuple[str, ...]) -> tuple[Scene, Example | None]:
    # What has no name is asked about under its own kind, which then says how often the model admits it.
    scene = make_scene(rng, artwork=artwork, strangers=() if kind == "name" else training_strangers())
    return scene, ask_kind(scene, rng, kind)


def _ask_unknown(rng: random.Random, artwork: tuple[str, ...]) -> tuple[Scene, Example | None]:
    scene = make_scene(rng, 1, artwork, held_out_strangers())
    return scene, None if scene.known else ask_kind(scene, rng, "name")


def conversation(scene: Scene, example: Example, picture: Image.Image | None = None) -> list[dict[str, Any]]:
    """The messages up to the last question, earlier answers given as they should be; `picture` shows the scene."""
    return messages_about(picture or render(scene), example)


def messages_about(picture: Image.Image, example: Example) -> list[dict[str, Any]]:
    """A `conversation` of which only the picture is there, and not the scene."""
    (first, *_), image = example.turns[0], {"type": "image", "image": picture}
    messages = [{"role": "user", "content": [image, {"type": "text", "text": first}]}]
    for (_, answer), (question, _) in zip(example.turns, example.turns[1:], strict=False):
        messages += [{"role": "assistant", "content": answer}, {"role": "user", "content": question}]
    return messages


def is_right(example: Example, answer: str) -> bool:
    """Whether the answer is the expected one to the letter; what is listed may stand in any order."""
    expected = example.turns[-1][1]
    if example.kind in LISTS:
        return _unordered(answer) == _unordered(expected)
    return answer.strip() == expected


def _unordered(answer: str) -> tuple[Counter[str], str]:
    """What the first sentence lists, and the others as they are."""
    first, _, rest = answer.strip().partition(". ")
    return Counter(mentions(first)), rest


def mentions(listing: str) -> list[str]:
    """The parts of "A dog, two cats and a bee." or "I see a dog": what it counts and names."""
    return re.split(r", | and ", listing.strip().removesuffix(".").removeprefix("I see ").lower())

"""What is asked, and what counts as right."""

import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from PIL import Image

from lladav.scenes import KINDS, TRAINING_ARTWORK, Example, Scene, make_scene, render

Question = tuple[Scene, Example]


def held_out_questions(seed: int, count: int, artwork: tuple[str, ...] = TRAINING_ARTWORK) -> Iterator[Question]:
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


def conversation(scene: Scene, example: Example, picture: Image.Image | None = None) -> list[dict[str, Any]]:
    """The messages up to the last question, earlier answers given as they should be; `picture` shows the scene."""
    (first, *_), image = example.turns[0], {"type": "image", "image": picture or render(scene)}
    messages = [{"role": "user", "content": [image, {"type": "text", "text": first}]}]
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

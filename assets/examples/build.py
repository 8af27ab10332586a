"""Draws the example pictures of this folder: python assets/examples/build.py"""

import json
from pathlib import Path

from lladav.scenes import Item, Scene, render
from lladav.scenes.signs import SIGN_COLUMNS, Sign

HERE = Path(__file__).parent
SIZE = 512


def emoji(name: str, x: float, y: float, size: float = 0.3, artwork: str = "fluent") -> Item:
    """A thing of a set of emoji."""
    return Item(name, "", artwork, x, y, size)


EXAMPLES = {  # file: (question, scene); the style is a seed with which what tests/ui/learn and tests/assets say holds
    "frog": ("What is this?", Scene((emoji("frog", 0.5, 0.5, 0.7),), 1004)),
    "picnic": (
        "Describe the picture in detail.",
        Scene((emoji("pizza", 0.18, 0.22, 0.33), emoji("apple", 0.79, 0.22, 0.27), emoji("banana", 0.47, 0.78)), 1907),
    ),
    "garden": (
        "Is there a tree?",
        Scene(
            (
                emoji("tree", 0.2, 0.51, 0.32),
                emoji("house", 0.49, 0.55, 0.32, "noto"),
                emoji("flower", 0.83, 0.6, 0.24),
            ),
            795,
        ),
    ),
    "cats": (
        "How many cats are there?",
        Scene((emoji("cat", 0.2, 0.25, 0.27), emoji("cat", 0.78, 0.32, 0.27), emoji("cat", 0.48, 0.76, 0.27)), 305),
    ),
    "shapes": (
        "What color is the heart?",
        Scene(
            (
                Item("heart", "red", "", 0.2, 0.4, 0.32),
                Item("star", "yellow", "", 0.79, 0.33, 0.3),
                Item("circle", "blue", "", 0.47, 0.73, 0.3),
            ),
            733,
        ),
    ),
    "sea": (
        "Describe the picture.",
        Scene((emoji("whale", 0.34, 0.24, 0.41), emoji("octopus", 0.77, 0.63, 0.32)), 1047),
    ),
    "farm": (
        "Do you see a pig here?",
        Scene(
            (
                emoji("tractor", 0.22, 0.23, 0.28, "noto"),
                emoji("chicken", 0.75, 0.25, 0.3, "noto"),
                emoji("pig", 0.51, 0.72, 0.32, "noto"),
            ),
            1129,
        ),
    ),
    "fruit": (
        "How many lemons are there?",
        Scene(
            (
                emoji("lemon", 0.24, 0.32, 0.32, "noto"),
                emoji("strawberry", 0.7, 0.2, 0.27, "noto"),
                emoji("lemon", 0.24, 0.75, 0.27, "noto"),
                emoji("pineapple", 0.75, 0.73, 0.33),
            ),
            1044,
        ),
    ),
    "space": (
        "where's the moon?",
        Scene(
            (emoji("rocket", 0.25, 0.22, 0.36), emoji("moon", 0.83, 0.26, 0.29), emoji("robot", 0.45, 0.78, 0.35)), 1397
        ),
    ),
    "sign": ("What does the sign say?", Scene((), 497, Sign("LLADAV", 1.5 / SIGN_COLUMNS, 0.41, 0.14))),
}


OFFERED = ("picnic", "cats", "space", "frog", "shapes", "sign")  # in the order of the page


def main() -> None:
    """Draws the pictures, and lists them with their questions in examples.json."""
    for name, (_, scene) in EXAMPLES.items():
        render(scene, SIZE).save(HERE / f"{name}.png", optimize=True)
    listing = [{"image": f"{name}.png", "question": EXAMPLES[name][0]} for name in OFFERED]
    (HERE / "examples.json").write_text(json.dumps(listing, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

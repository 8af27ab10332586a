"""Draws the example pictures of this folder: python assets/examples/build.py"""

import json
from pathlib import Path

from lladav.scenes import Item, Scene, render

HERE = Path(__file__).parent
SIZE = 512


def emoji(name: str, x: float, y: float, size: float = 0.3) -> Item:
    """An emoji of the Fluent set."""
    return Item(name, "", "fluent", x, y, size)


EXAMPLES = {  # file: (question, scene); the style is a seed with which what tests/ui/learn and tests/assets say holds
    "frog": ("What is this?", Scene((emoji("frog", 0.5, 0.5, 0.7),), 1004)),
    "picnic": (
        "Describe the picture in detail.",
        Scene((emoji("pizza", 0.18, 0.22, 0.33), emoji("apple", 0.79, 0.22, 0.27), emoji("banana", 0.47, 0.78)), 1928),
    ),
    "garden": (
        "Is there a tree?",
        Scene(
            (emoji("tree", 0.17, 0.62, 0.32), emoji("house", 0.54, 0.57, 0.32), emoji("flower", 0.88, 0.67, 0.24)), 1823
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
                Item("heart", "red", "", 0.26, 0.3, 0.32),
                Item("star", "yellow", "", 0.74, 0.28, 0.3),
                Item("circle", "blue", "", 0.5, 0.74, 0.3),
            ),
            1864,
        ),
    ),
    "sea": (
        "Describe the picture.",
        Scene((emoji("whale", 0.34, 0.24, 0.41), emoji("octopus", 0.77, 0.63, 0.32)), 1047),
    ),
    "farm": (
        "Do you see a pig here?",
        Scene((emoji("cow", 0.34, 0.22), emoji("pig", 0.68, 0.34, 0.36), emoji("chicken", 0.57, 0.75, 0.25)), 271),
    ),
    "fruit": (
        "How many lemons are there?",
        Scene(
            (
                emoji("lemon", 0.26, 0.28, 0.32),
                emoji("strawberry", 0.7, 0.24, 0.27),
                emoji("lemon", 0.23, 0.76, 0.27),
                emoji("pineapple", 0.73, 0.68, 0.33),
            ),
            378,
        ),
    ),
    "space": (
        "where's the moon?",
        Scene(
            (emoji("rocket", 0.25, 0.22, 0.36), emoji("moon", 0.83, 0.26, 0.29), emoji("robot", 0.45, 0.78, 0.35)), 1380
        ),
    ),
}


OFFERED = ("picnic", "cats", "space", "frog", "shapes", "garden")  # in the order of the page


def main() -> None:
    """Draws the pictures, and lists them with their questions in examples.json."""
    for name, (_, scene) in EXAMPLES.items():
        render(scene, SIZE).save(HERE / f"{name}.png", optimize=True)
    listing = [{"image": f"{name}.png", "question": EXAMPLES[name][0]} for name in OFFERED]
    (HERE / "examples.json").write_text(json.dumps(listing, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

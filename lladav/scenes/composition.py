"""Scenes as lists of objects: what stands where, drawn at random so that nothing overlaps.

All is driven by a `random.Random`, so a seed is a data set. Positions and sizes are fractions of the picture's side;
the origin is the top left corner.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from lladav.scenes.artwork import COLORS, SHAPES, TRAINING_ARTWORK, class_names, training_strangers
from lladav.scenes.language import STRANGER
from lladav.scenes.signs import LONGEST_SIGN, Sign, draw_sign

SHAPE_SHARE, STRANGER_SHARE = 0.3, 0.08  # of what is on pictures


@dataclass(frozen=True)
class Item:
    """One object. `name` is a class, a shape or a stranger, `color` a key of COLORS for shapes and "" for artwork;
    `x`, `y` are its centre and `size` its side, all fractions of the picture."""

    name: str
    color: str
    artwork: str
    x: float
    y: float
    size: float

    @property
    def cell(self) -> tuple[int, int]:
        """Column and row on a 3 x 3 grid of the picture."""
        return min(int(self.x * 3), 2), min(int(self.y * 3), 2)

    @property
    def known(self) -> bool:
        """Whether it has a name that questions and answers may say."""
        return bool(self.color) or self.name in class_names()

    @property
    def phrase(self) -> str:
        """What it is called: "dog", "red circle"."""
        return f"{self.color} {self.name}".strip() if self.known else STRANGER


@dataclass(frozen=True)
class Scene:
    """What is on a picture: objects, or a sign. `style` seeds everything about its looks that no question asks for."""

    items: tuple[Item, ...]
    style: int
    sign: Sign | None = None

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each phrase occurs, in the order of the cells of their first items: column by column, from the top.

        No finer, or nobody could tell which comes first, and a model that writes all of a list at once would have to.
        """
        return Counter(item.phrase for item in sorted(self.items, key=lambda item: item.cell))

    @cached_property
    def unique(self) -> list[Item]:
        """The items that "the <name>" refers to without doubt."""
        names = Counter(item.name for item in self.items)
        return [item for item in self.items if names[item.name] == 1 and item.known]

    @cached_property
    def known(self) -> list[Item]:
        """The items that have a name."""
        return [item for item in self.items if item.known]


def make_scene(
    rng: random.Random,
    max_items: int = 6,
    artwork: tuple[str, ...] = TRAINING_ARTWORK,
    strangers: tuple[str, ...] | None = None,
    stranger_share: float = STRANGER_SHARE,
) -> Scene:
    """A scene of one to `max_items` objects: one alone, several different ones, or groups to be counted.

    `strangers` may be among them, by default those of training.
    """
    strangers = training_strangers() if strangers is None else strangers
    total = 1 if max_items == 1 or rng.random() < 0.25 else rng.randint(2, max_items)
    things: list[tuple[str, str]] = []
    while len(things) < total:
        thing = draw_thing(rng, strangers, stranger_share)
        repeats = rng.randint(2, 5) if rng.random() < 0.3 else 1
        if thing[0] not in {name for name, _ in things}:
            things += [thing] * min(repeats, total - len(things))
    rng.shuffle(things)
    return _place(things, rng, artwork)


def make_sign(rng: random.Random, longest: int = LONGEST_SIGN) -> Scene:
    """A scene of a sign alone, of `longest` characters at most."""
    return Scene((), rng.getrandbits(32), draw_sign(rng, longest))


def scene_of(names: Sequence[str], rng: random.Random, artwork: tuple[str, ...] = TRAINING_ARTWORK) -> Scene:
    """A scene of these things, one for each name, placed at random.

    Args:
        names: One to nine classes, such as "dog", or shapes with their color, such as "red circle".
        rng: Places them, and chooses their looks.
        artwork: The sets to draw from.
    """
    if not 1 <= len(names) <= 9:
        raise ValueError(f"names must be 1 to 9 things, got {len(names)}")
    return _place([_thing_called(name) for name in names], rng, artwork)


def _thing_called(name: str) -> tuple[str, str]:
    color, _, shape = name.rpartition(" ")
    if name in class_names():
        return name, ""
    if shape in SHAPES and color in COLORS:
        return shape, color
    raise ValueError(f"names must be classes, or shapes with a color, got {name!r}")


def _place(things: list[tuple[str, str]], rng: random.Random, artwork: tuple[str, ...]) -> Scene:
    """The (name, color) pairs at random places, the same things with the same looks."""
    looks = {thing: rng.choice(artwork) for thing in dict.fromkeys(things)}
    items = tuple(
        Item(name, color, "" if color else looks[name, color], *spot)
        for (name, color), spot in zip(things, _spots(rng, len(things)), strict=True)
    )
    return Scene(items, rng.getrandbits(32))


def draw_thing(
    rng: random.Random, strangers: tuple[str, ...] = (), stranger_share: float = STRANGER_SHARE
) -> tuple[str, str]:
    """A (name, color) pair; color is "" for artwork."""
    draw = rng.random()
    if draw < SHAPE_SHARE:
        return rng.choice(SHAPES), rng.choice(list(COLORS))
    if draw < SHAPE_SHARE + stranger_share and strangers:
        return rng.choice(strangers), ""
    return rng.choice(class_names()), ""


def _spots(rng: random.Random, total: int) -> list[tuple[float, float, float]]:
    """Centres and sizes that do not overlap: one large object, or jittered cells of a 2 x 2 or 3 x 3 grid."""
    if total == 1:
        size = rng.uniform(0.3, 0.95)
        return [(rng.uniform(size / 2, 1 - size / 2), rng.uniform(size / 2, 1 - size / 2), size)]
    grid = 2 if total <= 3 and rng.random() < 0.5 else 3
    spots = []
    for cell in rng.sample(range(grid * grid), total):
        size = rng.uniform(0.62, 0.92) / grid
        slack = (1 / grid - size) / 2
        x = (cell % grid + 0.5) / grid + rng.uniform(-slack, slack)
        y = (cell // grid + 0.5) / grid + rng.uniform(-slack, slack)
        spots.append((x, y, size))
    return spots

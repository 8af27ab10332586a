"""Scenes: seeded pictures composed of emoji artwork and coloured shapes, with questions that have one right answer.

`make_scene` places objects, `render` draws them, `ask` writes a short conversation about them. All are driven by a
`random.Random`, so a seed is a data set: training and held-out questions come from the same code and never meet.
Positions and sizes are fractions of the picture's side; the origin is the top left corner.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from lladav.artwork import COLORS, SHAPES, class_names, emoji_sprite, shape_sprite, stranger_names

TRAINING_ARTWORK = ("noto", "fluent", "flat")
HELD_OUT_ARTWORK = "twemoji"
STRANGERS = tuple(name for index, name in enumerate(stranger_names()) if index % 4)
HELD_OUT_STRANGERS = tuple(name for index, name in enumerate(stranger_names()) if index % 4 == 0)
STRANGER = "thing I don't know"  # what a stranger is called, whichever it is
IMAGE_SIZE = 128
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six")
IRREGULAR = {"mouse": "mice", "fish": "fish", "cactus": "cacti"}
SHAPE_SHARE, STRANGER_SHARE = 0.3, 0.08  # of what is on pictures
CLEAR = 0.14  # two centres closer than this along an axis are in no relation on it


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
    """What is on a picture. `style` seeds everything about its looks that no question asks for."""

    items: tuple[Item, ...]
    style: int

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


@dataclass(frozen=True)
class Example:
    """A conversation of (question, answer) turns about one scene; `kind` is one of KINDS."""

    kind: str
    turns: tuple[tuple[str, str], ...]


# --- language -----------------------------------------------------------------------------------------------------


def article(phrase: str) -> str:
    """ "a dog", "an apple"."""
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def plural(phrase: str) -> str:
    """The plural of a phrase: "dogs", "red circles", "mice"."""
    if phrase == STRANGER:
        return phrase.replace("thing", "things")
    head, _, noun = phrase.rpartition(" ")
    if noun in IRREGULAR:
        noun = IRREGULAR[noun]
    elif noun.endswith("y") and noun[-2] not in "aeiou":
        noun = noun[:-1] + "ies"
    else:
        noun += "es" if noun.endswith(("s", "x", "ch")) else "s"
    return f"{head} {noun}".strip()


def quantity(phrase: str, count: int) -> str:
    """ "a dog", "three dogs"."""
    return article(phrase) if count == 1 else f"{NUMBERS[count]} {plural(phrase)}"


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    return text[0].upper() + text[1:] + "."


def listing(phrases: list[str]) -> str:
    """ "a dog, two cats and a red circle"."""
    return " and ".join(part for part in (", ".join(phrases[:-1]), phrases[-1]) if part)


def identity(item: Item) -> str:
    """What one item is, in a sentence."""
    return sentence(article(item.phrase)) if item.known else "I don't know this one."


def place(item: Item) -> str:
    """Where an item is on a 3 x 3 grid of the picture: "at the top left", "in the middle"."""
    column, row = ("left", "", "right")[item.cell[0]], ("top", "", "bottom")[item.cell[1]]
    return f"at the {f'{row} {column}'.strip()}" if row or column else "in the middle"


# --- scenes -------------------------------------------------------------------------------------------------------


def make_scene(
    rng: random.Random,
    max_items: int = 6,
    artwork: tuple[str, ...] = TRAINING_ARTWORK,
    strangers: tuple[str, ...] = STRANGERS,
    stranger_share: float = STRANGER_SHARE,
) -> Scene:
    """A scene of one to `max_items` objects: one alone, several different ones, or groups to be counted."""
    total = 1 if max_items == 1 or rng.random() < 0.25 else rng.randint(2, max_items)
    phrases: list[tuple[str, str]] = []
    while len(phrases) < total:
        thing = _thing(rng, strangers, stranger_share)
        repeats = rng.randint(2, 5) if rng.random() < 0.3 else 1
        if thing[0] not in {name for name, _ in phrases}:
            phrases += [thing] * min(repeats, total - len(phrases))
    rng.shuffle(phrases)
    looks = {thing: rng.choice(artwork) for thing in set(phrases)}
    spots = _spots(rng, total)
    items = tuple(
        Item(name, color, "" if color else looks[name, color], *spot)
        for (name, color), spot in zip(phrases, spots, strict=True)
    )
    return Scene(items, rng.getrandbits(32))


def _thing(
    rng: random.Random, strangers: tuple[str, ...] = (), stranger_share: float = STRANGER_SHARE
) -> tuple[str, str]:
    """A (name, colour) pair; colour is "" for artwork."""
    draw = rng.random()
    if draw < SHAPE_SHARE:
        return rng.choice(SHAPES), rng.choice(list(COLORS))
    if draw < SHAPE_SHARE + stranger_share and strangers:
        return rng.choice(strangers), ""
    return rng.choice(class_names()), ""


def _absent(scene: Scene, rng: random.Random) -> str:
    """The name of something that is not on the picture."""
    shown = {item.name for item in scene.items}
    return rng.choice([name for name in (*class_names(), *SHAPES) if name not in shown])


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


# --- drawing ------------------------------------------------------------------------------------------------------


def render(scene: Scene, size: int = IMAGE_SIZE, ground: Image.Image | None = None) -> Image.Image:
    """Draws the scene as an RGB picture of `size` x `size` pixels, upon `ground` if one is given."""
    looks = random.Random(scene.style)
    picture = ground or _background(looks, {COLORS[item.color] for item in scene.items if item.color}, size)
    stretch = looks.uniform(0.75, 1.33) if looks.random() < 0.3 else 1  # as when a wide picture is squashed to a square
    for item in scene.items:
        if item.color:
            red, green, blue = (min(max(c + looks.randint(-16, 16), 0), 255) for c in COLORS[item.color])
            sprite = shape_sprite(item.name, (red, green, blue))
        else:
            sprite = emoji_sprite(item.name, item.artwork)
        side = max(round(item.size * size), 1)
        shape = max(round(side * min(stretch, 1)), 1), max(round(side / max(stretch, 1)), 1)
        sprite = sprite.resize(shape, Image.Resampling.BILINEAR)
        if looks.random() < 0.5:
            sprite = sprite.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        if looks.random() < 0.3:
            sprite = sprite.rotate(looks.uniform(-14, 14), Image.Resampling.BILINEAR)
        corner = round(item.x * size - shape[0] / 2), round(item.y * size - shape[1] / 2)
        picture.paste(sprite, corner, sprite)
    return picture


def _background(looks: random.Random, avoid: set[tuple[int, int, int]], size: int) -> Image.Image:
    """A plain, graded, striped or noisy ground whose colour stays away from the colours that are asked about."""
    while True:
        base = np.array([looks.randint(0, 255) for _ in range(3)])
        if looks.random() < 0.6:
            base = 255 - (255 - base) // 4  # mostly light grounds, as on screens and paper
        if all(np.abs(base - np.array(color)).sum() > 130 for color in avoid):
            break
    style = looks.random()
    if style < 0.4:
        return Image.new("RGB", (size, size), tuple(int(c) for c in base))
    axis = np.linspace(-1, 1, size)[:, None]
    wave = axis * np.cos(turn := looks.uniform(0, np.pi)) + axis.T * np.sin(turn)  # (size, size): across the picture
    slope = np.array([looks.randint(-30, 30) for _ in range(3)])
    if style < 0.6:
        ground = base + wave[..., None] * slope
    elif style < 0.8:  # stripes, or two halves
        ground = (
            base + np.sign(np.sin(wave * looks.choice([1, 6, 12, 20]) + looks.uniform(0, 3)))[..., None] * slope / 2
        )
    else:
        noise = np.random.default_rng(looks.getrandbits(32))
        ground = base + noise.normal(0, looks.uniform(2, 14), (size, size, 1))
    return Image.fromarray(ground.clip(0, 255).astype(np.uint8))


# --- questions ----------------------------------------------------------------------------------------------------
# Each asker returns the turns of a conversation, or None where the scene has no such question with one right answer.

Turns = tuple[tuple[str, str], ...] | None
RELATIONS = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}


def _holds(a: Item, b: Item, relation: str) -> float:
    """How far `a` stands in `relation` to `b`, along the relation's axis."""
    dx, dy = RELATIONS[relation]
    return (a.x - b.x) * dx + (a.y - b.y) * dy


def _neighbour(scene: Scene, of: Item, relation: str) -> Item | None:
    """The only item that is clearly, and mostly, in `relation` to `of`."""
    dx, dy = RELATIONS[relation]

    def across(item: Item) -> float:
        return abs((item.x - of.x) * dy + (item.y - of.y) * dx)

    found = [i for i in scene.items if _holds(i, of, relation) > max(CLEAR, across(i))]
    return found[0] if len(found) == 1 else None


def ask_name(scene: Scene, rng: random.Random) -> Turns:
    if len(scene.items) > 1:
        return None
    question = rng.choice(["What is it?", "What is this?", "What do you see?", "What is in the picture?"])
    return ((question, identity(scene.items[0])),)


def ask_position(scene: Scene, rng: random.Random) -> Turns:
    item = rng.choice(scene.items)
    if len(scene.items) == 1 or [place(other) for other in scene.items].count(place(item)) > 1:
        return None
    return ((f"What is {place(item)}?", identity(item)),)


def ask_color(scene: Scene, rng: random.Random) -> Turns:
    shapes = [item for item in scene.items if item.color]
    if not shapes:
        return None
    item = rng.choice(shapes)
    if scene.counts[item.phrase] > 1:
        return ((f"What color are the {plural(item.name)}?", sentence(item.color)),)
    question = rng.choice([f"What color is the {item.name}?", f"Which color is the {item.name}?"])
    return ((question, sentence(item.color)),)


def ask_count(scene: Scene, rng: random.Random) -> Turns:
    if not scene.known or rng.random() < 0.1:
        noun, count = _absent(scene, rng), 0
    else:
        item = rng.choice(scene.known)
        noun = item.phrase if item.color and rng.random() < 0.5 else item.name
        count = scene.counts[item.phrase]
    question = rng.choice([f"How many {plural(noun)} are there?", f"How many {plural(noun)} do you see?"])
    return ((question, sentence(NUMBERS[count])),)


def ask_exists(scene: Scene, rng: random.Random) -> Turns:
    present = bool(scene.known) and rng.random() < 0.5
    name, color = (lambda item: (item.name, item.color))(rng.choice(scene.known)) if present else _thing(rng)
    phrase = f"{color} {name}".strip()
    if not present and name in {item.name for item in scene.items}:
        return None
    noun = phrase if rng.random() < 0.5 else name
    question = rng.choice([f"Is there {article(noun)}?", f"Do you see {article(noun)}?"])
    return ((question, "Yes." if present else "No."),)


def ask_relation(scene: Scene, rng: random.Random) -> Turns:
    if len(scene.unique) < 2:
        return None
    relation = rng.choice(list(RELATIONS))
    a, b = rng.sample(scene.unique, 2)
    if rng.random() < 0.4:
        if abs(_holds(a, b, relation)) < CLEAR:
            return None
        return ((f"Is the {a.name} {relation} the {b.name}?", "Yes." if _holds(a, b, relation) > 0 else "No."),)
    found = _neighbour(scene, b, relation)
    return ((f"What is {relation} the {b.name}?", identity(found)),) if found else None


def ask_compare(scene: Scene, rng: random.Random) -> Turns:
    """Where one thing is from another: the answer says on which side, which a yes or a no leaves to be found out."""
    if len(scene.unique) < 2:
        return None
    a, b = rng.sample(scene.unique, 2)
    for relation, (dx, dy) in RELATIONS.items():
        across = abs((a.x - b.x) * dy + (a.y - b.y) * dx)
        if _holds(a, b, relation) > max(CLEAR, 1.2 * across):
            return ((f"Where is the {a.name} from the {b.name}?", sentence(f"{relation} the {b.name}")),)
    return None


def ask_order(scene: Scene, rng: random.Random) -> Turns:
    """What stands first or last in a list of what is there, or beside something in it: a list, one step at a time."""
    listed = [(phrase, quantity(phrase, n)) for phrase, n in scene.counts.items()]
    step = rng.choice([-1, 1])
    if rng.random() < 0.3:
        return ((f"What comes {'first' if step > 0 else 'last'}?", sentence(listed[0 if step > 0 else -1][1])),)
    at = rng.randrange(len(listed))
    phrase = listed[at][0]
    if phrase == STRANGER:
        return None
    noun = phrase if scene.counts[phrase] == 1 else plural(phrase)
    found = sentence(listed[at + step][1]) if 0 <= at + step < len(listed) else "Nothing."
    return ((f"What comes {'after' if step > 0 else 'before'} the {noun}?", found),)


def ask_kinds(scene: Scene, rng: random.Random) -> Turns:
    """How long a list of what is there is."""
    return (("How many kinds of things are there?", sentence(NUMBERS[len(scene.counts)])),)


def ask_where(scene: Scene, rng: random.Random) -> Turns:
    if not scene.unique or rng.random() < 0.1:
        name = _absent(scene, rng)
        return ((f"Where is the {name}?", f"There is no {name}."),)
    item = rng.choice(scene.unique)
    return ((f"Where is the {item.name}?", sentence(place(item))),)


def ask_caption(scene: Scene, rng: random.Random) -> Turns:
    question = rng.choice(["Describe the picture.", "What can you see?", "Describe what you see.", "List all objects."])
    return ((question, sentence(_contents(scene))),)


def _contents(scene: Scene) -> str:
    return listing([quantity(phrase, n) for phrase, n in scene.counts.items()])


def ask_detail(scene: Scene, rng: random.Random) -> Turns:
    """Three sentences: everything that is there, and where the first and the last are of what is there once."""
    named = sorted(scene.unique, key=lambda item: item.cell)
    if len(named) < 2:
        return None
    where = [sentence(f"the {item.name} is {place(item)}") for item in (named[0], named[-1])]
    question = rng.choice(["Describe the picture in detail.", "Tell me more about the picture.", "Tell me everything."])
    return ((question, " ".join([f"I see {_contents(scene)}.", *where])),)


def ask_follow_up(scene: Scene, rng: random.Random) -> Turns:
    """A first question that names one thing, and a second that only says "it"."""
    first = rng.choice([ask_name, ask_position, ask_relation])(scene, rng)
    item = next((item for item in scene.known if first and identity(item) == first[0][1]), None)
    if item is None or first is None:
        return None
    if scene.counts[item.phrase] > 1:
        return None
    others = [other for other in scene.unique if other is not item]
    choices = [("Where is it?", sentence(place(item)))]
    if item.color:
        choices.append(("What color is it?", sentence(item.color)))
    if others:
        relation, other = rng.choice(list(RELATIONS)), rng.choice(others)
        if abs(_holds(item, other, relation)) >= CLEAR:
            holds = _holds(item, other, relation) > 0
            choices.append((f"Is it {relation} the {other.name}?", "Yes." if holds else "No."))
        found = _neighbour(scene, item, relation)
        if found:
            choices.append((f"What is {relation} it?", identity(found)))
    return (*first, rng.choice(choices))


SMALL_TALK = {
    ("Hello!", "Hello", "Hi", "Hi!", "Hey"): "Hello! Show me a picture and ask me about it.",
    ("Who are you?", "What are you?", "What is your name?"): "I am a tiny diffusion model that looks at pictures.",
    ("What can you do?", "What can I ask?", "Help", "How can you help me?"): (
        "I can name, count and find things in simple pictures."
    ),
    ("How are you?",): "I am fine, thank you.",
    ("Tell me a joke.", "What is the weather like?", "Why?", "What is two plus two?", "Where are you from?"): (
        "I can only talk about what is in a picture."
    ),
    ("Thanks", "Thank you!", "Thank you"): "You are welcome!",
    ("Bye", "Goodbye!", "Goodbye"): "Goodbye!",
}


NO_PICTURE = "Please show me a picture first."


def ask_talk(scene: Scene, rng: random.Random) -> Turns:
    questions, answer = rng.choice(list(SMALL_TALK.items()))
    return ((rng.choice(questions), answer),)


KINDS = {
    "name": ask_name,
    "position": ask_position,
    "color": ask_color,
    "count": ask_count,
    "exists": ask_exists,
    "relation": ask_relation,
    "where": ask_where,
    "caption": ask_caption,
    "detail": ask_detail,
    "follow_up": ask_follow_up,
    "talk": ask_talk,
}
# Asked in training only: what teaches the other kinds.
EXERCISES = {"compare": ask_compare, "order": ask_order, "kinds": ask_kinds}
WEIGHTS = {  # of the kinds in training: what takes longest to learn, or few scenes allow, weighs most
    "name": 2,
    "position": 4,
    "color": 2,
    "count": 5,
    "exists": 3,
    "relation": 14,
    "where": 3,
    "caption": 4,
    "detail": 3,
    "follow_up": 4,
    "talk": 1,
}


def ask(scene: Scene, rng: random.Random, kind: str | None = None, weights: Mapping[str, float] = WEIGHTS) -> Example:
    """A conversation about the scene: of `kind` if the scene allows it, else of one drawn by `weights`.

    What a scene has no question of is drawn anew, so that kinds that few scenes allow are asked less than they weigh.
    """
    while True:
        kind = kind or rng.choices(list(weights), list(weights.values()))[0]
        turns = (KINDS | EXERCISES)[kind](scene, rng)
        if turns:
            return Example(kind, turns)
        kind = None

"""What is asked about a scene: facts with one right answer, before anybody words them.

An asker returns the facts of a conversation, or None where the scene has no such question with one right answer. How a
fact is put into words is a matter of `wordings`.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lladav.scenes.artwork import COLORS, GROUPS, SHAPES, class_names, stranger_names
from lladav.scenes.composition import Item, Scene, draw_thing
from lladav.scenes.language import NUMBERS, STRANGER, article, listing, place_of, plural, quantity, sentence

CLEAR = 0.14  # two centres closer than this along an axis are in no relation on it
RELATIONS = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}
UNKNOWN = "I don't know this one."
NOTHING = "Nothing."


@dataclass(frozen=True)
class Fact:
    """A question before it is worded: what it asks (a key of wordings.PLAIN), of what, and the right answer.

    Slots: noun and other are names ("dog", "red circle"); relation one of RELATIONS; place as in "at the top left";
    color; group a key of GROUPS; number.
    """

    form: str
    answer: str
    slots: Mapping[str, str] = field(default_factory=dict)


Facts = tuple[Fact, ...] | None
Asker = Callable[[Scene, random.Random], Facts]


def identity(item: Item) -> str:
    """What one item is, in a sentence."""
    return sentence(article(item.phrase)) if item.known else UNKNOWN


def place(item: Item) -> str:
    """Where an item is on a 3 x 3 grid of the picture: "at the top left", "in the middle"."""
    return place_of(item.cell)


def contents(scene: Scene) -> str:
    """All that is on a picture: "a dog, two cats and a red circle"."""
    return listing([quantity(phrase, count) for phrase, count in scene.counts.items()])


def yes(true: bool) -> str:
    """The answer to a question whether something is so."""
    return "Yes." if true else "No."


def missing(name: str) -> str:
    """The answer to a question about what is not there."""
    return f"There is no {name}."


def absent(scene: Scene, rng: random.Random) -> str:
    """The name of something that is not on the picture."""
    shown = {item.name for item in scene.items}
    return rng.choice([name for name in (*class_names(), *SHAPES) if name not in shown])


def holds(a: Item, b: Item, relation: str) -> float:
    """How far `a` stands in `relation` to `b`, along the relation's axis."""
    dx, dy = RELATIONS[relation]
    return (a.x - b.x) * dx + (a.y - b.y) * dy


def neighbor(scene: Scene, of: Item, relation: str) -> Item | None:
    """The only item that is clearly, and mostly, in `relation` to `of`."""
    dx, dy = RELATIONS[relation]

    def across(item: Item) -> float:
        return abs((item.x - of.x) * dy + (item.y - of.y) * dx)

    found = [item for item in scene.items if holds(item, of, relation) > max(CLEAR, across(item))]
    return found[0] if len(found) == 1 else None


# --- the kinds of questions ---------------------------------------------------------------------------------------


def ask_name(scene: Scene, rng: random.Random) -> Facts:
    if scene.sign:
        return (Fact("name", A_SIGN),)
    return (Fact("name", identity(scene.items[0])),) if len(scene.items) == 1 else None


def ask_position(scene: Scene, rng: random.Random) -> Facts:
    if not scene.items:
        return None
    item = rng.choice(scene.items)
    if len(scene.items) == 1 or [place(other) for other in scene.items].count(place(item)) > 1:
        return None
    return (Fact("position", identity(item), {"place": place(item)}),)


def ask_color(scene: Scene, rng: random.Random) -> Facts:
    shapes = [item for item in scene.items if item.color]
    if not shapes:
        return None
    item = rng.choice(shapes)
    form = "colors" if scene.counts[item.phrase] > 1 else "color"
    return (Fact(form, sentence(item.color), {"noun": item.name}),)


def ask_count(scene: Scene, rng: random.Random) -> Facts:
    if not scene.known or rng.random() < 0.1:
        noun, count = absent(scene, rng), 0
    else:
        item = rng.choice(scene.known)
        noun = item.phrase if item.color and rng.random() < 0.5 else item.name
        count = scene.counts[item.phrase]
    return (Fact("count", sentence(NUMBERS[count]), {"noun": noun}),)


def ask_exists(scene: Scene, rng: random.Random) -> Facts:
    present = bool(scene.known) and rng.random() < 0.5
    name, color = (lambda item: (item.name, item.color))(rng.choice(scene.known)) if present else draw_thing(rng)
    if not present and name in {item.name for item in scene.items}:
        return None
    noun = f"{color} {name}".strip() if rng.random() < 0.5 else name
    return (Fact("exists", yes(present), {"noun": noun}),)


def ask_relation(scene: Scene, rng: random.Random) -> Facts:
    if len(scene.unique) < 2:
        return None
    relation = rng.choice(list(RELATIONS))
    a, b = rng.sample(scene.unique, 2)
    if rng.random() < 0.4:
        if abs(holds(a, b, relation)) < CLEAR:
            return None
        slots = {"noun": a.name, "relation": relation, "other": b.name}
        return (Fact("related", yes(holds(a, b, relation) > 0), slots),)
    found = neighbor(scene, b, relation)
    return (Fact("relation", identity(found), {"relation": relation, "noun": b.name}),) if found else None


def ask_where(scene: Scene, rng: random.Random) -> Facts:
    if not scene.unique or rng.random() < 0.1:
        name = absent(scene, rng)
        return (Fact("where", missing(name), {"noun": name}),)
    item = rng.choice(scene.unique)
    return (Fact("where", sentence(place(item)), {"noun": item.name}),)


def ask_caption(scene: Scene, rng: random.Random) -> Facts:
    """All that is there. Of one thing alone it says what it is, as many ask for both in the same words."""
    if scene.sign:
        return (Fact("caption", A_SIGN),)
    if len(scene.items) == 1:
        return (Fact("caption", identity(scene.items[0])),)
    return (Fact("overview", sentence(contents(scene))),)


def ask_detail(scene: Scene, rng: random.Random) -> Facts:
    """Three sentences: everything that is there, and where the first and the last are of what is there once."""
    named = sorted(scene.unique, key=lambda item: item.cell)
    if len(named) < 2:
        return None
    where = [sentence(f"the {item.name} is {place(item)}") for item in (named[0], named[-1])]
    return (Fact("detail", " ".join([f"I see {contents(scene)}.", *where])),)


def ask_follow_up(scene: Scene, rng: random.Random) -> Facts:
    """A first question that names one thing, and a second that only says "it"."""
    first = rng.choice([ask_name, ask_position, ask_relation])(scene, rng)
    item = next((item for item in scene.known if first and identity(item) == first[0].answer), None)
    if item is None or first is None or scene.counts[item.phrase] > 1:
        return None
    return (*first, rng.choice(_about_it(scene, item, rng)))


def _about_it(scene: Scene, item: Item, rng: random.Random) -> list[Fact]:
    """What can be asked about an item that has just been named."""
    choices = [Fact("where_it", sentence(place(item)))]
    if item.color:
        choices.append(Fact("color_it", sentence(item.color)))
    others = [other for other in scene.unique if other is not item]
    if not others:
        return choices
    relation, other = rng.choice(list(RELATIONS)), rng.choice(others)
    if abs(holds(item, other, relation)) >= CLEAR:
        slots = {"relation": relation, "other": other.name}
        choices.append(Fact("related_it", yes(holds(item, other, relation) > 0), slots))
    if found := neighbor(scene, item, relation):
        choices.append(Fact("relation_it", identity(found), {"relation": relation}))
    return choices


def ask_talk(scene: Scene, rng: random.Random) -> Facts:
    topic = rng.choice(list(SMALL_TALK))
    return (Fact(topic, SMALL_TALK[topic]),)


NO_PICTURE = "Please show me a picture first."
OUT_OF_WORLD = "I can only talk about what is in a picture."
SMALL_TALK = {
    "hello": "Hello! Show me a picture and ask me about it.",
    "who": "I am a tiny diffusion model that looks at pictures.",
    "ability": "I can name, count and find things in simple pictures, and read signs.",
    "mood": "I am fine, thank you.",
    "beyond": OUT_OF_WORLD,
    "thanks": "You are welcome!",
    "bye": "Goodbye!",
}
KINDS: dict[str, Asker] = {
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


# --- what people ask besides ----------------------------------------------------------------------------------------


def ask_group(scene: Scene, rng: random.Random) -> Facts:
    """Whether there are animals, how many, and which. Of a thing without a name nobody can say what it belongs to."""
    if len(scene.known) < len(scene.items):
        return None
    present = [group for group, names in GROUPS.items() if any(item.name in names for item in scene.items)]
    group = rng.choice(present) if present and rng.random() < 0.7 else rng.choice(list(GROUPS))
    found = {phrase: count for phrase, count in scene.counts.items() if phrase.rpartition(" ")[2] in GROUPS[group]}
    answers = {
        "group_exists": yes(bool(found)),
        "group_count": sentence(NUMBERS[sum(found.values())]),
        "group_which": sentence(listing([quantity(phrase, count) for phrase, count in found.items()]))
        if found
        else missing(group),
    }
    form = rng.choice(list(answers))
    return (Fact(form, answers[form], {"group": group}),)


def ask_total(scene: Scene, rng: random.Random) -> Facts:
    """How many things there are in all, or of how many kinds."""
    if rng.random() < 0.5:
        return (Fact("total", sentence(NUMBERS[len(scene.items)])),)
    return (Fact("kinds", sentence(NUMBERS[len(scene.counts)])),)


def ask_empty(scene: Scene, rng: random.Random) -> Facts:
    """What is in an empty place, on an empty side of something, or about something that is not there."""
    return rng.choice([_empty_place, _empty_side, _missing_side, _missing_color, _unheard_of])(scene, rng)


def _empty_place(scene: Scene, rng: random.Random) -> Facts:
    taken = {item.cell for item in scene.items}
    free = [(x, y) for x in range(3) for y in range(3) if (x, y) not in taken]
    if len(scene.items) == 1 or not free:
        return None
    return (Fact("position", NOTHING, {"place": place_of(rng.choice(free))}),)


def _empty_side(scene: Scene, rng: random.Random) -> Facts:
    if not scene.unique:
        return None
    item, relation = rng.choice(scene.unique), rng.choice(list(RELATIONS))
    if any(holds(other, item, relation) > CLEAR / 2 for other in scene.items):
        return None
    return (Fact("relation", NOTHING, {"relation": relation, "noun": item.name}),)


def _missing_side(scene: Scene, rng: random.Random) -> Facts:
    name = absent(scene, rng)
    return (Fact("relation", missing(name), {"relation": rng.choice(list(RELATIONS)), "noun": name}),)


def _missing_color(scene: Scene, rng: random.Random) -> Facts:
    name = absent(scene, rng)
    return (Fact("color", missing(name), {"noun": name}),)


def _unheard_of(scene: Scene, rng: random.Random) -> Facts:
    """What the model has no name for is not there, unless something is that it has no name for."""
    if len(scene.known) < len(scene.items):
        return None
    noun = rng.choice([name for name in (*stranger_names(), *OTHER_THINGS) if not name.endswith("s")])
    answers = {"exists": yes(False), "count": sentence(NUMBERS[0]), "where": missing(noun)}
    form = rng.choice(["exists", "exists", "count", "where"])
    return (Fact(form, answers[form], {"noun": noun}),)


OTHER_THINGS = (
    *("man", "woman", "person", "child", "boy", "girl", "baby", "table", "window", "door", "street", "river", "lake"),
    *("mountain", "cloud", "lamp", "bottle", "knife", "spoon", "pen", "computer", "truck", "motorcycle", "bag", "wall"),
    *(
        "dinosaur",
        "tomato",
        "potato",
        "onion",
        "sandwich",
        "bridge",
        "road",
        "spider",
        "sword",
        "pencil",
        "cup",
        "plate",
    ),
)


def ask_whether(scene: Scene, rng: random.Random) -> Facts:
    """Whether something is what, where or as one thinks: "Is it a dog?", "Is the circle red?"."""
    return rng.choice([_whether_name, _whether_color, _whether_place, _whether_number])(scene, rng)


def _whether_name(scene: Scene, rng: random.Random) -> Facts:
    if len(scene.items) > 1 or not scene.known:
        return None
    true = rng.random() < 0.5
    noun = scene.items[0].name if true else absent(scene, rng)
    return (Fact("whether_name", yes(true), {"noun": noun}),)


def _whether_color(scene: Scene, rng: random.Random) -> Facts:
    shapes = [item for item in scene.unique if item.color]
    if not shapes:
        return None
    item, true = rng.choice(shapes), rng.random() < 0.5
    color = item.color if true else rng.choice([color for color in COLORS if color != item.color])
    return (Fact("whether_color", yes(true), {"noun": item.name, "color": color}),)


def _whether_place(scene: Scene, rng: random.Random) -> Facts:
    if not scene.unique:
        return None
    item, true = rng.choice(scene.unique), rng.random() < 0.5
    others = [(x, y) for x in range(3) for y in range(3) if (x, y) != item.cell]
    said = place(item) if true else place_of(rng.choice(others))
    return (Fact("whether_place", yes(true), {"noun": item.name, "place": said}),)


def _whether_number(scene: Scene, rng: random.Random) -> Facts:
    if not scene.known:
        return None
    item, true = rng.choice(scene.known), rng.random() < 0.5
    count = scene.counts[item.phrase]
    said = count if true else rng.choice([number for number in range(2, 6) if number != count])
    if said == 1:
        return None
    return (Fact("whether_number", yes(true), {"noun": item.name, "number": NUMBERS[said]}),)


def ask_same(scene: Scene, rng: random.Random) -> Facts:
    """A question, and then only what else it is asked about: "Where is the dog?", "And the cat?"."""
    asker = rng.choice([ask_where, ask_count, ask_exists, ask_color])
    first, second = asker(scene, rng), asker(scene, rng)
    if not first or not second or first[0].slots == second[0].slots or first[0].form != second[0].form:
        return None
    form = "and_the" if first[0].form in ("where", "color", "colors") else "and_some"
    return (*first, Fact(form, second[0].answer, second[0].slots))


def ask_unsaid(scene: Scene, rng: random.Random) -> Facts:
    """What a picture of simple things doesn't tell, or this model can't."""
    artwork = [item for item in scene.unique if not item.color]
    if artwork and rng.random() < 0.5:
        return (Fact("color", ONLY_SHAPES, {"noun": rng.choice(artwork).name}),)
    if not artwork:
        return None
    return (Fact("unsaid", UNSAID, {"noun": rng.choice(artwork).name}),)


ONLY_SHAPES = "I can only tell the colors of shapes."
UNSAID = "I can't tell."


def ask_beyond(scene: Scene, rng: random.Random) -> Facts:
    return (Fact("beyond", OUT_OF_WORLD),)


# Asked in everyday words only.
FURTHER: dict[str, Asker] = {
    "group": ask_group,
    "total": ask_total,
    "empty": ask_empty,
    "whether": ask_whether,
    "same": ask_same,
    "unsaid": ask_unsaid,
    "beyond": ask_beyond,
}


# --- signs --------------------------------------------------------------------------------------------------------


def ask_sign(scene: Scene, rng: random.Random) -> Facts:
    """What a sign says, one character at a time."""
    return (Fact("sign", f"{scene.sign.spelled}." if scene.sign else missing("sign")),)


def ask_signed(scene: Scene, rng: random.Random) -> Facts:
    """Whether there is one at all."""
    return (Fact("exists", yes(scene.sign is not None), {"noun": "sign"}),)


A_SIGN = "A sign."
# Asked about a sign, and about other pictures to learn that there is none.
SIGNS: dict[str, Asker] = {"sign": ask_sign, "signed": ask_signed}


# --- exercises ------------------------------------------------------------------------------------------------------


def ask_compare(scene: Scene, rng: random.Random) -> Facts:
    """Where one thing is from another: the answer says on which side, which a yes or a no leaves to be found out."""
    if len(scene.unique) < 2:
        return None
    a, b = rng.sample(scene.unique, 2)
    for relation, (dx, dy) in RELATIONS.items():
        across = abs((a.x - b.x) * dy + (a.y - b.y) * dx)
        if holds(a, b, relation) > max(CLEAR, 1.2 * across):
            return (Fact("compare", sentence(f"{relation} the {b.name}"), {"noun": a.name, "other": b.name}),)
    return None


def ask_order(scene: Scene, rng: random.Random) -> Facts:
    """What stands first or last in a list of what is there, or beside something in it: a list, one step at a time."""
    if not scene.items:
        return None
    listed = [(phrase, quantity(phrase, count)) for phrase, count in scene.counts.items()]
    step = rng.choice([-1, 1])
    if rng.random() < 0.3:
        return (Fact("first" if step > 0 else "last", sentence(listed[0 if step > 0 else -1][1])),)
    at = rng.randrange(len(listed))
    phrase = listed[at][0]
    if phrase == STRANGER:
        return None
    noun = phrase if scene.counts[phrase] == 1 else plural(phrase)
    found = sentence(listed[at + step][1]) if 0 <= at + step < len(listed) else NOTHING
    return (Fact("after" if step > 0 else "before", found, {"noun": noun}),)


def ask_kinds(scene: Scene, rng: random.Random) -> Facts:
    """How long a list of what is there is."""
    return (Fact("kinds", sentence(NUMBERS[len(scene.counts)])),)


# Asked in training only: what teaches the other kinds.
EXERCISES: dict[str, Asker] = {"compare": ask_compare, "order": ask_order, "kinds": ask_kinds}

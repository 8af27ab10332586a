"""The scenes: reproducible, drawn where they say, and asked about truthfully."""

import random
from collections import Counter

import numpy as np
import pytest

from lladav.artwork import COLORS, SHAPES, class_names, emoji_sprite, stranger_names
from lladav.scenes import (
    EXERCISES,
    HELD_OUT_ARTWORK,
    HELD_OUT_STRANGERS,
    KINDS,
    SMALL_TALK,
    STRANGERS,
    TRAINING_ARTWORK,
    Item,
    Scene,
    ask,
    listing,
    make_scene,
    place,
    plural,
    quantity,
    render,
)

UNKNOWN = "I don't know this one."
DOG = Item("dog", "", "fluent", 0.2, 0.2, 0.25)
CAT = Item("cat", "", "fluent", 0.8, 0.2, 0.25)
CIRCLE = Item("circle", "red", "", 0.2, 0.8, 0.25)
SCENE = Scene((DOG, CAT, CIRCLE), style=1)


def answers(kind: str, scene: Scene, tries: int = 200) -> dict[str, str]:
    """Every last question of a kind that a scene gives rise to, with its answer."""
    turns = [(KINDS | EXERCISES)[kind](scene, random.Random(seed)) for seed in range(tries)]
    return {found[-1][0]: found[-1][1] for found in turns if found}


def test_a_seed_is_a_data_set():
    def draw(seed: int):
        rng = random.Random(seed)
        scene = make_scene(rng)
        return scene, ask(scene, rng), render(scene).tobytes()

    assert draw(3) == draw(3)
    assert draw(3) != draw(4)


def test_objects_lie_inside_the_picture_and_apart():
    rng = random.Random(0)
    for _ in range(300):
        scene = make_scene(rng)
        for item in scene.items:
            assert item.size / 2 <= item.x <= 1 - item.size / 2
            assert item.size / 2 <= item.y <= 1 - item.size / 2
        for a in scene.items:
            for b in scene.items:
                if a is not b:
                    gap = max(abs(a.x - b.x), abs(a.y - b.y)) - (a.size + b.size) / 2
                    assert gap > -1e-9


@pytest.mark.parametrize("artwork", [*TRAINING_ARTWORK, HELD_OUT_ARTWORK])
def test_every_class_is_drawn_in_every_set(artwork):
    for name in class_names():
        alpha = np.asarray(emoji_sprite(name, artwork))[..., 3]
        assert (alpha > 128).mean() > 0.1, name


def test_classes_have_one_drawing_each():
    sprites = {emoji_sprite(name, "fluent").tobytes() for name in class_names()}
    assert len(sprites) == len(class_names()) == 64


def test_strangers_are_drawn_and_some_are_kept_aside():
    assert not set(STRANGERS) & set(HELD_OUT_STRANGERS) and not set(class_names()) & set(stranger_names())
    for name in stranger_names():
        assert (np.asarray(emoji_sprite(name, "noto"))[..., 3] > 128).mean() > 0.1, name


def test_strangers_are_not_named():
    stranger = Item("snake", "", "noto", 0.8, 0.8, 0.25)
    scene = Scene((DOG, CIRCLE, stranger), style=1)
    assert answers("name", Scene((stranger,), style=1)) == dict.fromkeys(answers("name", Scene((DOG,), 1)), UNKNOWN)
    assert answers("position", scene)["What is at the bottom right?"] == UNKNOWN
    assert answers("relation", scene)["What is right of the circle?"] == UNKNOWN
    assert answers("caption", scene)["Describe the picture."].endswith(" and a thing I don't know.")
    for kind in KINDS:
        assert "snake" not in str(answers(kind, scene)), kind


def test_what_is_not_there():
    assert answers("where", SCENE, tries=5000)["Where is the bus?"] == "There is no bus."
    assert answers("count", SCENE, tries=5000)["How many buses are there?"] == "Zero."


def test_a_shape_has_its_color_where_the_scene_says():
    for color, rgb in COLORS.items():
        scene = Scene((Item("square", color, "", 0.25, 0.75, 0.4),), style=5)
        pixel = np.asarray(render(scene, 128))[96, 32].astype(int)
        nearest = min(COLORS, key=lambda name: np.abs(np.array(COLORS[name]) - pixel).sum())
        assert nearest == color, (color, rgb, pixel)


def test_questions_about_a_known_scene():
    assert answers("relation", SCENE) == {
        "What is left of the cat?": "A dog.",
        "What is right of the dog?": "A cat.",
        "What is above the circle?": "A dog.",
        "What is below the dog?": "A red circle.",
        **{f"Is the dog {r} the cat?": a for r, a in {"left of": "Yes.", "right of": "No."}.items()},
        **{f"Is the cat {r} the dog?": a for r, a in {"left of": "No.", "right of": "Yes."}.items()},
        **{f"Is the circle {r} the cat?": a for r, a in {"left of": "Yes.", "right of": "No."}.items()},
        **{f"Is the cat {r} the circle?": a for r, a in {"left of": "No.", "right of": "Yes."}.items()},
        **{f"Is the circle {r} the {o}?": a for o in ("dog", "cat") for r, a in (("above", "No."), ("below", "Yes."))},
        **{f"Is the {o} {r} the circle?": a for o in ("dog", "cat") for r, a in (("above", "Yes."), ("below", "No."))},
    }
    assert set(answers("color", SCENE).values()) == {"Red."}
    assert answers("where", SCENE)["Where is the circle?"] == "At the bottom left."
    assert answers("position", SCENE)["What is at the top right?"] == "A cat."
    assert set(answers("caption", SCENE).values()) == {"A dog, a red circle and a cat."}
    assert answers("name", SCENE) == {}
    assert answers("detail", SCENE)["Tell me everything."] in {
        "I see a dog, a red circle and a cat. The dog is at the top left. The cat is at the top right.",
    }


def test_the_side_on_which_one_thing_is_of_another():
    assert answers("compare", SCENE) == {
        "Where is the dog from the cat?": "Left of the cat.",
        "Where is the cat from the dog?": "Right of the dog.",
        "Where is the dog from the circle?": "Above the circle.",
        "Where is the circle from the dog?": "Below the dog.",
    }  # the circle and the cat lie on a diagonal


def test_lists_step_by_step():
    assert answers("order", SCENE) == {
        "What comes first?": "A dog.",
        "What comes last?": "A cat.",
        "What comes after the dog?": "A red circle.",
        "What comes after the red circle?": "A cat.",
        "What comes after the cat?": "Nothing.",
        "What comes before the cat?": "A red circle.",
        "What comes before the red circle?": "A dog.",
        "What comes before the dog?": "Nothing.",
    }
    assert answers("kinds", SCENE) == {"How many kinds of things are there?": "Three."}
    ghosts = tuple(Item("ghost", "", "noto", x, 0.2, 0.2) for x in (0.2, 0.5))
    nameless = Scene((*ghosts, Item(STRANGERS[0], "", "noto", 0.8, 0.8, 0.2)), style=0)
    assert answers("order", nameless)["What comes after the ghosts?"] == "A thing I don't know."
    assert not any("before the thing" in question for question in answers("order", nameless))
    assert answers("kinds", nameless) == {"How many kinds of things are there?": "Two."}


def test_counting():
    cats = tuple(Item("cat", "", "noto", x, 0.5, 0.2) for x in (0.2, 0.5, 0.8))
    scene = Scene((*cats, CIRCLE), style=0)
    assert answers("count", scene)["How many cats are there?"] == "Three."
    assert set(answers("caption", scene).values()) == {"Three cats and a red circle."}
    assert answers("where", scene).get("Where is the cat?") is None


def test_existence_is_balanced_and_true():
    rng = random.Random(0)
    tally: Counter = Counter()
    for _ in range(2000):
        scene = make_scene(rng)
        if turns := KINDS["exists"](scene, rng):
            question, answer = turns[0]
            said = question.rstrip("?").split(" ", 3)[-1].split(" ")[-1]
            assert (answer == "Yes.") == (said in {item.name for item in scene.items}), (question, scene)
            tally[answer] += 1
    assert 0.4 < tally["Yes."] / tally.total() < 0.6


def test_follow_ups_need_their_history():
    for seed in range(200):
        turns = KINDS["follow_up"](SCENE, random.Random(seed))
        if turns:
            assert len(turns) == 2 and " it" in turns[1][0]


def test_every_kind_can_be_asked():
    rng = random.Random(1)
    seen = {ask(make_scene(rng), rng).kind for _ in range(2000)}
    assert seen == set(KINDS)


def test_exercises_are_asked_where_they_have_a_weight():
    rng = random.Random(1)
    assert {ask(make_scene(rng), rng, weights={"compare": 1, "talk": 1}).kind for _ in range(50)} == {"compare", "talk"}


def test_language():
    assert [plural(n) for n in ("mouse", "box", "butterfly", "key", "red circle", "bus", "fish")] == [
        "mice", "boxes", "butterflies", "keys", "red circles", "buses", "fish",
    ]  # fmt: skip
    assert quantity("apple", 1) == "an apple" and quantity("fox", 3) == "three foxes"
    assert listing(["a"]) == "a" and listing(["a", "b"]) == "a and b" and listing(["a", "b", "c"]) == "a, b and c"
    assert place(Item("dog", "", "noto", 0.5, 0.5, 0.1)) == "in the middle"
    assert place(Item("dog", "", "noto", 0.5, 0.9, 0.1)) == "at the bottom"
    assert len({question for questions in SMALL_TALK for question in questions}) == sum(map(len, SMALL_TALK))
    assert len(SHAPES) == 5

"""What is asked about scenes, and the answers."""

import random
from collections import Counter

from lladav.scenes import (
    ASKERS,
    KINDS,
    Item,
    Scene,
    ask_kind,
    make_scene,
    training_strangers,
)

UNKNOWN = "I don't know this one."
DOG = Item("dog", "", "fluent", 0.2, 0.2, 0.25)
CAT = Item("cat", "", "fluent", 0.8, 0.2, 0.25)
CIRCLE = Item("circle", "red", "", 0.2, 0.8, 0.25)
SCENE = Scene((DOG, CAT, CIRCLE), style=1)


def answers(kind: str, scene: Scene, tries: int = 200) -> dict[str, str]:
    """Every last question of a kind that a scene gives rise to, in the model's own words, with its answer."""
    examples = [ask_kind(scene, random.Random(seed), kind) for seed in range(tries)]
    return {example.turns[-1][0]: example.turns[-1][1] for example in examples if example}


def facts(kind: str, scene: Scene, tries: int = 200) -> set[tuple[str, ...]]:
    """Every last fact of a kind that a scene gives rise to: its form, its answer and what fills its slots."""
    found = [ASKERS[kind](scene, random.Random(seed)) for seed in range(tries)]
    return {(each[-1].form, each[-1].answer, *each[-1].slots.values()) for each in found if each}


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
    nameless = Scene((*ghosts, Item(training_strangers()[0], "", "noto", 0.8, 0.8, 0.2)), style=0)
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
        if found := KINDS["exists"](scene, rng):
            (fact,) = found
            shown = {item.name for item in scene.items}
            assert (fact.answer == "Yes.") == (fact.slots["noun"].rpartition(" ")[2] in shown), (fact, scene)
            tally[fact.answer] += 1
    assert 0.4 < tally["Yes."] / tally.total() < 0.6


def test_follow_ups_need_their_history():
    for seed in range(200):
        example = ask_kind(SCENE, random.Random(seed), "follow_up")
        if example:
            assert len(example.turns) == 2 and " it" in example.turns[1][0]


def test_groups():
    assert facts("group", SCENE) >= {
        ("group_exists", "Yes.", "animal"),
        ("group_exists", "No.", "fruit"),
        ("group_count", "Two.", "animal"),
        ("group_count", "One.", "shape"),
        ("group_which", "A dog and a cat.", "animal"),
        ("group_which", "There is no vehicle.", "vehicle"),
    }
    stranger = Item("snake", "", "noto", 0.8, 0.8, 0.25)
    assert not facts("group", Scene((DOG, stranger), 0))  # nobody can say whether what has no name is an animal


def test_how_many_there_are_in_all():
    twins = Scene((*SCENE.items, Item("dog", "", "fluent", 0.8, 0.8, 0.25)), style=1)
    assert facts("total", twins) == {("total", "Four."), ("kinds", "Three.")}


def test_empty_places_and_sides():
    found = facts("empty", SCENE, 2000)
    assert ("position", "Nothing.", "in the middle") in found and ("relation", "Nothing.", "left of", "dog") in found
    assert {answer for form, answer, *slots in found if slots[-1] == "bus"} >= {"There is no bus."}
    assert not any(
        answer == "Nothing." and slots[-1] in ("at the top left", "at the top right") for _, answer, *slots in found
    )


def test_whether_something_is_so():
    found = facts("whether", SCENE, 500)
    assert {("whether_color", "Yes.", "circle", "red"), ("whether_color", "No.", "circle", "blue")} <= found
    assert ("whether_place", "Yes.", "dog", "at the top left") in found
    assert ("whether_place", "No.", "dog", "in the middle") in found
    assert facts("whether", Scene((DOG,), 0), 500) >= {("whether_name", "Yes.", "dog"), ("whether_name", "No.", "bus")}


def test_what_a_picture_does_not_tell():
    assert {answer for _, answer, *_ in facts("unsaid", SCENE)} == {
        "I can't tell.",
        "I can only tell the colors of shapes.",
    }
    assert facts("beyond", SCENE) == {("beyond", "I can only talk about what is in a picture.")}

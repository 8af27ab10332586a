"""What is asked, and what counts as right."""

from lladav.evaluation import conversation, held_out_questions, is_right, mentions
from lladav.evaluation.questions import ASKED, held_out_signs
from lladav.scenes import (
    TRAINING_ARTWORK,
    Example,
    class_names,
    held_out_strangers,
    training_strangers,
)


def test_they_are_seeded_and_cycle_through_the_kinds():
    count = 2 * len(ASKED)
    first = list(held_out_questions(3, count))
    assert first == list(held_out_questions(3, count))
    assert first != list(held_out_questions(4, count))
    assert [example.kind for _, example in first] == list(ASKED) * 2


def test_artwork_can_be_held_out():
    questions = held_out_questions(0, 50, ("twemoji",))
    drawn = {item.artwork for scene, _ in questions for item in scene.items if not item.color}
    assert drawn == {"twemoji"} and not drawn & set(TRAINING_ARTWORK)


def test_what_is_unknown_was_never_shown():
    unknown = [scene for scene, example in held_out_questions(0, 4 * len(ASKED)) if example.kind == "unknown"]
    assert len(unknown) == 4
    assert {item.name for scene in unknown for item in scene.items} <= set(held_out_strangers())
    assert not set(held_out_strangers()) & {*training_strangers(), *class_names()}


def test_signs_are_asked_for_what_they_say():
    questions = list(held_out_signs(3, 40))
    assert questions == list(held_out_signs(3, 40)) and questions != list(held_out_signs(4, 40))
    for scene, example in questions:
        assert scene.sign and example.turns[-1][1] == f"{scene.sign.spelled}."
        assert is_right(example, f"{scene.sign.spelled}.") and not is_right(example, f"{scene.sign.spelled} A.")


def test_a_caption_may_list_in_any_order():
    example = Example("caption", (("Describe the picture.", "A dog, two cats and a red star."),))
    assert is_right(example, "Two cats, a red star and a dog.")
    assert is_right(example, "A dog, two cats and a red star.")
    for wrong in (
        "A dog, two cats and a blue star.",
        "A dog and two cats.",
        "A dog, a dog, two cats and a red star.",
        "",
    ):
        assert not is_right(example, wrong)
    assert mentions("A bee.") == ["a bee"]


def test_a_detailed_one_may_do_so_in_its_first_sentence():
    turn = ("Tell me everything.", "I see a dog and two cats. The dog is at the left.")
    example = Example("detail", (turn,))
    assert is_right(example, "I see two cats and a dog. The dog is at the left.") and is_right(example, turn[1])
    for wrong in (
        "I see two cats and a dog. The dog is at the right.",
        "I see two cats and a dog.",
        "I see a dog.",
    ):
        assert not is_right(example, wrong)


def test_other_answers_are_exact():
    example = Example("color", (("What color is the star?", "Red."),))
    assert is_right(example, " Red.") and not is_right(example, "red.") and not is_right(example, "Red. Red.")


def test_earlier_answers_are_given():
    scene, example = next(q for q in held_out_questions(0, 50) if q[1].kind == "follow_up")
    messages = conversation(scene, example)
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[1]["content"] == example.turns[0][1] and messages[2]["content"] == example.turns[1][0]

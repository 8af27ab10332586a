"""Evaluation: what is asked, what counts as right, and that the embedded default is as good as its card says."""

import random
from itertools import islice

import pytest

from lladav.evaluation import conversation, evaluate, held_out_questions, is_right, mentions
from lladav.pipeline import EMBEDDED_MODEL, LladaVPipeline
from lladav.sampling import SamplingConfig
from lladav.scenes import KINDS, TRAINING_ARTWORK, Example, render

CONFIG = SamplingConfig(gen_length=32, block_length=32, steps=32)


@pytest.fixture(scope="module")
def pipe() -> LladaVPipeline:
    if not (EMBEDDED_MODEL / "model.safetensors").exists():
        pytest.skip("the embedded default is not in assets")
    return LladaVPipeline.from_pretrained(EMBEDDED_MODEL, device="cpu")


def test_questions_are_seeded_and_cycle_through_the_kinds():
    first = list(held_out_questions(3, 20))
    assert first == list(held_out_questions(3, 20))
    assert first != list(held_out_questions(4, 20))
    assert [example.kind for _, example in first] == list(KINDS) * 2


def test_artwork_can_be_held_out():
    drawn = {
        item.artwork for scene, _ in held_out_questions(0, 50, ("twemoji",)) for item in scene.items if not item.color
    }
    assert drawn == {"twemoji"} and not drawn & set(TRAINING_ARTWORK)


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


def test_other_answers_are_exact():
    example = Example("color", (("What color is the star?", "Red."),))
    assert is_right(example, " Red.") and not is_right(example, "red.") and not is_right(example, "Red. Red.")


def test_earlier_answers_are_given():
    scene, example = next(q for q in held_out_questions(0, 50) if q[1].kind == "follow_up")
    messages = conversation(scene, example)
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[1]["content"] == example.turns[0][1] and messages[2]["content"] == example.turns[1][0]


def test_the_embedded_default_is_right(pipe):
    """Half of what the card says is the least; `lladav evaluate` measures it properly."""
    tallies = evaluate(pipe, CONFIG, seed=1, count=60)
    assert tallies["name"].accuracy >= 0.5
    assert tallies["color"].accuracy >= 0.5
    assert tallies["all"].asked == 60 and sum(t.asked for k, t in tallies.items() if k != "all") == 60


def test_the_embedded_default_looks_at_the_picture(pipe):
    """With the pictures shuffled against the questions, names fall to chance."""
    rng = random.Random(0)
    names = [question for question in islice(held_out_questions(2, 400), 400) if question[1].kind == "name"]
    pictures = [render(scene) for scene, _ in names]
    shuffled = pictures[1:] + pictures[:1]
    right = {"own": 0, "other": 0}
    for (scene, example), own, other in rng.sample(list(zip(names, pictures, shuffled, strict=True)), 25):
        for which, picture in (("own", own), ("other", other)):
            messages = conversation(scene, example)
            messages[0]["content"][0]["image"] = picture
            right[which] += is_right(example, pipe(messages, CONFIG).text)
    assert right["own"] >= 15 and right["other"] <= 4, right

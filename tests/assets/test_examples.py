"""What the page suggests about its own pictures is answered right, with the settings that it starts with."""

import random
from pathlib import Path

import pytest
from helpers import SCENES

from lladav import LladaVPipeline, SamplingConfig
from lladav.assets import asset
from lladav.evaluation import is_right
from lladav.scenes import Example, ask_kind
from lladav.ui.capabilities import Capabilities
from lladav.ui.compare.comparisons import COMPARISONS
from lladav.ui.examples import ExampleQuestion, contrast, examples
from lladav.ui.settings import snapping

RIGHT = {
    "picnic": "I see a pizza, a banana and an apple. The pizza is at the top left. The apple is at the top right.",
    "cats": "Three.",
    "space": "At the top right.",
    "frog": "A frog.",
    "shapes": "Red.",
    "sign": "L L A D A V.",
}

RIGHT_OF_CONTRAST = (
    "I see two lemons, a strawberry and a pineapple. The strawberry is at the top right. "
    "The pineapple is at the bottom right."
)
LONG = "I see a whale and an octopus. The whale is at the top left. The octopus is at the bottom right."


def messages(example: ExampleQuestion) -> list[dict]:
    content = [{"type": "image", "image": example.image}, {"type": "text", "text": example.question}]
    return [{"role": "user", "content": content}]


def answer(pipe: LladaVPipeline, example: ExampleQuestion) -> str:
    """With the settings that the page starts with."""
    capabilities = Capabilities.of(pipe)
    plan = snapping.preset(capabilities.preset, capabilities.gen_length)
    config = SamplingConfig(gen_length=plan.gen_length, block_length=plan.block_length, steps=plan.steps)
    return pipe(messages(example), config).text


@pytest.mark.parametrize("example", examples(), ids=lambda example: Path(example.image).stem)
def test_an_example_is_answered_right(pipe: LladaVPipeline, example: ExampleQuestion):
    assert answer(pipe, example) == RIGHT[Path(example.image).stem]


@pytest.mark.parametrize("picture", SCENES)
def test_what_is_suggested_about_any_picture_is_answered_right(pipe: LladaVPipeline, picture: str):
    scene, answers = SCENES[picture], {}
    caption = ask_kind(scene, random.Random(0), "caption").turns[0][1]
    right = {"Is there a cat?": ("exists", "Yes." if scene.counts["cat"] else "No.")}
    for question in Capabilities.of(pipe).suggested_questions:
        kind, expected = right.get(question, ("caption", caption))
        answers[question] = answer(pipe, ExampleQuestion(str(asset("examples") / f"{picture}.png"), question))
        assert is_right(Example(kind, ((question, expected),)), answers[question]), answers


def test_what_compare_opens_with_shows_a_difference(pipe: LladaVPipeline):
    comparison, length, example = COMPARISONS[0], Capabilities.of(pipe).gen_length, contrast()
    first, second = (comparison.settings(changes, length) for changes in (comparison.first, comparison.second))
    answers = [
        pipe(messages(example), SamplingConfig(**{n: side[n] for n in ("gen_length", "block_length", "steps")})).text
        for side in (first, second)
    ]
    assert answers[0] == RIGHT_OF_CONTRAST
    assert answers[1] != answers[0]


def test_an_answer_grows_as_long_as_it_has_to_be(pipe: LladaVPipeline):
    """An answer of 24 tokens comes whole from a start of 8, while an answer of a word stays within its start."""
    config = SamplingConfig.method("daedal", gen_length=96, start_length=8)
    replies = {}
    for picture, question in (("sea", "Describe the picture in detail."), ("frog", "What is this?")):
        example = ExampleQuestion(str(asset("examples") / f"{picture}.png"), question)
        replies[picture] = pipe(messages(example), config)
    long, short = (replies[picture].trace for picture in ("sea", "frog"))
    assert long.text == LONG
    assert long.finish_reason == "stop" and len(replies["sea"].token_ids) >= 3 * 8
    assert max(state.stop_position or 0 for state in long.replay()) >= 3 * 8
    assert short.text == "A frog." and max(state.stop_position or 0 for state in short.replay()) == 8

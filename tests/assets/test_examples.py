"""What the page suggests about its own pictures is answered right, with the settings that it starts with."""

from pathlib import Path

import pytest

from lladav import LladaVPipeline, SamplingConfig
from lladav.assets import asset
from lladav.ui.capabilities import Capabilities
from lladav.ui.examples import ExampleQuestion, examples
from lladav.ui.settings import snapping

RIGHT = {
    "picnic": "I see a pizza, a banana and an apple. The pizza is at the top left. The apple is at the top right.",
    "cats": "Three.",
    "space": "At the top right.",
    "frog": "A frog.",
    "shapes": "Red.",
    "garden": "Yes.",
}


@pytest.mark.parametrize("example", examples(), ids=lambda example: Path(example.image).stem)
def test_an_example_is_answered_right(pipe: LladaVPipeline, example: ExampleQuestion):
    capabilities = Capabilities.of(pipe)
    plan = snapping.preset(capabilities.preset, capabilities.gen_length)
    config = SamplingConfig(gen_length=plan.gen_length, block_length=plan.block_length, steps=plan.steps)
    content = [{"type": "image", "image": example.image}, {"type": "text", "text": example.question}]
    assert pipe([{"role": "user", "content": content}], config).text == RIGHT[Path(example.image).stem]


def test_an_answer_grows_as_long_as_it_has_to_be(pipe: LladaVPipeline):
    """The longest answers that the shipped weights give have about 30 tokens: from a start of 8 they come whole, while
    an answer of a word stays within its start."""
    config = SamplingConfig.method("daedal", gen_length=96, start_length=8)
    replies = {}
    for picture, question in (("picnic", "Describe the picture in detail."), ("frog", "What is this?")):
        content = [
            {"type": "image", "image": str(asset("examples") / f"{picture}.png")},
            {"type": "text", "text": question},
        ]
        replies[picture] = pipe([{"role": "user", "content": content}], config)
    long, short = (replies[picture].trace for picture in ("picnic", "frog"))
    assert long.text == (
        "I see a pizza, a banana and an apple. The pizza is at the top left. The apple is at the top right."
    )
    assert long.finish_reason == "stop" and len(replies["picnic"].token_ids) > 3 * 8
    assert max(state.stop_position or 0 for state in long.replay()) > 3 * 8
    assert short.text == "A frog." and max(state.stop_position or 0 for state in short.replay()) == 8

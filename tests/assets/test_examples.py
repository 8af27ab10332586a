"""What the page suggests about its own pictures is answered right, with the settings that it starts with."""

from pathlib import Path

import pytest

from lladav import LladaVPipeline, SamplingConfig
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

"""`lladav train`."""

from pathlib import Path

import pytest

from lladav.training import TrainingConfig
from lladav.training.recipes import (
    RECIPES,
)


def test_the_config_of_a_run():
    config = TrainingConfig(scale=0.1, share=0.25)
    steps = {stage.name: stage.steps / full.steps for stage, full in zip(config.stages, RECIPES["tiny"], strict=True)}
    parting = [stage.name for stage in config.stages].index("reason")  # from there on a run learns its own way
    assert list(steps.values()) == [0.1] * parting + [0.025] * (len(steps) - parting)
    assert config.model_folder == Path("runs/tiny/masked-1_4/model")
    assert [stage.steps for stage in TrainingConfig(recipe="study", share=0.25).stages[-2:]] == [4000, 500]
    for broken in ({"share": 0}, {"objective": "dense"}, {"recipe": "huge"}, {"stage": "none"}):
        with pytest.raises(ValueError, match=next(iter(broken))):
            TrainingConfig(**broken)

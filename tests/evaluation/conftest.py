"""What the tests of evaluation share."""

from pathlib import Path

import pytest
from helpers import made_up_score

from lladav import LladaVForMaskedDiffusion
from lladav.evaluation import Score
from lladav.evaluation.pictures import DISTURBANCES
from lladav.evaluation.studies import sweep
from lladav.sampling import SPEEDS, SamplingConfig


@pytest.fixture(scope="session")
def twin_folder(tiny_random: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("twin")
    for file in tiny_random.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    LladaVForMaskedDiffusion.from_pretrained(tiny_random, is_causal=True).save_pretrained(folder)
    return folder


@pytest.fixture
def scores() -> list[Score]:
    """Of every study."""
    return [
        made_up_score("questions", "", 0.8),
        made_up_score("questions", "", 0.7, "autoregressive"),
        *(
            made_up_score("sweep", setting.label, 0.6)
            for setting in sweep(SamplingConfig(gen_length=16, block_length=16, steps=16))
        ),
        made_up_score("sweep", "left to right", 0.7, "autoregressive"),
        *(made_up_score("speeds", name, 0.6) for name in SPEEDS),
        *(made_up_score("robust", name, 0.5) for name in DISTURBANCES),
    ]

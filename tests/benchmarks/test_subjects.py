"""Models to measure."""

import torch

from lladav import LladaVForMaskedDiffusion
from lladav.benchmarks.subjects import MODEL_SHAPES


def test_the_full_size_fits_a_gpu():
    with torch.device("meta"):
        model = LladaVForMaskedDiffusion(MODEL_SHAPES["8b"].config())
    assert 16e9 < 2 * model.num_parameters() < 20e9

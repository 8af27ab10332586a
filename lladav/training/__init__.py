"""Training: `lladav train` makes the embedded default out of nothing but seeds and the artwork in assets."""

from lladav.training.command import add_arguments, run
from lladav.training.objective import forward_process, masked_diffusion_loss
from lladav.training.train import TrainingConfig, train

__all__ = ["TrainingConfig", "add_arguments", "forward_process", "masked_diffusion_loss", "run", "train"]

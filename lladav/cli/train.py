"""`lladav train`: train a model."""

from lladav.training.command import add_arguments, run

__all__ = ["add_arguments", "run"]

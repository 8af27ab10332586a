"""`lladav train`: train a model."""

from lladav.training import add_arguments, run

__all__ = ["add_arguments", "run"]

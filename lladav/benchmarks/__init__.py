"""What a step costs in every mode, measured side by side with the plain published loop; see `lladav bench`."""

from lladav.benchmarks.plain import plain_loop
from lladav.benchmarks.subjects import random_model, random_prompt

__all__ = ["plain_loop", "random_model", "random_prompt"]

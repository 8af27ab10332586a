"""A step recorded once and replayed, so that a GPU does not wait for Python to name every operation."""

import logging
from collections.abc import Callable

import torch
from torch import Tensor

logger = logging.getLogger(__name__)


class StepGraph:
    """A step as one CUDA graph, to the bit what it is without.

    The first call records it. Where that cannot be done, as on a CPU, one line is logged and the step runs as it is.

    Args:
        step: reads and writes the same tensors in the same shapes whenever it is called, so that calling it once more
            changes nothing, and returns a tensor.
    """

    def __init__(self, step: Callable[[], Tensor]):
        self.step = step
        self._replay: Callable[[], Tensor] | None = None

    def __call__(self) -> Tensor:
        """Run the step; what it returns is overwritten by the next call."""
        if self._replay is None:
            try:
                self._replay = recorded(self.step)
            except RuntimeError as error:
                logger.warning("a step cannot be recorded as a CUDA graph and runs without: %s", error)
                self._replay = self.step
        return self._replay()


def recorded(step: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """`step` as something to replay; RuntimeError where it cannot be recorded."""
    if not torch.cuda.is_available():
        raise RuntimeError("there is no CUDA device")
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        step()  # libraries set themselves up, which cannot be recorded
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = step()

    def replay() -> Tensor:
        graph.replay()
        return output

    return replay

"""A step recorded once and replayed, so that nobody waits for Python to name every operation again."""

import logging
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

logger = logging.getLogger(__name__)

Step = Callable[[Tensor], Tensor]


class StepGraph:
    """A step as one CUDA graph, or on other devices as a TorchScript trace, to the bit what it is without.

    The first call records it. Where that cannot be done, one line is logged and the step runs as it is.

    Args:
        step: takes the same tensor, works on the same others and in the same shapes whenever it is called, so that
            calling it once more changes nothing, and returns a tensor.
    """

    def __init__(self, step: Step):
        self.step = step
        self._replay: Step | None = None

    def __call__(self, source: Tensor) -> Tensor:
        """Run the step; what it returns is overwritten by the next call."""
        if self._replay is None:
            try:
                self._replay = recorded(self.step, source)
            except RuntimeError as error:
                logger.warning("a step cannot be recorded and runs without: %s", str(error).partition("\n")[0])
                self._replay = self.step
        return self._replay(source)


def recorded(step: Step, source: Tensor) -> Step:
    """`step` on `source` as something to replay; RuntimeError where it cannot be recorded."""
    return captured(step, source) if source.is_cuda else traced(step, source)


def captured(step: Step, source: Tensor) -> Step:
    """As a CUDA graph, which finds `source` where it was."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        step(source)  # libraries set themselves up, which cannot be recorded
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = step(source)

    def replay(_: Tensor) -> Tensor:
        graph.replay()
        return output

    return replay


def traced(step: Step, source: Tensor) -> Step:
    """As a trace, which takes about as long to make as ten steps of the tiny model.

    `torch.compile` comes to the same speed there, but wants a C++ compiler and many seconds for every new length.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about deprecation, and about the shapes that are meant to be fixed
        trace = torch.jit.trace(step, (source,), check_trace=False)

    def replay(source: Tensor) -> Tensor:
        with torch.jit.optimized_execution(False):  # whose passes would cost more than they save
            return trace(source)

    return replay

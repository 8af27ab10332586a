"""The Space's entry point on ZeroGPU, as the `spaces` package makes it, with the CPU for a GPU that is lent.

Run by a test in a process of its own, for the package changes torch. What it lends is asked of the address in
SPACES_ZERO_DEVICE_API_URL, and runs in a worker that is forked for it; there, memory runs out while the file exists
that OUT_OF_MEMORY names.
"""

import torch

if torch.version.cuda is None:  # what the package takes for granted
    torch.version.cuda = "13.0"
    torch._C._cuda_init, torch.cuda._is_in_bad_fork = None, bool

import os
import runpy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spaces.zero import wrappers
from spaces.zero.torch import patching
from spaces.zero.torch.utils import empty_like_raw_alloc

from lladav import LladaVPipeline

SECONDS_A_PASS = 0.05  # so that a run can be interrupted, on a busy machine too
begin, load = wrappers.worker_init, LladaVPipeline.from_pretrained


def on_the_cpu(make: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Something that makes a tensor, wherever it is asked to."""
    return lambda *args, device=None, **options: make(*args, **options)


def begin_on_the_cpu(**options: Any) -> Any:
    """Begin a worker, in which weights are copied to a device, which is the CPU again."""
    patching._cuda_synchronize = lambda *_: None
    torch.Tensor.cuda = lambda tensor, **_: tensor.clone()
    torch.Tensor.pin_memory = lambda tensor: empty_like_raw_alloc(tensor).copy_(tensor)  # whole pages, as CUDA has it
    torch.tensor, torch.empty = on_the_cpu(torch.tensor), on_the_cpu(torch.empty)
    return begin(**options)


def take_time(*_: Any) -> None:
    """What every pass of the model does besides."""
    assert wrappers.forked, "there is a GPU in workers only"
    time.sleep(SECONDS_A_PASS)
    if Path(os.environ["OUT_OF_MEMORY"]).exists():
        raise torch.OutOfMemoryError("CUDA out of memory.")


def load_slowly(*args: Any, **options: Any) -> LladaVPipeline:
    pipe = load(*args, **options)
    assert pipe.device.type == "cuda", "the package's patches show a GPU"
    pipe.model.model.language_model.register_forward_hook(take_time)
    return pipe


wrappers.worker_init = begin_on_the_cpu
LladaVPipeline.from_pretrained = load_slowly
runpy.run_path(str(Path(__file__).parents[2] / "app.py"), run_name="__main__")

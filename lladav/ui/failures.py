"""How a handler ends that fails: in a sentence for the visitor, whatever went wrong."""

import inspect
import logging
import re
from collections.abc import Callable, Iterator
from errno import ENOSPC
from functools import wraps
from typing import Any

import gradio as gr
import torch

from lladav.ui.components import Updates
from lladav.ui.texts import said

log = logging.getLogger(__name__)

FAILED = said("said.failed")
OUT_OF_MEMORY = said("said.memory")
NAMES = r"\b(gen_length|block_length|refresh_interval|cfg_scale)\b"
IN_A_WORKER = "ZeroGPU worker error"  # how `spaces` titles what a process with a GPU raised; it says only the class
NO_ROOM = said("said.no_room")


def told(error: Exception) -> str:
    """What to say of an error that nobody expected, and what to do; frees what a device has cached."""
    if isinstance(error, gr.Error) and error.title == IN_A_WORKER:
        return OUT_OF_MEMORY if error.message == torch.OutOfMemoryError.__name__ else FAILED
    if isinstance(error, gr.Error):  # such as a quota that is used up
        return str(error.message)
    if isinstance(error, torch.OutOfMemoryError):
        torch.cuda.empty_cache()
        return OUT_OF_MEMORY
    return NO_ROOM if isinstance(error, OSError) and error.errno == ENOSPC else FAILED


def in_page_words(error: ValueError) -> str:
    """What a rule of the library says, with its settings called what the page calls them."""
    return re.sub(NAMES, lambda found: f"“{said(f'settings.{found[0]}')}”", str(error))


def ends_in_a_notice(handler: Callable[..., Any], tell: Callable[..., Updates]) -> Callable[..., Any]:
    """A handler that ends in a sentence where it would end in an error.

    Args:
        handler: returns updates, or yields them.
        tell: takes a sentence and what the handler was given, and returns the updates that show it.
    """

    def failed(error: Exception, args: tuple) -> Updates:
        log.exception("a handler failed")
        return tell(told(error), *args)

    @wraps(handler)
    def generator(*args: Any) -> Iterator[Updates]:
        try:
            yield from handler(*args)
        except Exception as error:
            yield failed(error, args)

    @wraps(handler)
    def function(*args: Any) -> Updates:
        try:
            return handler(*args)
        except Exception as error:
            return failed(error, args)

    return generator if inspect.isgeneratorfunction(handler) else function

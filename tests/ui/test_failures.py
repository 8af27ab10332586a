"""What a visitor is told where a handler fails."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
import torch

from lladav.ui.failures import FAILED, IN_A_WORKER, NO_ROOM, OUT_OF_MEMORY, ends_in_a_notice

ERRORS = [
    (RuntimeError("boom"), FAILED),
    (ValueError("a bug"), FAILED),
    (torch.OutOfMemoryError("CUDA out of memory"), OUT_OF_MEMORY),
    (OSError(28, "No space left on device"), NO_ROOM),
    (OSError("no encoder for this film"), FAILED),
    (gr.Error("OutOfMemoryError", title=IN_A_WORKER), OUT_OF_MEMORY),
    (gr.Error("GPU task aborted", title=IN_A_WORKER), FAILED),
    (gr.Error("You have used up your quota."), "You have used up your quota."),
]


def tell(sentence: str, *args: Any) -> dict:
    return {"notice": sentence, "given": args}


@pytest.mark.parametrize(("error", "sentence"), ERRORS)
def test_a_handler_that_fails_ends_in_a_sentence(error: Exception, sentence: str):
    def handler(data: int) -> dict:
        raise error

    assert ends_in_a_notice(handler, tell)(5) == {"notice": sentence, "given": (5,)}


@pytest.mark.parametrize(("error", "sentence"), ERRORS)
def test_a_generator_that_fails_keeps_what_it_had_shown(error: Exception, sentence: str):
    def handler(data: int) -> Iterator[dict]:
        yield {"canvas": data}
        raise error

    assert list(ends_in_a_notice(handler, tell)(5)) == [{"canvas": 5}, {"notice": sentence, "given": (5,)}]


def test_a_handler_that_does_not_fail_is_what_it_was():
    def handler(event: gr.EventData, data: int) -> dict:
        return {"canvas": data}

    wrapped = ends_in_a_notice(handler, tell)
    assert wrapped(None, 3) == {"canvas": 3}
    assert wrapped.__annotations__ == handler.__annotations__


def test_who_leaves_ends_the_generator():
    left = []

    def handler(data: int) -> Iterator[dict]:
        try:
            yield {}
        finally:
            left.append(data)

    running = ends_in_a_notice(handler, tell)(7)
    next(running)
    running.close()
    assert left == [7]

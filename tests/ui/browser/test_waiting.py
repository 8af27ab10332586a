"""Waiting in line: what a visitor sees while others hold all places, and how to leave."""

import json
from collections.abc import Callable
from urllib.request import Request, urlopen

from helpers import Visit, held, queue_status, until_idle

from lladav import LladaVPipeline
from lladav.ui.limits import LIMITS


def ask_by_program(url: str) -> None:
    body = json.dumps({"data": ["What is this?", None, [], 8, 8, 8, 0, 0, "low_confidence", 0]}).encode()
    request = Request(f"{url}gradio_api/call/sample", data=body, headers={"content-type": "application/json"})
    urlopen(request).close()


def test_who_waits_sees_a_place_in_line_and_can_leave_it(
    open_page: Callable[..., Visit], url: str, tiny_pipeline: LladaVPipeline
):
    visit = open_page(url)
    with held(tiny_pipeline, steps=0):
        for _ in range(LIMITS.runs):
            ask_by_program(url)
        visit.send("Is there a dog?")
        visit.page.locator("#stage", has_text="queue: 1/1").wait_for()
        visit.page.locator("#stop:enabled").click()
        visit.page.locator("#stop:disabled").wait_for()
        while queue_status(url)["waiting"]:
            pass
        assert visit.page.locator("#question textarea").input_value() == "Is there a dog?", "it is kept"
    visit.page.locator("#question textarea").fill("")
    assert visit.ask("Is there a cat?")


def test_a_full_line_is_a_sentence_and_keeps_what_was_typed(
    open_page: Callable[..., Visit], url: str, tiny_pipeline: LladaVPipeline
):
    visit = open_page(url)
    with held(tiny_pipeline, steps=0):
        for _ in range(LIMITS.runs + LIMITS.queue):
            ask_by_program(url)
        visit.send("Is there a dog?")
        visit.page.get_by_text("The page is busy").wait_for()
        assert visit.page.locator("#question textarea").input_value() == "Is there a dog?"
        visit.troubles.clear()  # the browser's own word on the refusal
    until_idle(url)
    assert visit.ask("Is there a cat?")

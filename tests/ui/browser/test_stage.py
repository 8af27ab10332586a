"""The first minute: what opens, what is in view, and what there is to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import Visit, held, letters, slow
from PIL import Image

from lladav import LladaVPipeline
from lladav.assets import asset
from lladav.ui.examples import recorded_runs

QUESTION = "What is this?"
IN_VIEW = """(selectors) => selectors.filter((selector) => {
    const box = document.querySelector(selector).getBoundingClientRect();
    return box.top < 0 || box.bottom > innerHeight || box.width === 0;
})"""
SHIFTS = """() => {
    window.shifted = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
    }).observe({type: 'layout-shift', buffered: false});
}"""
PASTE = """(bytes) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(bytes)], 'picture.png', {type: 'image/png'}));
    const [kind, event] = KIND;
    document.querySelector('#canvas').dispatchEvent(event(transfer));
}"""
KINDS = {
    "dropped": "['drop', (data) => new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true})]",
    "pasted": "['paste', (data) => new ClipboardEvent('paste', {clipboardData: data, bubbles: true})]",
}


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_picture_question_canvas_and_answer_are_in_view_together(
    open_page: Callable[..., Visit], embedded: str, width: int, height: int
):
    visit = open_page(embedded, width=width, height=height)
    seen = [".st-picture", ".st-question", ".st-answer", "#canvas .tc-tokens", "#canvas .tc-transport"]
    visit.upload(asset("examples") / "picnic.png")
    for question in ("Describe the picture.", "Is there a dog?", "Where is the apple?", "What color is it?"):
        visit.send(question)
        visit.until("playing")
        if question == "Describe the picture.":
            assert visit.page.evaluate(IN_VIEW, seen) == [], "during a run"
        visit.until("done")
    assert visit.page.evaluate(IN_VIEW, seen) == [], "after three more questions"
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    grid = visit.page.evaluate("(({scrollHeight, clientHeight}) => [scrollHeight, clientHeight])"
                               "(document.querySelector('#canvas .tc-tokens'))")  # fmt: skip
    assert grid[0] <= grid[1], "no row is cut"


def test_recorded_runs_come_out_the_same_when_they_are_tried(open_page: Callable[..., Visit], embedded: str):
    visit = open_page(embedded)
    for index, run in enumerate(recorded_runs().values()):
        visit.page.evaluate("window.seen.length = 0")
        visit.page.locator("#gallery .ga-try").nth(index).click()
        visit.page.wait_for_function("window.seen.some((shown) => shown.live)")
        visit.until("done")
        assert letters(visit.bubble()) == letters(run.trace.text), run.name
        assert visit.number("gen_length") == run.trace.config.gen_length, run.name


def test_a_new_scene_brings_a_picture_and_questions(open_page: Callable[..., Visit], embedded: str):
    visit = open_page(embedded)
    visit.page.locator("#new-scene").click()
    visit.page.locator("#question .thumbnail-item").wait_for()
    chips = visit.page.locator("#suggestions .su-chip")
    chips.first.wait_for()
    question = chips.first.inner_text()
    chips.first.click()
    visit.until("playing")
    visit.until("done")
    assert question in visit.conversation()
    assert visit.page.locator("#conversation .message.user img").count() == 1


def test_an_attached_picture_suggests_three_questions(visit: Visit, picture: Path):
    visit.upload(picture)
    visit.page.locator("#suggestions .su-chip").nth(2).wait_for()
    visit.page.wait_for_function("document.querySelector('#stage img')?.naturalWidth === 120")
    visit.page.locator("#suggestions .su-chip").nth(1).click()
    visit.until("playing")
    visit.until("done")
    assert visit.page.locator("#suggestions .su-chip").count() == 0


def test_a_picture_that_no_browser_shows_is_on_the_stage_once_it_is_asked_about(visit: Visit, tmp_path: Path):
    Image.new("RGB", (90, 60), "blue").save(tmp_path / "blue.tif")
    visit.upload(tmp_path / "blue.tif")
    visit.page.wait_for_function("document.querySelectorAll('#stage img').length === 0")
    visit.ask(QUESTION)
    visit.page.wait_for_function("document.querySelector('#stage img')?.naturalWidth > 0")


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_can_be_dropped_or_pasted_anywhere(visit: Visit, picture: Path, kind: str):
    visit.page.evaluate(PASTE.replace("KIND", KINDS[kind]), list(picture.read_bytes()))
    visit.page.locator("#question .thumbnail-item").wait_for()


def test_the_badge_says_which_model_this_is(open_page: Callable[..., Visit], embedded: str):
    visit = open_page(embedded)
    badge = visit.page.locator("#badge summary")
    assert "lladav-tiny" in badge.inner_text()
    badge.press("Enter")
    visit.page.locator("#badge .ba-body").get_by_text("You can ask it").wait_for()
    visit.page.keyboard.press("Escape")
    assert not visit.page.locator("#badge .ba-body").is_visible()


def test_nothing_jumps_while_a_run_is_shown(visit: Visit):
    visit.ask(QUESTION)
    visit.page.evaluate(SHIFTS)
    visit.ask("And this?")
    visit.canvas.locator("[data-do=first]").click()
    visit.canvas.locator("[data-do=play]").click()
    visit.until("playing")
    visit.until("done")
    assert visit.page.evaluate("window.shifted") < 0.05


@pytest.mark.parametrize("leave", ["#new-chat", "#gallery .ga-show"])
def test_what_ends_a_run_wins_on_the_page(visit: Visit, tiny_pipeline: LladaVPipeline, leave: str):
    _, release = slow(tiny_pipeline, 0.1)
    try:
        visit.ask("Hello")
        visit.send(QUESTION)
        visit.until_step(2)
        left = visit.page.evaluate("window.seen.at(-1).run")
        visit.page.locator(leave).first.click()
        if leave == "#new-chat":
            visit.until("idle")
        else:
            visit.canvas.get_by_text("recorded earlier").wait_for()
        visit.ask("Still there?")
    finally:
        release()
    assert left not in {shown["run"] for shown in visit.seen()}, "the run that was left never came back"
    assert QUESTION not in visit.conversation() or leave != "#new-chat"


def test_many_impatient_clicks_leave_one_answer(visit: Visit, tiny_pipeline: LladaVPipeline):
    answer = visit.ask(QUESTION)
    _, release = slow(tiny_pipeline, 0.05)
    try:
        for _ in range(10):
            visit.page.locator("#retry").click(no_wait_after=True)
        visit.until("playing")
    finally:
        release()
    visit.until_quiet()
    visit.until("done")
    assert visit.page.locator("#conversation .message.bot").count() == 1
    assert letters(visit.bubble()) == letters(answer)
    assert visit.page.locator("#stop").is_disabled()


def test_a_question_right_behind_a_new_chat_is_asked_though_the_browser_has_not_cancelled_the_run_before(
    visit: Visit, tiny_pipeline: LladaVPipeline
):
    unanswered: list[Any] = []
    visit.page.route("**/cancel", lambda route: unanswered.append(route))
    with held(tiny_pipeline, 2) as (gate, _):
        visit.send("Hello")
        visit.until_step(1)
        visit.page.locator("#new-chat").click()
        visit.until("idle")
        visit.send("Still there?")
        visit.until("playing")
        gate.set()
        visit.until("done")
    assert unanswered
    for route in unanswered:
        route.continue_()
    visit.until_quiet()
    assert visit.page.locator("#conversation .message.user").all_inner_texts() == ["Still there?"]

"""The Learn tab as a person meets it."""

from collections.abc import Callable

import pytest
from helpers import Visit

from lladav.ui.examples import recorded_runs
from lladav.ui.learn.lessons import LESSONS

RUNS = recorded_runs()


@pytest.mark.parametrize("width", [390, 1440])
def test_lessons_show_what_they_speak_of(open_page: Callable[..., Visit], url: str, width: int):
    page = open_page(url, width=width, reduced_motion="reduce").page
    page.get_by_role("tab", name="Learn").click()
    canvas = page.locator("#learn [data-shown=true] .tc")
    for number, lesson in enumerate(LESSONS, start=1):
        page.get_by_text(f"{number} of {len(LESSONS)}", exact=True).wait_for()
        assert page.locator(".le-title").inner_text() == lesson.title
        trace = RUNS[lesson.run].trace
        step = len(trace.steps) if lesson.last is None else lesson.last
        page.locator(f"#learn [data-shown=true] .tc[data-step='{step}']").wait_for()
        states = [*trace.replay()]
        assert canvas.locator(".tc-mask").count() == int(states[step].mask_index.sum())
        assert canvas.count() == 1
        if number < len(LESSONS):
            page.locator(".le-next").press("Enter")
    assert page.evaluate("document.documentElement.scrollWidth") <= width

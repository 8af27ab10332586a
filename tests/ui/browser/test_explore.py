"""A sweep as a person makes it."""

from lladav.ui.explore.tab import BEHIND, ON_FRONT
from lladav.ui.texts import said


def drag_across(page, plot, *ends: float) -> None:
    """Drag across a stretch of a plot, from one share of its width to another."""
    box = plot.bounding_box()
    start, end = (box["x"] + share * box["width"] for share in ends)
    page.mouse.move(start, box["y"] + box["height"] / 3)
    page.mouse.down()
    page.mouse.move(end, box["y"] + box["height"] / 3, steps=5)
    page.mouse.up()


def test_a_sweep_is_made_and_its_answers_are_looked_at(visit):
    page = visit.page
    page.get_by_role("tab", name="Explore").click()
    page.locator("#axis-0 input").first.fill("steps")
    page.locator("#axis-0 input").first.press("Enter")
    page.locator("#axis-values-0 textarea, #axis-values-0 input").fill("8, 2")
    page.locator("#scenes input[type=number]").fill("2")
    page.locator("#scenes input[type=number]").press("Tab")
    page.locator("#explore-length input[type=number]").fill("8")
    page.locator("#explore-length input[type=number]").press("Tab")
    visit.until_idle()
    page.locator("#sweep").click()
    page.locator("#sweep-files a").first.wait_for()
    assert "answers" in page.locator("#sweep-progress").inner_text()
    cells = page.locator("#combinations [role=gridcell]").count()
    drag_across(page, page.locator("#frontier canvas, #frontier svg").first, 0.6, 0.98)
    page.locator("#answers [role=gridcell]").first.wait_for()
    page.locator("#reliability canvas, #reliability svg").first.wait_for()
    page.wait_for_function(  # the row of 8 steps is alone
        "count => document.querySelectorAll('#combinations [role=gridcell]').length === count", arg=cells / 2
    )
    page.locator("#combinations [role=gridcell]").first.click()
    page.locator("#answers [role=gridcell]").first.click()
    page.locator("#explore-canvas .tc[data-state=done], #explore-canvas .tc[data-state=playing]").wait_for()
    assert page.locator("#explore-canvas .tc-tok").count() == 8
    in_plots = page.evaluate("[...document.querySelectorAll('svg text')].map((one) => one.textContent).join()")
    shown = page.locator("body").inner_text() + in_plots
    assert "__i18n__" not in shown  # the key of a text in place of the text
    for words in ("Forward passes", "Right answers", ON_FRONT, BEHIND, said("explore.sure"), said("explore.right")):
        assert words in shown


def test_a_mistake_is_a_sentence(visit):
    page = visit.page
    page.get_by_role("tab", name="Explore").click()
    page.locator("#axis-values-0 textarea, #axis-values-0 input").fill("waltz")
    page.locator("#sweep").click()
    page.locator("#explore-notice", has_text="method must be one of").wait_for()

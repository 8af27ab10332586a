"""Presets and the estimate of a run, in Debian's chromium; skipped where that is missing."""

import pytest
from helpers import Visit

from lladav.ui.settings.snapping import OWN_WORDS, PRESETS, preset

FORETOLD = r"about (\d+),|^(\d+) forward pass"  # what the page expects, in its sentence on the cost of a run


def choose(visit: Visit, name: str) -> None:
    visit.page.locator("#preset label", has_text=name).click()
    visit.page.locator("#preset").get_by_text(PRESETS[name].words).wait_for()


def until_foretold(visit: Visit, passes: int) -> None:
    """Wait until the page expects a run to take so many forward passes, within 30 percent or one."""
    visit.page.wait_for_function(
        """([pattern, passes]) => {
            const found = document.querySelector("#cost").innerText.match(new RegExp(pattern));
            return found && Math.abs((found[1] ?? found[2]) - passes) <= Math.max(1, 0.3 * passes);
        }""",
        arg=[FORETOLD, passes],
    )


def passes(visit: Visit) -> int:
    return int(visit.canvas.locator("[data-out=nfe]").inner_text())


def test_presets_drive_the_speed_knobs(visit: Visit):
    visit.show_settings()
    for name in PRESETS:
        choose(visit, name)
        plan = preset(name, 32)
        shown = [visit.number(knob) for knob in ("block_length", "steps", "refresh_interval", "threshold")]
        assert shown == [plan.block_length, plan.steps, plan.refresh_interval, plan.threshold]
    visit.set_number("refresh_interval", 7)
    visit.page.locator("#preset").get_by_text(OWN_WORDS).wait_for()
    assert visit.page.locator("#preset input:checked").count() == 0


def test_random_remasking_says_that_it_knows_no_threshold(visit: Visit):
    choose(visit, "Fast")
    visit.show_settings()
    visit.page.locator("#remasking label", has_text="random").click()
    visit.page.get_by_text("Confidence threshold moved to 1: random remasking does not ask how sure").wait_for()
    assert visit.number("threshold") == 1


@pytest.mark.parametrize("name", PRESETS)
def test_the_same_question_again_takes_what_was_foretold(visit: Visit, name: str):
    choose(visit, name)
    visit.ask("What is this?")
    first = passes(visit)
    until_foretold(visit, first)
    visit.page.locator("#retry").click()
    visit.until("playing")
    visit.until("done")
    assert passes(visit) == first

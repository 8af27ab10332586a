"""Presets and the estimate of a run, in Debian's chromium; skipped where that is missing."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from helpers import OWN_LENGTH, PATIENCE, Visit

from lladav.sampling import METHODS
from lladav.ui.settings.panel import SIZES
from lladav.ui.settings.snapping import NOTHING_RUNS, PRESETS, Plan, own, preset
from lladav.ui.texts import said

FORETOLD = r"about (\d+),|^(\d+) forward pass"  # what the page expects, in its sentence on the cost of a run


def pick(visit: Visit, name: str) -> None:
    visit.page.locator("#preset label", has_text=name).click()


def choose(visit: Visit, name: str) -> None:
    pick(visit, name)
    visit.page.locator("#preset").get_by_text(said(f"settings.{name.lower()}_words")).wait_for()


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


def choose_method(visit: Visit, name: str) -> None:
    visit.page.select_option("#method select", name)
    visit.page.locator("#method").get_by_text(METHODS[name].rule).wait_for()
    visit.until_quiet()


def test_presets_drive_the_speed_knobs(visit: Visit):
    visit.show_settings()
    for name in PRESETS:
        choose(visit, name)
        plan = preset(name, OWN_LENGTH)
        shown = [visit.number(knob) for knob in ("block_length", "steps", "refresh_interval")]
        assert shown == [plan.block_length, plan.steps, plan.refresh_interval]
        visit.page.wait_for_function(f"document.querySelector('#method select').value === '{plan.method}'")
    assert visit.number("threshold") == 0.9
    visit.set_number("refresh_interval", 7)
    visit.page.locator("#preset").get_by_text(said("settings.own_words")).wait_for()
    assert visit.page.locator("#preset input:checked").count() == 0


def test_what_changes_at_once_asks_for_one_forecast(visit: Visit):
    """Of several that were under way together, the page would show the one that comes last."""
    visit.show_settings()
    answers = []
    visit.page.on("response", lambda response: answers.append(response) if response.request.method == "POST" else None)
    choose(visit, "Fast")
    visit.page.locator("#cost").get_by_text(f"{OWN_LENGTH} forward passes", exact=True).wait_for()
    visit.until_quiet()
    assert sum("forward passes" in response.text() for response in answers) == 1


def test_a_method_brings_its_rule_and_its_own_numbers_alone(visit: Visit):
    visit.show_settings()
    for name, knobs, lacking in (
        ("wino", {"threshold": 0.6, "revision_threshold": 0.9, "max_revocations": 3}, ["refresh_interval"]),
        ("klass", {"threshold": 0.9, "kl_threshold": 0.01, "kl_steps": 2}, []),
        ("daedal", {"threshold": 0.9, "start_length": OWN_LENGTH}, ["block_length", "refresh_interval"]),
    ):
        choose_method(visit, name)
        shown = visit.page.locator("#method .de-knob").evaluate_all("all => all.map(({id}) => id)")
        assert {knob: visit.number(knob) for knob in shown} == knobs
        for size in ("block_length", "refresh_interval"):
            assert visit.page.locator(f"#{size}").is_visible() == (size not in lacking)
        assert METHODS[name].equation in visit.page.locator("#method").inner_text()
    assert visit.number("steps") == OWN_LENGTH


def test_a_number_is_turned_and_the_method_stays_what_it_is(visit: Visit):
    choose_method(visit, "wino")
    visit.set_number("revision_threshold", 0.5)
    visit.set_number("gen_length", 8)
    visit.until_quiet()
    visit.ask("What is this?")
    code = visit.page.locator("#as-python")
    visit.page.locator("#code button").first.click()
    for setting in ("gen_length=8, block_length=8, steps=8", "revision='wino'", "revision_threshold=0.5"):
        code.get_by_text(setting).wait_for()


def asks_about_a_choice(request: Any) -> bool:
    """Whether a request sends a panel, of which the preset comes first: one for the cost begins otherwise."""
    return '"data":["' in (request.post_data or "")


class Late:
    """Lets the answers to what a page asks come late."""

    def __init__(self, visit: Visit):
        self.visit, self.held = visit, []
        visit.page.route("**/run/**", lambda route: self.held.append(route) if self.holding else route.continue_())
        self.holding = True

    def choose(self, choice: Callable[[Visit], Any]) -> None:
        """Make a choice, and hold what the page asks the server about it."""
        with self.visit.page.expect_request(asks_about_a_choice):
            choice(self.visit)
        self.visit.until_idle()

    def choose_in_time(self, choice: Callable[[Visit], Any]) -> None:
        """Make a choice that is answered before those that are held, if it does not wait for one of them."""
        self.holding = False
        choice(self.visit)
        self.visit.until_idle()
        held, end = {route.request for route in self.held}, time.monotonic() + PATIENCE / 1000
        while self.visit.under_way != held:
            assert time.monotonic() < end
            self.visit.until_idle()

    def let_go(self) -> None:
        """Let what is held go on its way."""
        held, self.held = self.held, []
        for route in held:
            route.continue_()


def test_a_setting_that_is_changed_while_another_one_is_settled_stays(visit: Visit):
    visit.show_settings()
    late = Late(visit)
    late.choose(lambda visit: visit.set_number("steps", 8))
    late.choose_in_time(lambda visit: visit.set_number("refresh_interval", 7))
    late.let_go()
    visit.until_quiet()
    assert [visit.number(knob) for knob in ("steps", "refresh_interval")] == [8, 7]


def until_shown(visit: Visit, name: str | None, plan: Plan) -> None:
    """Wait until a panel shows a plan, under a preset or none, and stays so."""
    for _ in range(2):
        visit.page.wait_for_function(
            """([preset, method, sizes]) => {
                const number = (knob) => Number(document.querySelector(`#${knob} input[type=number]`)?.value);
                return (document.querySelector("#preset input:checked")?.value ?? null) === preset
                    && document.querySelector("#method select").value === method
                    && Object.entries(sizes).every(([knob, value]) => number(knob) === value);
            }""",
            arg=[name, plan.method, {knob: getattr(plan, knob) for knob in SIZES}],
        )
        words = said(f"settings.{name.lower()}_words" if name else "settings.own_words")
        visit.page.locator("#preset").get_by_text(words).wait_for()
        visit.until_idle()
        visit.until_quiet()


def length(visit: Visit) -> None:
    visit.set_number("gen_length", 48)


def steps(visit: Visit) -> None:
    visit.set_number("steps", 5)


def quality(visit: Visit) -> None:
    pick(visit, "Quality")


def fast(visit: Visit) -> None:
    pick(visit, "Fast")


def wino(visit: Visit) -> None:
    visit.page.select_option("#method select", "wino")


def klass(visit: Visit) -> None:
    visit.page.select_option("#method select", "klass")


def click_into_steps(visit: Visit) -> None:
    visit.page.locator("#steps input[type=number]").click()


BALANCED = preset("Balanced", OWN_LENGTH)


@pytest.mark.parametrize(
    ("first", "then", "name", "plan"),
    [
        (length, quality, "Quality", preset("Quality", 48)),
        (steps, quality, "Quality", preset("Quality", OWN_LENGTH)),
        (wino, quality, "Quality", preset("Quality", OWN_LENGTH)),
        (quality, length, "Quality", preset("Quality", 48)),
        (quality, fast, "Fast", preset("Fast", OWN_LENGTH)),
        (quality, steps, None, replace(BALANCED, steps=5)),
        (steps, wino, None, own("wino", OWN_LENGTH)),
        (wino, klass, None, own("klass", OWN_LENGTH)),
        (quality, click_into_steps, "Quality", preset("Quality", OWN_LENGTH)),
    ],
)
def test_of_two_choices_at_once_the_last_one_holds(
    visit: Visit, first: Callable, then: Callable, name: str | None, plan: Plan
):
    """However late the answer to the first one comes."""
    visit.show_settings()
    late = Late(visit)
    late.choose(first)
    late.choose_in_time(then)
    late.let_go()
    until_shown(visit, name, plan)


@pytest.mark.parametrize(
    ("third", "name", "plan"),
    [(fast, "Fast", preset("Fast", 48)), (steps, None, replace(preset("Quality", 48), steps=5))],
)
def test_a_choice_that_is_made_while_another_one_is_put_right_holds(
    visit: Visit, third: Callable, name: str | None, plan: Plan
):
    visit.show_settings()
    late = Late(visit)
    late.choose(length)
    late.choose_in_time(quality)
    late.holding = True
    with visit.page.expect_request(lambda request: '"choice"' in (request.post_data or "")):
        late.let_go()
    visit.until_idle()
    late.choose_in_time(third)
    late.let_go()
    until_shown(visit, name, plan)


def test_a_number_that_makes_no_sense_is_refused_with_the_rule(visit: Visit):
    rule = "kl_steps must be a positive whole number, got 0"
    choose_method(visit, "klass")
    visit.set_number("kl_steps", 0)
    visit.page.locator("#note").get_by_text(rule).wait_for()
    visit.page.locator("#cost").get_by_text(NOTHING_RUNS).wait_for()
    visit.send("What is this?")
    visit.page.locator("#notice").get_by_text(rule).wait_for()
    visit.set_number("kl_steps", 1)
    visit.page.locator("#note").wait_for(state="hidden")
    assert visit.ask("What is this?")


@pytest.mark.parametrize("name", PRESETS)
def test_the_same_question_again_takes_what_was_foretold(visit: Visit, name: str):
    choose(visit, name)
    visit.ask("What is this?")
    first = passes(visit)
    until_foretold(visit, first)
    visit.through(visit.page.locator("#retry").click)
    assert passes(visit) == first

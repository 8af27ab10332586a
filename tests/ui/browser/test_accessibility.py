"""Everything can be seen, reached and understood: axe-core on every tab, focus, and the size of targets."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import ROOT, Visit

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => {
    const found = await axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']});
    return found.violations.filter(({impact}) => ['serious', 'critical'].includes(impact))
        .flatMap(({id, nodes}) => nodes.map(({target}) => `${id}: ${target.join(' ')}`));
}"""
FOCUSED = (
    "#canvas [data-do=play]", "#canvas .tc-tok", "#canvas [data-look=order]", "#badge summary", "#gallery .ga-try",
)  # fmt: skip
TABS = {  # and what is there when one is open
    "Chat": "#canvas .tc-tok",
    "Compare": "#canvas-b .tc-tok",
    "Explore": "#explore-canvas .tc-tok",
    "Learn": ".le-row .tc-tok",
}
OWN = ".tc, .pc, .pv, .st, .ba, .no, .su, .ga, .le"  # what the page has of its own; the rest is gradio's
SMALL = """(own) => [...document.querySelectorAll(own)]
    .flatMap((root) => [...root.querySelectorAll('button, select, input, a')])
    .filter((el) => el.checkVisibility() && el.closest('[data-view=text] .tc-tokens') === null)
    .filter((el) => { const box = el.getBoundingClientRect(); return Math.min(box.width, box.height) < 24
        && !(el.type === 'checkbox' && el.closest('label')) && el.type !== 'range'; })
    .map((el) => el.outerHTML.slice(0, 80))"""


def open_tabs(visit: Visit) -> Iterator[str]:
    """The names of the tabs, of which each is open when it is its turn."""
    for name, part in TABS.items():
        visit.page.get_by_role("tab", name=name).click()
        visit.page.locator(part).first.wait_for()
        yield name


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(open_page: Callable[..., Visit], url: str, scheme: str, picture: Path):
    visit = open_page(url, color_scheme=scheme)
    visit.page.add_script_tag(path=AXE)
    for name in open_tabs(visit):
        assert visit.page.evaluate(RUN) == [], name
    for act in (ask, await_the_end, look_at_a_token, compare, await_both, sweep, guess, open_the_quiz):
        act(visit, picture)
        assert visit.page.evaluate(RUN) == [], act.__name__


def ask(visit: Visit, picture: Path) -> None:
    visit.page.get_by_role("tab", name="Chat").click()
    visit.upload(picture)
    visit.send("What is this?")
    visit.until("playing")


def await_the_end(visit: Visit, _: Path) -> None:
    visit.until("done")
    visit.canvas.locator(".tc-tok").nth(2).click()


def look_at_a_token(visit: Visit, _: Path) -> None:
    visit.canvas.locator(".tc-look").click()
    visit.page.locator(".st-map[data-layer='0']").wait_for()


def compare(visit: Visit, _: Path) -> None:
    visit.page.get_by_role("tab", name="Compare").click()
    visit.page.locator("#compare").click()
    visit.page.locator("#player .pc[data-state=playing]").wait_for()


def await_both(visit: Visit, _: Path) -> None:
    visit.page.locator("#player .pc[data-state=done]").wait_for()


def sweep(visit: Visit, _: Path) -> None:
    visit.page.get_by_role("tab", name="Explore").click()
    visit.page.locator("#axis-values-0 textarea, #axis-values-0 input").fill("exact, threshold")
    visit.set_number("scenes", 1)
    visit.set_number("explore-length", 8)
    visit.until_idle()
    visit.page.locator("#sweep").click()
    visit.page.locator("#sweep-files a").first.wait_for()
    visit.page.locator("#combinations [role=gridcell]").first.click()
    visit.page.locator("#reliability canvas, #reliability svg").first.wait_for()


def guess(visit: Visit, _: Path) -> None:
    visit.page.get_by_role("tab", name="Learn").click()
    visit.page.locator(".le-choice").first.click()
    visit.page.locator(".le-go:enabled").click()
    visit.page.locator(".le-done, .le-task").first.wait_for()


def open_the_quiz(visit: Visit, _: Path) -> None:
    visit.page.locator(".le-to-quiz").click()
    visit.page.locator(".le-quiz").wait_for()


def test_targets_can_be_hit(visit: Visit, picture: Path):
    for name in open_tabs(visit):
        assert visit.page.evaluate(SMALL, OWN) == [], name
    ask(visit, picture)
    await_the_end(visit, picture)
    look_at_a_token(visit, picture)
    assert visit.page.evaluate(SMALL, OWN) == []


def test_what_has_the_focus_can_be_seen(visit: Visit):
    visit.ask("What is this?")
    for selector in FOCUSED:
        visit.page.locator(selector).first.focus()
        visit.page.keyboard.press("Shift+Tab")
        visit.page.keyboard.press("Tab")
        ring = visit.page.evaluate("""() => { const style = getComputedStyle(document.activeElement);
            return [style.outlineStyle, parseFloat(style.outlineWidth)]; }""")
        assert ring[0] != "none", selector
        assert ring[1] >= 2, selector

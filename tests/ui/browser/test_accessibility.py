"""Everything can be seen, reached and understood: axe-core on every tab, focus, and the size of targets."""

from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import ROOT, Visit

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => {
    const found = await axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']});
    return found.violations.filter(({impact}) => ['serious', 'critical'].includes(impact))
        .flatMap(({id, nodes}) => nodes.map(({target}) => `${id}: ${target.join(' ')}`));
}"""
FOCUSED = ("#canvas [data-do=play]", "#canvas .tc-tok", "#canvas [data-look=order]", "#badge summary", ".ga-try")
OWN = ".tc, .pc, .pv, .st, .ba, .no, .su, .ga, .le"  # what the page has of its own; the rest is gradio's
SMALL = """(own) => [...document.querySelectorAll(own)]
    .flatMap((root) => [...root.querySelectorAll('button, select, input, a')])
    .filter((el) => el.checkVisibility() && el.closest('[data-view=text] .tc-tokens') === null)
    .filter((el) => { const box = el.getBoundingClientRect(); return Math.min(box.width, box.height) < 24
        && !(el.type === 'checkbox' && el.closest('label')) && el.type !== 'range'; })
    .map((el) => el.outerHTML.slice(0, 80))"""


def violations(page) -> list[str]:
    page.add_script_tag(path=AXE)
    return page.evaluate(RUN)


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed: npm ci")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("tab", ["Chat", "Compare", "Learn"])
def test_axe_finds_nothing_serious(open_page: Callable[..., Visit], url: str, scheme: str, tab: str, picture: Path):
    visit = open_page(url, color_scheme=scheme)
    visit.page.get_by_role("tab", name=tab).click()
    if tab == "Learn":
        visit.page.locator(".le-row .tc-tok").first.wait_for()
    assert violations(visit.page) == [], "before a run"
    if tab == "Chat":
        visit.upload(picture)
        visit.send("What is this?")
        visit.until("playing")
        assert violations(visit.page) == [], "during a run"
        visit.until("done")
        visit.canvas.locator(".tc-tok").nth(2).click()
        assert violations(visit.page) == [], "after a run, with a card pinned"
        visit.canvas.locator(".tc-look").click()
        visit.page.locator(".st-map[data-layer='0']").wait_for()
        assert violations(visit.page) == [], "with what the token looked at over the picture"
        assert visit.page.evaluate(SMALL, OWN) == []
    if tab == "Learn":
        visit.page.locator(".le-choice").first.click()
        visit.page.locator(".le-go:enabled").click()
        visit.page.locator(".le-done, .le-task").first.wait_for()
        assert violations(visit.page) == [], "after a guess"
        visit.page.locator(".le-to-quiz").click()
        visit.page.locator(".le-quiz").wait_for()
        assert violations(visit.page) == [], "on the quiz"


@pytest.mark.parametrize("tab", ["Chat", "Compare", "Learn"])
def test_targets_can_be_hit(visit: Visit, tab: str):
    visit.page.get_by_role("tab", name=tab).click()
    assert visit.page.evaluate(SMALL, OWN) == []


def test_what_has_the_focus_can_be_seen(visit: Visit):
    visit.ask("What is this?")
    for selector in (
        "#canvas [data-do=play]",
        "#canvas .tc-tok",
        "#canvas [data-look=order]",
        "#badge summary",
        "#gallery .ga-try",
    ):
        visit.page.locator(selector).first.focus()
        visit.page.keyboard.press("Shift+Tab")
        visit.page.keyboard.press("Tab")
        ring = visit.page.evaluate("""() => { const style = getComputedStyle(document.activeElement);
            return [style.outlineStyle, parseFloat(style.outlineWidth)]; }""")
        assert ring[0] != "none", selector
        assert ring[1] >= 2, selector

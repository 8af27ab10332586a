"""Replaying a run as a person does: scrubbing, looking into tokens, views and curves; and how quickly that goes."""

import json
from pathlib import Path

import pytest
from helpers import Visit, held, long_run
from viewer.shared_run import repaired

from lladav import LladaVPipeline
from lladav.decisions import decisions, stood_at
from lladav.pipeline import MASK_SIGN
from lladav.viewer import STATIC, bundle, markup, styles

QUESTION = "What is this?"


def scrub_to(visit: Visit, step: int) -> None:
    visit.canvas.locator(".tc-scrub").fill(str(step))


def shown_step(visit: Visit) -> int:
    return int(visit.canvas.get_attribute("data-step"))


def test_keys_go_through_the_steps(answered: Visit):
    scrub = answered.canvas.locator(".tc-scrub")
    scrub.focus()
    scrub.press("Home")
    assert shown_step(answered) == 0
    scrub.press("ArrowRight")
    scrub.press("ArrowRight")
    assert shown_step(answered) == 2
    answered.canvas.locator(".tc-tok").nth(3).focus()
    answered.page.keyboard.press(",")
    assert shown_step(answered) == 1
    answered.page.keyboard.press(".")
    assert shown_step(answered) == 2
    assert answered.page.evaluate("document.activeElement.dataset.position") == "3"
    scrub.press("End")
    assert answered.canvas.locator(".tc-mask").count() == 0


def test_a_masked_token_tells_what_is_weighed_at_the_step_on_show(answered: Visit):
    readings = {}
    for step in (1, 6):
        scrub_to(answered, step)
        masked = answered.canvas.locator(".tc-mask").last
        masked.hover()
        guess = masked.locator(".tc-piece").inner_text()
        best = answered.canvas.locator(".tc-alt").first.inner_text()
        assert best.strip("␣").startswith(guess.strip("␣")[:3])
        assert answered.canvas.locator(".tc-prob").count() == 5
        assert "masked" in answered.canvas.locator(".tc-card").inner_text()
        readings[step] = answered.canvas.locator(".tc-percent").all_inner_texts()
    assert readings[1] != readings[6]


def test_curves_and_masks_left_follow_the_scrubber(answered: Visit):
    for step in (0, 3, 9):
        scrub_to(answered, step)
        masks = answered.canvas.locator(".tc-mask").count()
        assert answered.canvas.locator("[data-out=masks]").inner_text() == str(masks)
    last = int(answered.canvas.locator(".tc-scrub").get_attribute("max"))
    points = answered.canvas.locator("[data-curve=masks] polyline").get_attribute("points").split(" ")
    assert len(points) == last + 1
    assert points[-1].startswith("200.0,"), "the curve of a finished run takes its whole width"
    answered.canvas.locator("[data-curve=committed]").click(position={"x": 2, "y": 20})
    assert shown_step(answered) <= 1


def test_the_text_view_reads_as_the_answer_does(answered: Visit):
    answered.canvas.locator("[data-do=last]").click()
    answered.canvas.get_by_role("button", name="Text").click()
    shown, bubble = answered.canvas.locator(".tc-tokens").inner_text(), answered.bubble()
    ascii_only = [[letter for letter in text if "!" <= letter <= "~"] for text in (shown, bubble)]
    assert ascii_only[0] == ascii_only[1], "tokens may be parts of other letters"
    answered.canvas.get_by_role("button", name="Unmasking order").click()
    assert answered.canvas.locator(".tc-order").first.is_visible()


def test_a_word_that_is_taken_back_is_struck_out_counted_and_explained(visit: Visit, tmp_path: Path):
    """A run of a scripted model, saved, and opened on the page: it errs, and then knows better."""
    run = repaired()
    run.save(tmp_path / "repaired.json")
    visit.page.locator("#open-run input[type=file], input[type=file][accept='.json']").first.set_input_files(
        tmp_path / "repaired.json"
    )
    visit.page.wait_for_function("document.querySelectorAll('#canvas .tc-tok').length === 6")
    visit.until("done")
    cells, taken, legend = (visit.canvas.locator(at) for at in (".tc-tok", "[data-out=revoked]", ".tc-legend-revoked"))
    seen = []
    for state in run.replay():
        scrub_to(visit, state.step)
        struck = visit.canvas.locator(".tc-revoked").all_inner_texts()
        seen.append((cells.first.inner_text(), struck, taken.inner_text()))
        assert cells.evaluate_all("all => all.map((el) => el.matches('.tc-mask'))") == state.mask_index.tolist()
    assert [(text.strip(), struck, count) for text, struck, count in seen] == [
        ("", [], "0"), ("dog", [], "0"), ("dog", ["dog"], "1"), ("cat", [], "1"),
    ]  # fmt: skip
    assert legend.is_visible()
    visit.canvas.get_by_role("button", name="Settled since").click()
    cells.first.click()
    card = visit.canvas.locator(".tc-facts").inner_text()
    for fact in ("step 3", "settled since step 3", "taken back once", f"stood as it ended at step {stood_at(run)}"):
        assert fact in card
    corners = visit.canvas.locator(".tc-order").all_text_contents()
    decided = [(one.settled_since, one.committed_at) for one in decisions(run)]
    assert corners == ["↺1 3→3"] + [f"{settled}→{committed}" for settled, committed in decided[1:]]


def test_scrubbing_back_while_the_model_decodes(visit: Visit, tiny_pipeline: LladaVPipeline):
    with held(tiny_pipeline, steps=4) as (gate, _):
        visit.send(QUESTION)
        visit.until_step(4)
        scrub_to(visit, 2)
        assert visit.canvas.locator(".tc-scrub").get_attribute("max") == "4"
        assert MASK_SIGN in visit.page.locator("#conversation [data-refining]").get_attribute("data-refining")
        gate.set()
        visit.page.wait_for_function("document.querySelector('#canvas .tc-scrub').max > 4")
        assert shown_step(visit) == 2
        visit.canvas.locator("[data-do=play]").click()
        visit.until("done")
    assert shown_step(visit) > 4


# ---- the canvas alone, which needs no server ---------------------------------------------------


def show_longest(page, word: str = "word") -> None:
    """Show nothing but the canvas of the longest run, whose words are numbers behind `word`."""
    state = json.dumps(long_run()[-1] | {"live": False, "play": False}).replace(" word", f" {word}")
    parts = [
        f"<style>{styles()}</style><main>{markup()}</main>",
        f'<script type="application/json" id="state">{state}</script>',
    ]
    page.set_content("".join([*parts, f"<script>{bundle(STATIC / 'replay.js')}</script>"]))


@pytest.fixture
def alone(browser):
    """A page with nothing but the canvas of the longest run, and a clock that only the test moves."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.clock.install()
    show_longest(page)
    yield page
    page.close()


@pytest.mark.parametrize("width", [390, 700, 1440])
def test_no_word_is_cut(browser, width: int):
    page = browser.new_page(viewport={"width": width, "height": 900})
    show_longest(page, "raspber")
    page.locator("[data-do=last]").click()
    cut = "(all) => all.filter((one) => one.scrollWidth > one.clientWidth).map((one) => one.textContent)"
    assert page.locator(".tc-piece").evaluate_all(cut) == []
    assert page.locator(".tc-piece", has_text="raspber").count() > 100
    page.close()


def test_speed_is_a_choice(alone):
    steps = {}
    for speed in ("0.5", "4"):
        alone.locator(".tc-speed").select_option(speed)
        alone.locator("[data-do=first]").click()
        alone.locator("[data-do=play]").click()
        alone.clock.run_for(500)
        steps[speed] = int(alone.locator(".tc").get_attribute("data-step"))
        alone.locator("[data-do=play]").click()
    assert 2 * steps["0.5"] < steps["4"]


REPAINT = """(step) => {
    const scrub = document.querySelector('.tc-scrub');
    scrub.value = step;
    scrub.dispatchEvent(new Event('input'));
    document.querySelector('.tc-tokens').lastChild.getBoundingClientRect();  // which settles the layout
}"""
REBUILD = """() => {
    const cells = document.querySelector('.tc-tokens');
    cells.replaceChildren(...[...cells.children].map((cell) => cell.cloneNode(true)));
    cells.lastChild.getBoundingClientRect();
}"""


def test_a_step_of_the_longest_run_costs_about_what_its_cells_do(alone):
    """Against the browser's own work of laying so many cells out anew, both in time that the page's thread was busy."""
    session = alone.context.new_cdp_session(alone)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy(script: str) -> float:
        def seconds() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration")

        before = seconds()
        for step in range(0, 256, 8):
            alone.evaluate(script, step)
        return seconds() - before

    assert busy(REPAINT) < 2 * busy(REBUILD)

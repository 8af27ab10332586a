"""The Compare tab as a person meets it."""

from collections.abc import Callable

import pytest
from helpers import OWN_LENGTH, Visit, letters, slow

from lladav import LladaVPipeline, SamplingConfig, Trace
from lladav.sampling.methods import method_settings
from lladav.ui.examples import contrast


class Comparison:
    """A visit to the tab, with the example it opens with."""

    def __init__(self, visit: Visit):
        self.visit, self.page = visit, visit.page
        self.page.get_by_role("tab", name="Compare").click()
        self.clock = self.page.locator("#player .pc")
        self.slider = self.clock.locator(".pc-scrub")
        self.clock.wait_for()
        self.page.locator("#canvas-b .tc-tok").first.wait_for()

    def run(self) -> None:
        """Compare, and wait for the end: on a busy machine both may have played before one looks for "playing"."""
        self.page.evaluate(
            """() => {
                window.played = false;
                const player = document.querySelector("#player .pc");
                const note = (changes) => window.played ||= changes.some((change) => change.oldValue === "playing");
                new MutationObserver(note).observe(player, {attributeFilter: ["data-state"], attributeOldValue: true});
            }"""
        )
        self.page.locator("#compare").click()
        self.page.wait_for_function("window.played")
        self.until("done")
        self.page.locator("#results .pv[data-state=done]").wait_for()  # it comes in the same update, a little later

    def until(self, state: str) -> None:
        self.page.locator(f"#player .pc[data-state={state}]").wait_for()

    def masks(self) -> list[int]:
        return [self.page.locator(f"#canvas-{side} .tc-mask").count() for side in "ab"]

    def texts(self) -> list[str]:
        return [self.page.locator(f".pv-text.pv-{side} span").first.inner_text() for side in "ab"]

    def figures(self, name: str) -> list[str]:
        row = self.page.locator("#results tr", has=self.page.get_by_role("rowheader", name=name))
        return row.locator(".pv-value").all_inner_texts()


@pytest.fixture
def comparison(visit: Visit) -> Comparison:
    return Comparison(visit)


def expected(pipe: LladaVPipeline, **settings) -> Trace:
    """The run that a side must show."""
    example = contrast()
    content = [{"type": "image", "image": example.image}, {"type": "text", "text": example.question}]
    config = SamplingConfig(**{"gen_length": OWN_LENGTH, "block_length": OWN_LENGTH, "seed": 0} | settings)
    return pipe([{"role": "user", "content": content}], config).trace


def masks_at(trace: Trace, step: int) -> int:
    return int([*trace.replay()][min(step, len(trace.steps))].mask_index.sum())


def test_two_settings_on_one_slider(comparison: Comparison, tiny_pipeline: LladaVPipeline):
    comparison.run()
    traces = [expected(tiny_pipeline, steps=OWN_LENGTH), expected(tiny_pipeline, steps=OWN_LENGTH // 4)]
    for text, trace in zip(comparison.texts(), traces, strict=True):
        assert letters(text) == letters(trace.text)
    assert comparison.figures("forward passes") == [str(len(trace.steps)) for trace in traces]
    comparison.slider.focus()
    comparison.slider.press("Home")
    assert comparison.masks() == [OWN_LENGTH, OWN_LENGTH]
    for step in (1, 2):
        comparison.slider.press("ArrowRight")
        assert comparison.masks() == [masks_at(trace, step) for trace in traces]
    comparison.slider.press("End")
    assert comparison.masks() == [masks_at(trace, OWN_LENGTH) for trace in traces]


def test_seconds_are_each_sides_own(comparison: Comparison):
    comparison.run()
    comparison.clock.get_by_text("Seconds").click()
    longest = float(comparison.slider.get_attribute("max"))
    seconds = [float(text.removesuffix(" s")) for text in comparison.figures("seconds")]
    assert longest == pytest.approx(1000 * max(seconds), abs=10)
    comparison.slider.fill(str(longest / 2))
    half = comparison.masks()
    comparison.slider.fill(str(longest))
    assert OWN_LENGTH > half[0] >= comparison.masks()[0]
    assert "of" in comparison.clock.locator(".pc-now").inner_text()


def test_a_pair_sets_both_sides(comparison: Comparison, tiny_pipeline: LladaVPipeline):
    comparison.page.locator("#comparison label", has_text="One block or blocks of 8").click()
    comparison.run()  # at once: it waits for the settings
    blocks = expected(tiny_pipeline, steps=OWN_LENGTH, block_length=8)
    assert letters(comparison.texts()[1]) == letters(blocks.text)
    assert "2 blocks of 8" in comparison.page.locator("#title-b").inner_text()
    comparison.slider.fill("8")
    assert comparison.page.locator("#canvas-b .tc-mask").count() == masks_at(blocks, 8)
    first_block = comparison.page.locator("#canvas-b .tc-tok:nth-child(-n+8).tc-mask")
    assert first_block.count() == 0


def test_any_two_methods_are_compared(comparison: Comparison, tiny_pipeline: LladaVPipeline):
    comparison.page.locator("#comparison label", has_text="Balanced or WINO").click()
    comparison.page.locator("#comparison").get_by_text("Wide-In, Narrow-Out, arXiv 2507.18578").wait_for()
    comparison.page.locator("#b-threshold").wait_for()
    comparison.page.select_option("#a-method select", "saber")
    comparison.page.locator("#a-max_revocations").wait_for()
    comparison.visit.until_quiet()
    comparison.run()
    names = ("saber", "wino")
    traces = [expected(tiny_pipeline, **method_settings(name, {"gen_length": OWN_LENGTH})) for name in names]
    assert [*map(letters, comparison.texts())] == [letters(trace.text) for trace in traces]
    assert comparison.figures("forward passes") == [str(len(trace.steps)) for trace in traces]
    assert comparison.page.locator("#title-b").inner_text().endswith("WINO: 16 tokens in one block, 1 a step at least")


def test_one_after_the_other(comparison: Comparison):
    comparison.page.locator("#in-turn input").check()
    comparison.run()
    assert all(comparison.figures("forward passes"))


def test_stop_keeps_both_as_they_are(comparison: Comparison, tiny_pipeline: LladaVPipeline):
    _, release = slow(tiny_pipeline, 0.8)  # long enough for a click on a busy machine
    try:
        comparison.page.locator("#compare").click()
        comparison.page.wait_for_function("Number(document.querySelector('#player .pc-scrub').value) >= 2")
        comparison.page.locator("#pair-stop").click()
        comparison.until("done")
    finally:
        release()
    kept = comparison.masks()
    assert 0 < kept[0] < OWN_LENGTH
    comparison.visit.until_quiet()
    assert comparison.masks() == kept
    comparison.run()
    assert comparison.figures("forward passes")[1]


def test_what_cannot_be_asked_is_told(comparison: Comparison):
    comparison.page.locator("#compare-image").get_by_label("Remove Image").click()
    comparison.page.locator("#compare-text").locator("textarea, input").fill("")
    comparison.page.locator("#compare").click()
    comparison.page.get_by_text("There is nothing to answer yet").wait_for()
    comparison.page.locator("#compare-text").locator("textarea, input").fill("word " * 800)
    comparison.page.locator("#compare").click()
    comparison.page.get_by_text("must fit into 512 tokens").wait_for()
    comparison.until("idle")
    assert comparison.page.locator("#pair-stop").is_disabled()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_nothing_sticks_out(open_page: Callable[..., Visit], url: str, width: int, scheme: str):
    comparison = Comparison(open_page(url, width=width, color_scheme=scheme))
    comparison.run()
    comparison.visit.nothing_sticks_out()

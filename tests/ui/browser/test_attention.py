"""A token is asked what it looked at, and its map lies over the picture."""

from collections.abc import Callable
from pathlib import Path

from helpers import Visit

from lladav.assets import asset

BOXES = """() => ['.st-picture', '.st-map'].map((selector) => {
    const box = document.querySelector(selector).getBoundingClientRect();
    return [box.left, box.top, box.width, box.height].map(Math.round);
})"""
CLEAREST = """() => {
    const canvas = document.querySelector('.st-map'), {width, height} = canvas;
    const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
    let best = 0;
    for (let at = 0; at < width * height; at++) if (data[4 * at + 3] < data[4 * best + 3]) best = at;
    return [(best % width) / width, Math.floor(best / width) / height];
}"""


def ask_what_it_looked_at(visit: Visit, position: int) -> None:
    visit.canvas.locator(".tc-tok").nth(position).click()
    visit.canvas.locator(".tc-look").click()
    visit.page.locator(".st-map[data-layer='0']").wait_for()


def test_the_map_lies_over_the_picture(visit: Visit, picture: Path):
    visit.upload(picture)
    visit.ask("What is this?")
    assert visit.page.locator(".st-look").is_hidden()
    ask_what_it_looked_at(visit, 2)
    image, overlay = visit.page.evaluate(BOXES)
    assert image == overlay
    assert "position 2, in step" in visit.page.locator(".st-looked").inner_text()
    layer = visit.page.locator(".st-layer")
    layer.focus()
    layer.press("End")
    visit.page.locator(".st-map[data-layer='2']").wait_for()  # it has two layers
    assert "layer 2 ·" in visit.page.locator(".st-share").inner_text()
    visit.page.locator(".st-close").click()
    visit.page.locator(".st-map").wait_for(state="detached")
    assert visit.page.locator(".st-look").is_hidden()


def test_a_new_run_takes_the_map_away(visit: Visit, picture: Path):
    visit.upload(picture)
    visit.ask("What is this?")
    ask_what_it_looked_at(visit, 2)
    visit.ask("Is it red?")
    assert visit.page.locator(".st-map").count() == 0


def test_without_a_picture_the_page_says_so(visit: Visit):
    visit.ask("What is this?")
    visit.canvas.locator(".tc-tok").nth(2).click()
    visit.canvas.locator(".tc-look").click()
    visit.page.locator("#notice", has_text="There is no picture that this answer could have looked at").wait_for()


def test_a_color_looks_at_what_it_is_of(open_page: Callable[..., Visit], embedded: str):
    """The embedded model, asked for the color of one of the shapes of an example."""
    visit = open_page(embedded)
    visit.upload(asset("examples") / "shapes.png")
    visit.ask("What color is the star?")
    ask_what_it_looked_at(visit, 0)
    layer = visit.page.locator(".st-layer")
    for _ in range(4):
        layer.press("ArrowRight")
    visit.page.locator(".st-map[data-layer='4']").wait_for()
    x, y = visit.page.evaluate(CLEAREST)
    assert abs(x - 0.74) < 0.2 and abs(y - 0.28) < 0.2, "where the star is, see assets/examples/build.py"

"""A token is asked what it looked at, and its map lies over the picture."""

from pathlib import Path

from helpers import PAGES_OWN, Visit

from lladav import LladaVPipeline

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


def test_the_map_is_the_pipelines(visit: Visit, picture: Path, tiny_pipeline: LladaVPipeline):
    visit.fix_seed()
    visit.upload(picture)
    visit.ask("What is this?")
    ask_what_it_looked_at(visit, 2)
    step = int(visit.page.locator(".st-looked").inner_text().rpartition(" ")[2])
    visit.page.locator(".st-layer").press("End")
    visit.page.locator(".st-map[data-layer='2']").wait_for()
    content = [{"type": "image", "image": str(picture)}, {"type": "text", "text": "What is this?"}]
    messages = [{"role": "user", "content": content}]
    trace = tiny_pipeline(messages, PAGES_OWN).trace
    last = tiny_pipeline.attention(messages, trace, step - 1, [2]).maps(2)[-1]
    assert 2 in trace.steps[step - 1].transfer_index
    row, column = divmod(int(last.argmax()), last.shape[1])
    x, y = visit.page.evaluate(CLEAREST)
    patch = 15 / 120, 15 / 90  # of the picture's width and height
    assert abs(x - column / last.shape[1]) < patch[0] and abs(y - row / last.shape[0]) < patch[1]

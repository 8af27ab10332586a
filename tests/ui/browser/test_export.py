"""Exporting a run, opening it again, and the gallery, as a person meets them."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from helpers import Visit, letters
from PIL import Image

from lladav import Trace
from lladav.ui import export
from lladav.ui.examples import recorded_runs
from lladav.ui.failures import NO_ROOM

QUESTION = "What is this?"
DROP = """([name, text]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], name, {type: 'application/json'}));
    for (const kind of ['dragover', 'drop'])
        document.body.dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
}"""


def take(visit: Visit, ending: str, folder: Path) -> Path:
    """Download what is on the canvas."""
    with visit.page.expect_download() as download:
        visit.page.locator(f"#export-{ending}").click()
    assert download.value.suggested_filename.endswith(f".{ending}")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def tokens(canvas) -> list[str]:
    return canvas.locator(".tc-tok").evaluate_all("cells => cells.map((cell) => cell.getAttribute('aria-label'))")


def test_every_format_holds_the_run(visit: Visit, browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(export, "STOPPABLE", -1)  # as if every frame took long
    visit.ask(QUESTION)
    trace = Trace.load(take(visit, "json", tmp_path))
    steps = len(trace.steps)
    assert letters(trace.text) == letters(visit.bubble())
    with Image.open(take(visit, "gif", tmp_path)) as film:
        assert film.n_frames == steps
    film = cv2.VideoCapture(str(take(visit, "mp4", tmp_path)))
    assert sum(1 for _ in iter(lambda: film.read()[0], False)) == steps
    with Image.open(take(visit, "png", tmp_path)) as picture:
        assert min(picture.size) > 100
    replay = browser.new_context(offline=True).new_page()
    troubles: list[str] = []
    replay.on("pageerror", lambda error: troubles.append(str(error)))
    replay.on("request", lambda request: request.url.startswith(("file:", "data:")) or troubles.append(request.url))
    replay.goto(take(visit, "html", tmp_path).as_uri())
    replay.locator(".tc[data-state=done]").wait_for()
    assert tokens(replay) == tokens(visit.canvas)
    replay.locator(".tc-scrub").focus()
    replay.keyboard.press("Home")
    assert replay.locator(".tc-mask").count() == trace.config.gen_length
    replay.context.close()
    assert troubles == []


@pytest.mark.parametrize("dropped", [False, True], ids=["chosen", "dropped"])
def test_a_run_is_opened_again(visit: Visit, tmp_path: Path, dropped: bool):
    visit.ask(QUESTION)
    before, path = tokens(visit.canvas), take(visit, "json", tmp_path)
    visit.page.locator("#new-chat").click()
    visit.until("idle")
    if dropped:
        visit.page.evaluate(DROP, [path.name, path.read_text()])
    else:
        with visit.page.expect_file_chooser() as chooser:
            visit.page.locator("#open-run").click()
        chooser.value.set_files(path)
    visit.until("done")
    assert tokens(visit.canvas) == before
    assert Trace.load(take(visit, "json", tmp_path)) == Trace.load(path)


def test_a_film_that_fails_ends_in_a_sentence(visit: Visit, monkeypatch: pytest.MonkeyPatch):
    def failing(*_: object) -> Iterator[tuple[int, int]]:
        yield 0, 1
        raise OSError(28, "No space left on device")

    visit.ask("Hello")
    with monkeypatch.context() as patch:
        patch.setattr(export, "exporting", failing)
        visit.page.locator("#export-gif").click()
        visit.page.get_by_text(NO_ROOM).wait_for()
    assert visit.ask("Still there?")


def test_what_is_no_run_is_told(visit: Visit):
    visit.page.evaluate(DROP, ["mine.json", "Dear model,"])
    visit.page.get_by_text("mine.json is no run that can be opened").wait_for()
    assert visit.ask(QUESTION)


def test_without_a_run_there_is_nothing_to_take(visit: Visit):
    visit.page.locator("#new-chat").click()
    visit.until("idle")
    visit.page.locator("#export-gif").click()
    visit.page.get_by_text("There is no run of yours on the canvas yet").wait_for()


class TestGallery:
    def test_the_page_opens_with_a_recorded_run(self, visit: Visit):
        first = next(iter(recorded_runs().values())).trace
        visit.until("done")
        assert visit.canvas.locator(".tc-tok").count() == first.config.gen_length
        assert f"recorded earlier with {first.model}" in visit.canvas.inner_text()
        visit.ask(QUESTION)
        assert "recorded earlier" not in visit.canvas.inner_text()

    def test_a_thumbnail_plays_its_run(self, visit: Visit, tmp_path: Path):
        visit.page.locator("#gallery .ga-show").last.click()
        last = [run.trace for run in recorded_runs().values()][-1]
        visit.page.wait_for_function(
            f"document.querySelectorAll('#canvas .tc-tok').length === {last.config.gen_length}"
        )
        visit.until("done")
        assert Trace.load(take(visit, "json", tmp_path)) == last

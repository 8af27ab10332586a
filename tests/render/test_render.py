"""Traces drawn, filmed and put on a page of their own."""

import base64
import hashlib
import json
import weakref
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from helpers import picture_message
from PIL import Image

from lladav import SamplingConfig, Trace
from lladav.render import EXPORT_FORMATS, draw_frames, export, film
from lladav.render.frames import Drawing, last_frame
from lladav.render.lettering import lettering, shortened, text_width, wrapped
from lladav.render.wording import summary
from lladav.viewer.state import canvas_state

CONFIG = SamplingConfig(gen_length=32, block_length=8, steps=16, stop=("8",), seed=1)
CHROMIUM = Path("/usr/bin/chromium")
NASTY = "</script><script>alert(1)</script><!-- $question & \"'"


@pytest.fixture(scope="module")
def trace(tiny_pipeline) -> Trace:
    return tiny_pipeline([picture_message("What is this?")], CONFIG).trace


@pytest.fixture(scope="module")
def unbegun(trace: Trace) -> Trace:
    """A run that was broken off before its first step."""
    return replace(trace, steps=[], seconds=[0.0], text="", finish_reason=None)


def distance(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures, of 255."""
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float)).mean())


# ---- frames ------------------------------------------------------------------------------------


def test_there_is_a_frame_for_every_step(trace: Trace, unbegun: Trace):
    drawn = list(draw_frames(trace))
    assert len(drawn) == len(trace.steps) > 1
    (size,) = {frame.size for frame in drawn}
    assert size[0] % 2 == size[1] % 2 == 0
    assert all(one.tobytes() != other.tobytes() for one, other in pairwise(drawn))
    assert last_frame(trace).tobytes() == drawn[-1].tobytes()
    assert len(list(draw_frames(unbegun))) == 1


def test_a_drawing_kept_up_to_date_is_one_made_anew(trace: Trace):
    kept = Drawing(trace)
    for state in trace.replay():
        assert kept.draw(state).tobytes() == Drawing(trace).draw(state).tobytes()


def test_the_picture_that_was_asked_about_is_on_it(trace: Trace):
    red, green, blue = last_frame(trace).getpixel((100, 100))
    assert red > 240 and green < 15 and blue < 15
    assert last_frame(replace(trace, thumbnails=[])).getpixel((100, 100)) != (red, green, blue)


def test_a_picture_in_a_trace_has_to_be_one(trace: Trace):
    with pytest.raises(ValueError, match="not a picture"):
        last_frame(replace(trace, thumbnails=["data:image/jpeg;base64,QUJD"]))


@pytest.mark.parametrize("length", [1, 8, 96, 97, 512])
def test_any_length_and_any_text_can_be_drawn(trace: Trace, length: int):
    config = replace(CONFIG, gen_length=length, block_length=length, steps=length, template=(7,) * length)
    pieces = dict.fromkeys(trace.pieces, "w" * 60) | {7: " 中文 🙂 \x00"}
    odd = replace(trace, config=config, steps=[], pieces=pieces, question="why " * 200, text="b" * 500)
    assert last_frame(odd).width == 1080


def test_what_was_given_is_told_from_what_was_committed(trace: Trace):
    template = tuple([9] * 16 + [None] * 16)
    pieces = trace.pieces | {9: "it"}
    given = replace(trace, config=replace(CONFIG, template=template), steps=[], seconds=[0.0], pieces=pieces)
    (state,) = given.replay()
    kinds = [chip.kind for chip in Drawing(given)._chips_of(state)]
    assert kinds == ["template"] * 16 + ["mask"] * 16


def test_a_run_is_summed_up_in_a_line(trace: Trace):
    plain = replace(trace, model="tiny", config=SamplingConfig(32, 32, 16))
    assert summary(plain) == "tiny  ·  32 tokens, 16 steps"
    config = SamplingConfig(32, 8, 16, temperature=0.5, cfg_scale=2, remasking="random", refresh_interval=4)
    edited = replace(plain, config=config, edit="re-masked 2 tokens")
    settings = "32 tokens, blocks of 8, 16 steps, temperature 0.5, cfg scale 2, refresh interval 4, random remasking"
    assert summary(edited) == f"tiny  ·  {settings}  ·  re-masked 2 tokens"


# ---- lettering ---------------------------------------------------------------------------------


@pytest.mark.parametrize("letter", [*"aéßжλ中–…·■↵"])
def test_letters_of_many_scripts_have_a_shape_of_their_own(letter: str):
    ink = lettering(letter, 24)
    assert max(ink.tobytes()) == 255
    assert ink.tobytes() != lettering("?", 24).tobytes()


def test_lines_keep_to_their_width():
    text = "the quick brown fox jumps over the lazy dog " * 9
    lines = wrapped(text, 300, 20, most=3)
    assert len(lines) == 3 and lines[-1].endswith("…")
    assert all(text_width(line, 20) <= 300 for line in lines)
    assert " ".join(wrapped(text, 300, 20, most=99)) == text.strip()
    assert wrapped("", 300, 20) == [""] and shortened("fox", 300, 20) == "fox"


# ---- films -------------------------------------------------------------------------------------


def test_a_gif_has_the_frames_and_holds_the_last(trace: Trace, unbegun: Trace, tmp_path):
    told: list[tuple[int, int]] = []
    export(trace, tmp_path / "run.gif", progress=lambda *numbers: told.append(numbers))
    assert told == [(done, len(trace.steps)) for done in range(len(trace.steps) + 1)]
    with Image.open(tmp_path / "run.gif") as gif:
        assert gif.n_frames == len(trace.steps) and gif.info["loop"] == 0
        durations = []
        for number, frame in enumerate(draw_frames(trace)):
            gif.seek(number)
            durations.append(gif.info["duration"])
            assert distance(gif.convert("RGB"), frame) < 2.5
    assert len(set(durations[:-1])) == 1 and durations[-1] > 2 * durations[0]
    export(unbegun, tmp_path / "unbegun.gif")
    with Image.open(tmp_path / "unbegun.gif") as gif:
        assert gif.n_frames == 1


def test_a_gif_is_written_frame_by_frame(trace: Trace, tmp_path):
    kept: list[weakref.ref] = []

    def images():
        for frame in draw_frames(trace):
            kept.append(weakref.ref(image := frame.quantize(255)))
            assert sum(made() is not None for made in kept) <= 3
            yield image, 100
            del image

    with (tmp_path / "run.gif").open("wb") as file:
        film._write_gif(file, images())
    assert len(kept) > 3


def test_a_video_has_the_frames(trace: Trace, tmp_path):
    trace = replace(trace, steps=trace.steps[:5], seconds=trace.seconds[:6], finish_reason=None)
    told: list[tuple[int, int]] = []
    export(trace, tmp_path / "run.mp4", progress=lambda *numbers: told.append(numbers))
    assert told == [(done, len(trace.steps)) for done in range(len(trace.steps) + 1)]
    video = cv2.VideoCapture(str(tmp_path / "run.mp4"))
    for frame in draw_frames(trace):
        read, image = video.read()
        assert read and distance(Image.fromarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)), frame) < 6
    assert not video.read()[0]


def test_a_picture_is_the_last_frame(trace: Trace, tmp_path):
    export(trace, tmp_path / "run.PNG")
    with Image.open(tmp_path / "run.PNG") as picture:
        assert picture.tobytes() == last_frame(trace).tobytes()


# ---- a page of its own -------------------------------------------------------------------------


class Page(HTMLParser):
    """The elements of a page, and the text in its scripts."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.scripts: list[str] = []
        self.headings = ""
        self.inside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.inside.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        if tag in self.inside:
            del self.inside[self.inside.index(tag) :]

    def handle_data(self, data):
        if "script" in self.inside:
            self.scripts[-1] += data
        if "h1" in self.inside:
            self.headings += data


def test_a_page_holds_the_run_and_nothing_that_it_says_becomes_code(trace: Trace, tmp_path):
    nasty = replace(trace, question=NASTY, text=NASTY, pieces=dict.fromkeys(trace.pieces, NASTY))
    export(nasty, tmp_path / "run.html")
    text = (tmp_path / "run.html").read_text(encoding="utf-8")
    page = Page(text)
    state, code = page.scripts
    assert json.loads(state) == canvas_state(nasty, run=nasty.id, play=True, editable=False)
    assert page.headings == NASTY and "alert(1)" not in code
    assert text.count("</script>") == 2


def test_a_page_allows_its_own_code_and_no_network(trace: Trace, tmp_path):
    export(trace, tmp_path / "run.html")
    page = Page((tmp_path / "run.html").read_text(encoding="utf-8"))
    (policy,) = [given["content"] for tag, given in page.elements if given.get("http-equiv")]
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}';")
    sources = [given[name] for _, given in page.elements for name in ("src", "href") if given.get(name)]
    assert sources == trace.thumbnails and all(source.startswith("data:image/jpeg;base64,") for source in sources)


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is missing")
def test_a_page_replays_in_a_browser_without_a_network(trace: Trace, tmp_path):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    export(trace, tmp_path / "run.html")
    troubles, requests = [], []
    with playwright.sync_playwright() as player:
        browser = player.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_context(offline=True).new_page()
        page.set_default_timeout(60_000)  # machines that run tests may be busy
        page.on("console", lambda message: message.type == "error" and troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto((tmp_path / "run.html").as_uri())

        def wait_for_step(step: int) -> None:
            page.locator(f".tc[data-step='{step}']").wait_for()

        last = len(trace.steps)
        wait_for_step(last)
        for key, step in {"ArrowLeft": last - 1, "ArrowRight": last}.items():
            page.keyboard.press(key)
            wait_for_step(step)
        *_, state = trace.replay()
        committed = int((~state.mask_index).sum())
        assert page.locator(".tc-tok").count() == 32 and page.locator(".tc-set").count() == committed
        browser.close()
    assert troubles == [] and [url.split(":")[0] for url in requests if not url.startswith("data:")] == ["file"]


# ---- which of them -----------------------------------------------------------------------------


def test_json_is_the_trace(trace: Trace, tmp_path):
    export(trace, tmp_path / "run.json")
    assert Trace.load(tmp_path / "run.json") == trace


@pytest.mark.parametrize(("name", "shown"), [("run.avi", "'.avi'"), ("run", "'.*run'")])
def test_another_ending_is_refused(trace: Trace, tmp_path, name: str, shown: str):
    with pytest.raises(ValueError, match=rf"path must end in \.gif, \.mp4, \.png, \.html, \.json, got {shown}"):
        export(trace, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("ending", EXPORT_FORMATS)
def test_a_folder_that_is_not_there_is_named(trace: Trace, tmp_path, ending: str):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        export(trace, tmp_path / "nowhere" / f"run.{ending}")

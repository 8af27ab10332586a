"""The Learn tab as a person meets it: every lesson to its end, by keyboard."""

import json
from collections.abc import Callable

import pytest
from helpers import Visit, queue_status

from lladav.assets import asset
from lladav.ui.learn.lessons import ANSWER_LENGTH, LESSONS, QUIZ, STEPS
from lladav.ui.learn.tab import TEXTS
from lladav.ui.limits import LIMITS

EN, NL = (json.loads((TEXTS / f"{code}.json").read_text(encoding="utf-8")) for code in ("en", "nl"))
BUSY = json.dumps({"status": "ok", "running": LIMITS.runs, "waiting": 0})


def recorded(lesson: str) -> dict:
    return json.loads((asset("lessons") / f"{lesson}.json").read_text(encoding="utf-8"))


def as_good_as_slow() -> list[str]:
    """Settings of the lesson on steps with 16 or fewer, whose answer is that of 32."""
    replies = recorded("budget")
    few = [name for name in replies if int(name.split("-")[0]) <= 16]
    return [name for name in few if replies[name]["text"] == replies["32-32"]["text"]]


class Reader:
    """Somebody who does the lessons with a keyboard."""

    def __init__(self, visit: Visit):
        self.page = visit.page

    def press(self, selector: str, *keys: str) -> None:
        for key in keys:
            self.page.locator(selector).first.press(key)

    def guess(self, selector: str) -> None:
        """Commit to a guess, and see what happens."""
        self.press(selector, "Enter")
        self.press(".le-go:enabled", "Enter")
        self.page.locator(".le-verdict").wait_for()
        self.page.locator(".le-stage[aria-busy=false]").wait_for()

    def do(self, name: str) -> None:
        """The task of a lesson."""
        slider = ".le-slider input:enabled"
        if name == "noise":
            self.press(slider, "End")
            self.press(".le-go:enabled", "Enter")
        elif name == "one-step":
            self.press(".le-row [data-position='0']", "Enter")
            self.press(".le-go:enabled", "Enter")
        elif name == "order":
            self.press(slider, "Home", *["ArrowRight"] * ANSWER_LENGTH)
        elif name == "budget":
            steps, block = next(name.split("-") for name in as_good_as_slow())
            self.press(f".le-segments [data-key='{block}']", "Enter")
            self.press(slider, "Home", *["ArrowRight"] * sorted(STEPS).index(int(steps)))
        elif name == "taking-back":
            self.press(".le-small:enabled >> nth=1", "Enter")
        elif name == "guidance":
            self.press(slider, "Home")
            self.press(".le-slider:nth-of-type(2) input:enabled", "End")
        elif name in ("race", "reading"):
            self.press(".le-small:enabled", "Enter")
        elif name == "looking":
            self.press(".le-layer[data-layer='4']", "Enter")
        else:
            for part in ("tiles", "tower", "projector", "prompt", "sequence", "logits"):
                self.press(f".le-part[data-part={part}]", "Enter")

    def walk(self, texts: dict) -> list[str]:
        """Do all lessons; what each said of where its answers come from."""
        sources = []
        for lesson in LESSONS:
            said = texts["lessons"][lesson.name]
            self.page.locator(".le-title", has_text=said["title"]).wait_for()
            self.page.locator(".le-row .tc-tok, .le-shape, .le-bars li").first.wait_for()
            self.guess(".le-row [data-position='2']" if lesson.name == "one-step" else ".le-choice >> nth=-1")
            self.do(lesson.name)
            self.page.locator(".le-done").wait_for()  # maybe by an answer that others were asked for after
            self.page.locator(".le-stage[aria-busy=false]").wait_for()
            sources.append(self.page.locator(".le-source").inner_text())
            if lesson != LESSONS[-1]:
                self.press(".le-next", "Enter")
        return sources


@pytest.mark.parametrize(
    ("width", "language", "texts", "live"),
    [(1440, "en-GB", EN, True), (390, "en-GB", EN, False), (1440, "nl-NL", NL, False), (390, "nl-NL", NL, False)],
)
def test_every_lesson_can_be_walked_to_its_end_with_the_model_or_without(
    open_page: Callable[..., Visit], url: str, width: int, language: str, texts: dict, live: bool
):
    options = {"width": width, "height": 844 if width < 640 else 900, "locale": language, "reduced_motion": "reduce"}
    visit = open_page(f"{url}?view=learn", opens=".le-title", **options)
    if not live:
        visit.page.route("**/health", lambda route: route.fulfill(body=BUSY, content_type="application/json"))
        visit.page.locator(".le-next").press("Enter")
        visit.page.locator(".le-back").press("Enter")
    sources = Reader(visit).walk(texts)
    expected = texts["page"]["live"] if live else texts["page"]["recorded"]["busy"]
    assert set(sources) == {expected}
    assert visit.page.locator(".le-finished").count() == len(LESSONS)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    if live:
        visit.page.locator(".le-try").press("Enter")
        visit.page.locator("#chat-tab").wait_for()
        visit.page.locator("#stage .st-question", has_text=LESSONS[-1].chat.question).wait_for()
        visit.until_quiet()
        assert queue_status(url)["running"] == 0


def test_a_link_opens_a_lesson_whose_terms_are_explained(open_page: Callable[..., Visit], url: str):
    page = open_page(f"{url}?view=learn&lesson=3&lang=en", opens=".le-title").page
    assert page.locator(".le-title").inner_text() == EN["lessons"]["order"]["title"]
    term = page.locator(".le-term").first
    assert not term.locator(".le-meaning").is_visible()
    term.focus()
    assert term.locator(".le-meaning").inner_text() in [entry["meaning"] for entry in EN["glossary"]]
    page.locator(".le-language").select_option("nl")
    page.locator(".le-title", has_text=NL["lessons"]["order"]["title"]).wait_for()
    assert page.locator(".le").get_attribute("lang") == "nl"


def test_the_maps_of_a_word_are_laid_over_the_picture_once_the_guess_is_made(open_page: Callable[..., Visit], url: str):
    visit = open_page(f"{url}?view=learn&lesson=8&lang=en", opens=".le-title")
    maps, facts, row = map(visit.page.locator, (".le-layer .st-map", ".le-facts", ".le-row"))
    pizza, banana = (row.locator(f"[data-position='{position}']") for position in (1, 4))
    for layer in range(6):
        maps.nth(layer).and_(visit.page.locator(f"[data-layer='{layer + 1}']")).wait_for()
    banana.press("Enter")
    assert "“pizza”" in facts.inner_text()
    Reader(visit).guess(".le-choice >> nth=0")
    assert "“apple”" in facts.inner_text()
    banana.press("Enter")
    assert "“banana”, written in step" in facts.inner_text()
    pizza.press("Enter")
    assert "“pizza”, written in step" in facts.inner_text()
    assert visit.page.locator(".le-taken .le-bar-name").inner_text() == "Pizza"
    assert maps.count() == 6


def test_a_run_is_told_step_by_step_on_a_projector(open_page: Callable[..., Visit], url: str):
    page = open_page(f"{url}?view=teach&lesson=5&lang=en", opens=".le-narration").page
    page.locator(".le-narration", has_text=EN["teach"]["start"][:20]).wait_for()
    assert not page.locator("#top").is_visible()
    last = len(recorded("taking-back")["wino"]["state"]["log"]) - 1
    said = []
    for step in range(1, last + 1):
        page.keyboard.press("Space" if step % 2 else "ArrowRight")
        page.locator(f".le-row[data-step='{step}']").wait_for()
        said.append(page.locator(".le-narration").inner_text())
    assert any(" takes back " in line for line in said)
    assert "A pizza, a banana and an apple." in said[-1]
    page.keyboard.press("ArrowLeft")
    page.locator(f".le-row[data-step='{last - 1}']").wait_for()


def test_the_quiz_is_kept_in_the_browser_and_compares_before_and_after(open_page: Callable[..., Visit], url: str):
    visit = open_page(f"{url}?view=learn&lang=en", opens=".le-title")
    page = visit.page
    page.locator(".le-to-quiz").press("Enter")
    page.locator(".le-quiz").wait_for()
    asked = len(visit.requests)
    for right in (False, True):
        for name, number in QUIZ.items():
            page.locator(f".le-quiz [name={name}]").nth(number if right else (number + 1) % 3).check()
        page.locator(".le-quiz .le-go").press("Enter")
        page.locator(".le-score").nth(int(right)).wait_for()
    assert page.locator(".le-score").all_inner_texts() == ["Before the lessons: 0 of 8", "After the lessons: 8 of 8"]
    assert not [request for request in visit.requests[asked:] if "queue/join" in request], "answers stay in the browser"
    with page.expect_download() as download:
        page.locator(".le-result .le-small").nth(1).press("Enter")
    assert "8 of 8" in download.value.path().read_text()
    page.locator(".le-result .le-small").nth(2).press("Enter")
    page.locator(".le-quiz").wait_for()
    assert page.evaluate("localStorage.getItem('lladav-quiz')") is None

"""A trace as a page of its own."""

import base64
import hashlib
import json
from dataclasses import replace
from html.parser import HTMLParser

from lladav import Trace
from lladav.render import export
from lladav.viewer.state import canvas_state

NASTY = "</script><script>alert(1)</script><!-- $question & \"'"


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


def test_a_page_replays_in_a_browser_without_a_network(trace: Trace, tmp_path, browser):
    export(trace, tmp_path / "run.html")
    troubles, requests = [], []
    context = browser.new_context(offline=True)
    page = context.new_page()
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
    context.close()
    assert troubles == [] and [url.split(":")[0] for url in requests if not url.startswith("data:")] == ["file"]

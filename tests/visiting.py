"""A visit to the page as a person makes it, and a server to visit."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import pytest

from lladav import LladaVPipeline

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 60_000  # milliseconds; machines that run tests may be busy
SEED = 5


# Shows the end of the recorded run that the page opens with, and plays whatever comes as quickly as one can choose.
QUICKLY = """() => {
    for (const speed of document.querySelectorAll('#canvas .tc-speed')) speed.value = [...speed.options].at(-1).value;
    document.querySelector("#canvas [data-do=last]").click();
}"""


class Visit:
    """One visit to the page; `page` is playwright's.

    Args:
        opens: what is awaited: something on the tab that the address opens.
    """

    def __init__(self, page, url: str, opens: str = "#question textarea"):
        self.page = page
        self.troubles: list[str] = []
        self.requests: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda message: message.type == "error" and self.troubles.append(message.text))
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", self._note_request)
        page.goto(url)
        page.locator(opens).first.wait_for()
        self.canvas = page.locator("#canvas .tc")
        self.canvas.locator(".tc-tok").first.wait_for(state="attached")
        page.evaluate(QUICKLY)
        page.evaluate(
            """() => {
                window.seen = [];
                document.addEventListener('tokencanvas:shown', ({detail}) => window.seen.push({
                    step: Number(document.querySelector('#canvas .tc').dataset.step),
                    masks: document.querySelectorAll('#canvas .tc-mask').length,
                    text: detail.text, live: detail.live,
                    bubble: [...document.querySelectorAll('#conversation [data-refining]')].at(-1)?.dataset.refining,
                }));
            }"""
        )

    def _note_request(self, request) -> None:
        self.requests.append(request.url)
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.troubles.append(f"request to {request.url}")

    def show_settings(self) -> None:
        self.page.locator("#more-settings button").first.click()
        self.page.wait_for_function("document.querySelector('#temperature input[type=number]')?.value")
        # Gradio sets what an accordion holds once more just after it is mounted, sooner than a person can type.
        self.page.evaluate("new Promise((settled) => setTimeout(settled, 500))")

    def fix_seed(self) -> None:
        self.show_settings()
        self.set_number("seed", SEED)

    def set_number(self, knob: str, value: float) -> None:
        box = self.page.locator(f"#{knob} input[type=number]")
        box.fill(str(value))
        box.press("Tab")

    def number(self, knob: str) -> float:
        return float(self.page.locator(f"#{knob} input[type=number]").input_value())

    def upload(self, *files: Path) -> None:
        self.page.locator("#question input[type=file]").set_input_files(files)
        self.page.locator("#question .thumbnail-item").nth(len(files) - 1).wait_for()

    def send(self, text: str) -> None:
        self.page.evaluate("window.seen.length = 0")
        box = self.page.locator("#question textarea")
        box.fill(text)
        box.press("Enter")

    def until(self, state: str) -> None:
        self.page.locator(f"#canvas .tc[data-state={state}]").wait_for()

    def until_step(self, step: int) -> None:
        self.page.wait_for_function(f"window.seen.some((shown) => shown.live && shown.step >= {step})")

    def ask(self, text: str) -> str:
        """Ask, wait for the end, and return what the bubble says."""
        self.send(text)
        self.until("playing")
        self.until("done")
        return self.bubble()

    def seen(self) -> list[dict]:
        """What the canvas showed of the answer to the last question, in order: its run begins with step 0."""
        return self.page.evaluate(
            """() => {
                const began = window.seen.findIndex((shown) => shown.step === 0);
                return window.seen.slice(began).filter((shown) => shown.live || shown.text);
            }"""
        )

    def bubble(self) -> str:
        return self.page.locator("#conversation .message.bot .message-content").last.inner_text().strip()

    def conversation(self) -> str:
        return self.page.locator("#conversation").inner_text()


@contextmanager
def served(pipe: LladaVPipeline) -> Iterator[str]:
    """The address of the page for a model, while it is needed."""
    from lladav.ui.app import build_app, launch  # which most tests can do without

    with TemporaryDirectory() as cache, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", cache)  # a server that closes takes its files away, others' among them
        demo = build_app(pipe)
        _, url, _ = launch(demo, prevent_thread_lock=True, quiet=True)
        yield url
        demo.close()


def letters(text: str) -> str:
    """What of a text survives a page: random weights say control characters, too, and pages fold white space."""
    return "".join(letter for letter in text if letter.isprintable() and letter != " ")


def slow(pipe: LladaVPipeline, seconds: float) -> tuple[list[float], Callable[[], None]]:
    """Makes every forward pass of the language model take time, and notes when each ended."""
    passes: list[float] = []

    def wait(*_) -> None:
        time.sleep(seconds)
        passes.append(time.monotonic())

    return passes, pipe.model.model.language_model.register_forward_hook(wait).remove


@contextmanager
def held(pipe: LladaVPipeline, steps: int) -> Iterator[tuple[Event, list[float]]]:
    """Lets the model take so many steps, and no further one until the event is set; notes when passes ended."""
    gate, passes = Event(), []

    def wait(*_) -> None:
        if len(passes) >= steps:
            gate.wait()
        passes.append(time.monotonic())

    hook = pipe.model.model.language_model.register_forward_hook(wait)
    try:
        yield gate, passes
    finally:
        gate.set()
        hook.remove()

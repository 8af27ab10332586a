"""What tests share besides fixtures: golden figures, a picture to ask about, long runs, and visits to the page."""

import ast
import asyncio
import base64
import gc
import io
import json
import random
import runpy
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from urllib.request import urlopen

import cv2
import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lladav import LladaVPipeline, SamplingConfig, SamplingStep, sample
from lladav.assets import asset
from lladav.benchmarks.page_process import page_process
from lladav.evaluation import Score
from lladav.evaluation.questions import ASKED, held_out_questions
from lladav.evaluation.scoring import Bin
from lladav.recording import Frame, Recording
from lladav.sampling import sample_batch
from lladav.scenes import Scene, render
from lladav.scenes.conversations import Turns
from lladav.trace import TraceStep
from lladav.ui.settings.panel import SettingsPanel
from lladav.viewer.state import CanvasState, StateWriter

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "fixtures" / "golden"
CASES = json.loads((GOLDEN / "traj.json").read_text())  # runs of the published implementation
UNCACHED = {name: case for name, case in CASES.items() if case["dllm_cache"] is None}
REFUSED = [name for name in UNCACHED if name.startswith("error_")]
DIFFERENT = "mask_in_prompt_g32b32s8"  # masks typed in the prompt: published, they are filled too, and use up commits
EXACT = sorted(UNCACHED.keys() - {*REFUSED, DIFFERENT})

# The shell is the same browser without windows, which cost a third of all that a page does.
BROWSERS = [Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")]
CHROMIUM = next((path for path in BROWSERS if path.exists()), BROWSERS[-1])
SCENES: dict[str, Scene] = {  # what the example pictures were drawn from, by their names
    name: scene for name, (_, scene) in runpy.run_path(str(asset("examples") / "build.py"))["EXAMPLES"].items()
}
PATIENCE = 60_000  # milliseconds; machines that run tests may be busy
SEED = 5
OWN_LENGTH = 16  # of an answer of the small model, as its page begins
PAGES_OWN = SamplingConfig(
    gen_length=OWN_LENGTH, block_length=OWN_LENGTH, steps=OWN_LENGTH // 2, refresh_interval=4, seed=SEED
)
HELD_OUT = 5  # the seed of questions that the embedded model answers right

LENGTH, STEPS = 512, 256  # of the longest run that the page allows
VOCABULARY = 4000

# Shows the end of the recorded run that the page opens with, and plays whatever comes as quickly as one can choose.
QUICKLY = """() => {
    for (const speed of document.querySelectorAll('#canvas .tc-speed')) speed.value = [...speed.options].at(-1).value;
    document.querySelector("#canvas [data-do=last]").click();
}"""


def encoded(image: Image.Image, file_format: str = "PNG", **options) -> bytes:
    """The file of a picture."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def write_video(path: Path, codec: str, count: int, size: tuple[int, int] = (256, 64)):
    """Frame i shows i in binary: white and black stripes."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 25, size)
    for index in range(count):
        stripes = np.array([255 * (index >> bit & 1) for bit in range(8)], np.uint8).repeat(size[0] // 8)
        writer.write(stripes[None, :, None].repeat(size[1], 0).repeat(3, 2))
    writer.release()


def frame_number(frame: Image.Image) -> int:
    """The index that `write_video` wrote into a frame of its size."""
    return sum((frame.getpixel((32 * bit + 16, 32))[0] > 127) << bit for bit in range(8))


def picture_message(question: str, color: str = "red") -> dict:
    """A question about a picture of one colour."""
    picture = Image.new("RGB", (200, 100), color)
    return {
        "role": "user",
        "content": [{"type": "image", "image": picture}, {"type": "text", "text": question}],
    }


def held_out(kind: str) -> tuple[Image.Image, Turns]:
    """A picture that training never showed, and a conversation about it that the embedded model can lead."""
    scene, example = next(one for one in held_out_questions(HELD_OUT, len(ASKED)) if one[1].kind == kind)
    return render(scene), example.turns


def by_name(panel: SettingsPanel, updates: Mapping[Any, Any]) -> dict[str, Any]:
    """Updates of a panel's parts by the names of those, and where an update sets more than a value the value alone."""
    named = {part: name for name, part in vars(panel).items() if isinstance(part, gr.components.Component)}
    return {
        named[part]: value.get("value", value) if isinstance(value, dict) else value for part, value in updates.items()
    }


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file, made while no finalizer can run: what it lets in can make CPython 3.11 lose count of
    its recursion (SystemError, python/cpython#106905)."""
    gc.disable()
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    finally:
        gc.enable()


def picture_url(picture: Image.Image) -> str:
    """A data URL of a picture."""
    return "data:image/png;base64," + base64.b64encode(encoded(picture)).decode()


CONVERSATIONS = [
    [{"role": "user", "content": "Is it red?"}],
    [picture_message("What is this?")],
    [picture_message("Is the blue square left of the dog, or is it the red circle? Yes, no.", "green")],
]


def sampling_config(case: dict) -> SamplingConfig:
    """The settings of a published run; ValueError where they were refused."""
    names = ("gen_length", "block_length", "steps", "temperature", "cfg_scale", "remasking", "seed", "suffix")
    return SamplingConfig(**{name: case[name] for name in names}, stop=case["stopping_criteria"] or ())


def assert_published(name: str, steps: list[SamplingStep]) -> None:
    """The steps are those of the published implementation."""
    case, golden = CASES[name], np.load(GOLDEN / "traj.npz")
    length = case["gen_length"]
    visible = case["final_stop_position"] if case["spill_steps"] else length  # spilled commits lie behind the stop
    tokens = np.stack([step.tokens for step in steps[1:]])
    committed = np.stack([step.transfer_index for step in steps[1:]])
    confidence = np.stack([step.confidence for step in steps[1:]])
    expected = {key: golden[f"{name}/{key}"][:, :length] for key in ("x_after", "committed", "confidence")}

    np.testing.assert_array_equal(tokens[:, :visible], expected["x_after"][:, :visible])
    np.testing.assert_array_equal(committed[:, :visible], expected["committed"][:, :visible])
    np.testing.assert_allclose(confidence[committed], expected["confidence"][committed], atol=1e-4)
    suffix = case["suffix_ids"] or []
    assert steps[-1].answer_ids + suffix == case["returned"]
    assert [step.block for step in steps[1:]] == case["block_per_step"]
    before = [step.stop_position for step in steps[:-1]]
    assert before == case["stop_position_per_step_before_check"]


def joined(prompts: list[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """One batch, padded on the left."""
    names = {name for prompt in prompts for name in prompt} - {"input_ids", "attention_mask"}
    batch = {name: torch.cat([prompt[name] for prompt in prompts if name in prompt]) for name in names}
    for name in ("input_ids", "attention_mask"):
        rows = [prompt[name][0] for prompt in prompts]
        batch[name] = pad_sequence(rows, batch_first=True, padding_side="left")
    return batch


def assert_same(one: SamplingStep, other: SamplingStep):
    for name in ("step", "block", "nfe", "stop_position", "finish_reason"):
        assert getattr(one, name) == getattr(other, name), name
    for name in ("tokens", "mask_index", "x0", "transfer_index", "revoked_index"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name
    for name in ("confidence", "top_probs"):
        torch.testing.assert_close(getattr(one, name), getattr(other, name), atol=1e-5, rtol=0)


def assert_rows_are_solo_runs(tiny_pipeline, inputs, prompts, config: SamplingConfig, tokenizer=None):
    model, tokenizer = tiny_pipeline.model, tokenizer or tiny_pipeline.tokenizer
    solo = [list(sample(model, prompt, config, tokenizer)) for prompt in prompts]
    batch = list(sample_batch(model, inputs, config, tokenizer))
    assert len(batch) == max(map(len, solo))
    for index, records in enumerate(batch):
        for record, steps in zip(records, solo, strict=True):
            assert_same(record, steps[min(index, len(steps) - 1)])
    return batch


# Without a GPU, movement costs more than all else that a page does.
STILL = "*, ::before, ::after { animation: none !important; transition: none !important; }"


class Visit:
    """One visit to the page; `page` is playwright's.

    Args:
        opens: what is awaited: something on the tab that the address opens.
    """

    def __init__(self, page, url: str, opens: str = "#question textarea"):
        self.page = page
        self.troubles: list[str] = []
        self.requests: list[str] = []
        self.under_way: set = set()  # requests without an answer so far
        page.set_default_timeout(PATIENCE)
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", self._note_request)
        page.on("requestfinished", lambda request: self.under_way.discard(request))
        page.on("requestfailed", lambda request: self.under_way.discard(request))
        page.goto(url)
        page.locator(opens).first.wait_for()
        self.canvas = page.locator("#canvas .tc")
        self.canvas.locator(".tc-tok").first.wait_for(state="attached")
        page.evaluate(QUICKLY)
        self.still = page.add_style_tag(content=STILL)
        page.evaluate(
            """() => {
                window.seen = [];
                document.addEventListener('tokencanvas:shown', ({detail}) => window.seen.push({
                    step: Number(document.querySelector('#canvas .tc').dataset.step),
                    masks: document.querySelectorAll('#canvas .tc-mask').length,
                    text: detail.text, live: detail.live, run: detail.run,
                    bubble: [...document.querySelectorAll('#conversation [data-refining]')].at(-1)?.dataset.refining,
                }));
            }"""
        )
        self.until_quiet()  # what a page asks for when it is opened is there

    def _note_console(self, message) -> None:
        if message.type == "error":
            self.troubles.append(f"{message.text} ({message.location['url']})")

    def _note_request(self, request) -> None:
        self.requests.append(request.url)
        if "/heartbeat/" not in request.url:  # which lasts as long as the visit
            self.under_way.add(request)
        if not request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
            self.troubles.append(f"request to {request.url}")

    def until_idle(self) -> None:
        """Wait until the page has nothing left to do that it could do now."""
        self.page.evaluate("new Promise((idle) => requestAnimationFrame(() => requestIdleCallback(idle)))")

    def until_quiet(self) -> None:
        """Wait until every request is answered: then nothing can come from the server that was not asked for anew."""
        end = time.monotonic() + PATIENCE / 1000
        self.until_idle()
        while self.under_way:
            assert time.monotonic() < end, [request.url for request in self.under_way]
            self.until_idle()

    def show_settings(self, side: str = "") -> None:
        """Unfold the settings that are folded at first, of the chat or of a side of a comparison."""
        if self.page.locator(f"#{side}temperature input[type=number]").count() == 0:
            self.page.locator(f"#{side}more-settings button").first.click()
        self.page.wait_for_function(f"document.querySelector('#{side}temperature input[type=number]')?.value")
        self.until_idle()  # Gradio sets what an accordion holds once more just after it is mounted

    def fix_seed(self) -> None:
        self.show_settings()
        self.set_number("seed", SEED)

    def set_number(self, knob: str, value: float) -> None:
        box = self.page.locator(f"#{knob} input[type=number]")
        box.fill(str(value))
        box.press("Tab")

    def until_number(self, knob: str, value: float) -> None:
        self.page.wait_for_function(
            "([knob, value]) => Number(document.querySelector(`#${knob} input[type=number]`)?.value) === value",
            arg=[knob, value],
        )

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
        self.through(lambda: self.send(text))
        return self.bubble()

    def through(self, start: Callable[[], Any]) -> None:
        """Start a run and wait for its end: on a busy machine it may have played before one looks for "playing"."""
        self.page.evaluate("window.seen.length = 0")
        start()
        self.until_step(0)
        self.until("done")

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

    def nothing_sticks_out(self) -> None:
        """Check that the page has to be scrolled down only, on a phone and on a desk."""
        for width, height in ((1440, 900), (390, 844)):
            self.page.set_viewport_size({"width": width, "height": height})
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width

    def conversation(self) -> str:
        return self.page.locator("#conversation").inner_text()


@contextmanager
def served(pipe: LladaVPipeline) -> Iterator[str]:
    """The address of the page for a model, while it is needed."""
    from lladav.ui.app import build_app, launch  # which most tests can do without

    demo = build_app(pipe)
    _, url, _ = launch(demo, prevent_thread_lock=True, quiet=True)
    yield url
    demo.close()


@contextmanager
def program(folder: Path, *options: str) -> Iterator[str]:
    """The address of `lladav app` on the embedded model, while it is needed; `folder` is for its temporary files."""
    places = {"TMPDIR": str(folder), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "lladav", "app", "--model", str(asset("lladav-tiny")), *options]
    with (folder / "output.txt").open("w") as output, page_process(None, output, command, **places) as (address, _):
        yield address


def awaited(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What comes of a coroutine, in a thread of its own: once there is a browser, a loop runs in that of the tests."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def queue_status(url: str) -> dict:
    """What a page says of its health."""
    with urlopen(f"{url}health") as answer:
        return json.loads(answer.read())


def until(state: Callable[[], bool]) -> None:
    """Wait until something is the case."""
    end = time.monotonic() + PATIENCE / 1000
    while not state():
        assert time.monotonic() < end, "it never was"
        time.sleep(0.02)


def is_idle(url: str) -> bool:
    """Whether no request of a page runs or waits."""
    status = queue_status(url)
    return not status["waiting"] and not status["running"]


def until_idle(url: str) -> None:
    """Wait until no request of a page runs or waits."""
    until(lambda: is_idle(url))


def made_up_score(study: str, label: str, accuracy: float, objective: str = "masked") -> Score:
    """A score of a study, of two models of which each has an objective."""
    kinds = ["all", "name", "color", "caption", "follow_up"]
    return Score(
        model={"masked": "lladav-tiny", "autoregressive": "lladav-tiny-ar"}[objective], objective=objective,
        study=study, label=label, accuracy=dict.fromkeys(kinds, accuracy), asked=dict.fromkeys(kinds, 100),
        nfe=10 * accuracy, tokens_per_forward=1.5, reliability=[Bin(10, 0.55, 0.5), Bin(90, 0.97, 0.9)],
        calibration_error=0.05, seconds=1.0,
    )  # fmt: skip


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


def long_run() -> list[CanvasState]:
    """What the canvas is sent of the longest run, by a mind that never settles: no model is that restless."""
    draw = random.Random(0)
    config = SamplingConfig(gen_length=LENGTH, block_length=LENGTH, steps=STEPS)
    recording = Recording(prompt=None, config=config, run="long")
    writer = StateWriter(recording, lambda token: f" word{token}", special=())
    recording.add(Frame(None, STEPS, 0, None, 0.0, "", None))
    states = [writer.value()]
    masked = list(range(LENGTH))
    for step in range(1, STEPS + 1):
        ending = "length" if step == STEPS else None
        recording.add(Frame(_change(draw, masked), STEPS, step, None, 0.02 * step, "", ending))
        states.append(writer.value())
    return states


def _change(draw: random.Random, masked: list[int]) -> TraceStep:
    """A step that commits some of the masked positions, and takes them from the list."""
    asked = [*masked]
    ids = [draw.randrange(VOCABULARY) for _ in range(5 * len(asked))]
    shares = [draw.choice([6000, 2000, 1000, 500, 100]) for _ in ids]
    transferred = sorted(draw.sample(asked, LENGTH // STEPS))
    masked[:] = [position for position in masked if position not in transferred]
    return TraceStep(0, asked, ids[::5], [draw.random() for _ in asked], transferred, ids, shares)


@contextmanager
def ends(pipe: LladaVPipeline) -> Iterator[Event]:
    """The event of a run that ends, in whatever way."""
    ended, frames = Event(), pipe.frames

    def watched(*arguments) -> Iterator[Frame]:
        try:
            yield from frames(*arguments)
        finally:
            ended.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipe, "frames", watched)
        yield ended

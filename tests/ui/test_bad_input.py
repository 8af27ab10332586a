"""What a program may send the page that nobody can answer: each is refused in a sentence, and the next question is
answered as before."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from helpers import served
from test_broken_media import PICTURES

from lladav import LladaVPipeline
from lladav.ui.limits import LIMITS

GOOD = {
    "message": "Hi", "image": None, "history": None, "gen_length": 4, "block_length": 4, "steps": 2, "temperature": 0.0,
    "cfg_scale": 0.0, "remasking": "low_confidence", "seed": 0,
}  # fmt: skip
LONGEST_SENTENCE = 300  # letters
UPLOADS_ONLY = "image must be a file uploaded to this server: upload it with the request"
HUGE, LONG = 10**30 + 57, "x" * (LIMITS.letters + 1)
NAN, INFINITY = float("nan"), float("inf")


def said(*content: Any) -> list[dict[str, Any]]:
    """A history of one message, in blocks."""
    return [{"role": "user", "content": [*content]}]


def by(role: Any, content: Any = "Hi") -> list[dict[str, Any]]:
    """A history of one message."""
    return [{"role": role, "content": content}]


TEXT = {"type": "text", "text": "Hi"}
PATHS = [
    "/etc/hostname", "", "a\0b", 7, [], {}, True, {"path": "/etc/hostname"}, {"path": None}, {"path": 7},
    {"path": "../../a.png"}, {"url": "http://127.0.0.1/a.png"}, {"path": "http://127.0.0.1/a.png"},
    "http://127.0.0.1/a.png", "data:text/html;base64,AAAA",
]  # fmt: skip
REFUSALS: dict[tuple[str, str], list[Any]] = {  # an argument, and what is said of which values
    ("gen_length", "gen_length must be a positive whole number, got"): [
        0, -4, 4.5, -HUGE, "4", "", True, [], [4], {}, 1e308, "4" * 10_000,
    ],
    ("gen_length", "gen_length must be at most 4096, got"): [HUGE, 4097],
    ("gen_length", "block_length must divide gen_length, got 4 and 6: the nearest that does is 3"): [6],
    ("block_length", "block_length must be a positive whole number, got"): [0, -1, "4", False, [], NAN],
    ("block_length", "block_length must be at most 4096, got"): [HUGE],
    ("block_length", "block_length must divide gen_length, got"): [3, 8],
    ("steps", "steps must be a positive whole number, got"): [0, -2, 2.5, "2", [2], INFINITY],
    ("steps", "steps must be at most 4096, got"): [10**8, 4097],
    ("temperature", "temperature must be zero or a positive number, got"): [-0.1, "0", [], NAN, INFINITY],
    ("temperature", "temperature must be at most 10, got"): [11, 1e308],
    ("cfg_scale", "cfg_scale must be zero or a positive number, got"): [-1, "0", {}, NAN, -INFINITY],
    ("cfg_scale", "cfg_scale must be at most 20, got"): [21, 1e308],
    ("remasking", "remasking must be one of low_confidence, random,"): [
        "", "none", "Random", 0, [], {"a": 1}, "low_confidence\0", "random\n", LONG,
    ],
    ("seed", "seed must be a whole number from 0 to 2**63 - 1 or None, got"): [-1, 2**64, HUGE, 1.5, "0", [], {}, NAN],
    ("message", "message must hold a question, got nothing: write one"): [
        "", " ", "\n\t", None, 0, 7, [], ["Hi"], {}, {"text": "Hi"}, True,
    ],
    ("message", "a message may have 4000 letters, got 4001: shorten it"): [LONG],
    ("message", "prompt and answer must fit into 512 tokens, got"): ["What? " * 600],
    ("image", UPLOADS_ONLY): PATHS,
    ("image", "picture.png: This is not a picture that can be read"): ["data:image/png;base64,AAAA"],
    ("history", UPLOADS_ONLY): [said({"type": "image", "image": path}) for path in PATHS]
    + [said({"type": "video", "video": "/etc/hostname"})],
    ("history", "history must be a list of at most 100 messages"): ["Hi", 7, by("user") * 101],
    ("history", 'a message of history must be {"role": ..., "content": ...}'): [
        [1], [None], ["Hi"], [[]], [{}], [{"role": "user"}], [{"content": "Hi"}],
    ],
    ("history", "content must be text or a list of blocks"): [by("user", content) for content in (None, 7, {}, True)],
    ("history", "role must be one of system, user, assistant, got"): [by(role) for role in ("robot", 7, None, ["a"])],
    ("history", 'a block must be {"type": "text", "text": ...}, or'): [
        said(block)
        for block in (
            7, None, "Hi", {}, {"type": "sound"}, {"type": "text"}, {"type": "text", "text": 7}, {"type": "image"},
            {"type": ["text"], "text": "Hi"},
        )
    ],
    ("history", "a message may have 4000 letters, got"): [
        by("user", LONG), said({"type": "text", "text": LONG}), said(*[TEXT] * 2001),
    ],
}  # fmt: skip
ROWS = [(name, value, sentence) for (name, sentence), values in REFUSALS.items() for value in values]
FILES = {name: data for name, data, is_read in PICTURES if is_read is False and not name.startswith("cut-")}


@pytest.fixture(scope="module")
def client(tiny_pipeline: LladaVPipeline) -> Iterator[httpx.Client]:
    with served(tiny_pipeline) as url, httpx.Client(base_url=f"{url}gradio_api/", timeout=60) as client:
        yield client


def ask(client: httpx.Client, **arguments: Any) -> tuple[str, Any]:
    """How a call ended, "complete" or "error", and with what."""
    body = json.dumps({"data": [*(GOOD | arguments).values()], "session_hash": "visit"})
    call = client.post("call/sample", content=body, headers={"content-type": "application/json"})
    event, data = client.get(f"call/sample/{call.json()['event_id']}").text.split("\n\n")[-2].splitlines()
    return event.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def refusal(client: httpx.Client, **arguments: Any) -> str:
    """What is said of a call; the next one is answered."""
    event, told = ask(client, **arguments)
    assert event == "error", told
    event, answer = ask(client)
    assert event == "complete" and answer[-1]["finish_reason"]
    assert len(told["error"]) < LONGEST_SENTENCE
    return told["error"]


def test_the_table_is_long():
    assert len(ROWS) + len(FILES) > 150


@pytest.mark.parametrize(("name", "value", "sentence"), ROWS, ids=lambda value: repr(value)[:30])
def test_what_cannot_be_answered_is_refused(client: httpx.Client, name: str, value: Any, sentence: str):
    assert refusal(client, **{name: value}).startswith(sentence)


@pytest.mark.parametrize("name", ["gen_length", "block_length", "steps", "temperature", "cfg_scale", "remasking"])
def test_null_leaves_a_setting_out(client: httpx.Client, name: str):
    sizes = {"gen_length": 4, "block_length": None, "steps": None}  # which go together
    event, answer = ask(client, **sizes | {name: None})
    assert event == "complete" and answer[-1]["finish_reason"]


@pytest.mark.parametrize("name", FILES)
def test_what_is_no_picture_is_refused(client: httpx.Client, name: str):
    (path,) = client.post("upload", files={"files": (name, FILES[name])}).json()
    assert refusal(client, image={"path": path}).startswith(f"{name}: ")

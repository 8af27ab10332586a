"""`/v1/chat/completions`, with OpenAI's client and without."""

import json
from collections.abc import Iterator
from dataclasses import replace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from helpers import held, held_out, picture_message, picture_url, queue_status, served, until_idle

from lladav import LladaVPipeline, SamplingConfig
from lladav.sampling.completion import completed
from lladav.ui import completions, guard
from lladav.ui.completions import FRAME, stable_text
from lladav.ui.limits import LIMITS

openai = pytest.importorskip("openai", reason="openai is not installed")
QUESTION = "What is this?"
SETTINGS = {"gen_length": 16, "block_length": 8, "steps": 8, "temperature": 0.7, "seed": 3}
ASKED = {"max_tokens": 16, "temperature": 0.7, "seed": 3, "extra_body": {"diffusion": {"block_length": 8, "steps": 8}}}


@pytest.fixture(scope="module")
def address(tiny_pipeline: LladaVPipeline) -> Iterator[str]:
    with served(tiny_pipeline) as url:
        yield url


@pytest.fixture(scope="module")
def client(address: str) -> Iterator:
    with openai.OpenAI(base_url=f"{address}v1", api_key="none", max_retries=0) as one:
        yield one


def as_openai(message: dict) -> dict:
    """A message whose pictures are data URLs."""
    image, text = message["content"]
    picture = {"type": "image_url", "image_url": {"url": picture_url(image["image"])}}
    return {"role": "user", "content": [picture, text]}


CONVERSATION = [
    picture_message(QUESTION),
    {"role": "assistant", "content": "A red circle."},
    {"role": "user", "content": "Is it red?"},
]
SENT = [as_openai(CONVERSATION[0]), *CONVERSATION[1:]]


def ask(client, messages: list[dict], **options):
    return client.chat.completions.create(model="any", messages=messages, **ASKED | options)


@pytest.mark.parametrize("turns", [1, 3])
def test_an_answer_is_the_pipelines(client, tiny_pipeline: LladaVPipeline, turns: int):
    reply = tiny_pipeline(CONVERSATION[:turns], SamplingConfig(**SETTINGS))
    answer = ask(client, SENT[:turns])
    assert answer.choices[0].message.content == reply.text and answer.model == tiny_pipeline.name
    assert answer.choices[0].finish_reason == reply.finish_reason
    assert answer.usage.prompt_tokens == reply.trace.prompt_length and answer.usage.completion_tokens > 0


@pytest.mark.parametrize("kind", ["name", "color", "count", "where", "follow_up"])
def test_the_embedded_model_is_right_about_a_held_out_picture(embedded: str, kind: str):
    """Also about the second of two questions, which is about the answer to the first."""
    picture, turns = held_out(kind)
    messages: list[dict] = []
    with openai.OpenAI(base_url=f"{embedded}v1", api_key="none", max_retries=0) as client:
        for question, expected in turns:
            block = {"type": "text", "text": question}
            shown = as_openai({"content": [{"type": "image", "image": picture}, block]})
            messages.append({"role": "user", "content": [block]} if messages else shown)
            answer = client.chat.completions.create(
                model="lladav", messages=messages, max_tokens=16, extra_body={"diffusion": {"method": "threshold"}}
            )
            assert answer.choices[0].message.content == expected
            messages.append({"role": "assistant", "content": answer.choices[0].message.content})


def test_a_stream_says_what_stays_and_frames_say_what_may_not(client, tiny_pipeline: LladaVPipeline):
    expected = tiny_pipeline(CONVERSATION[:1], SamplingConfig(**SETTINGS)).text
    chunks = list(ask(client, SENT[:1], stream=True, stream_options={"include_usage": True}))
    *said, usage = chunks
    assert usage.choices == [] and usage.usage.total_tokens > usage.usage.prompt_tokens
    assert "".join(chunk.choices[0].delta.content or "" for chunk in said) == expected
    assert said[-1].choices[0].finish_reason in ("stop", "length")
    frames = [getattr(chunk, FRAME) for chunk in said if hasattr(chunk, FRAME)]
    assert [frame["step"] for frame in frames] == list(range(9)) and frames[-1]["text"] == expected
    assert all(chunk.choices[0].delta.content is None for chunk in said if hasattr(chunk, FRAME))


def post(address: str, body: object, **headers: str):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return urlopen(
        Request(f"{address}v1/chat/completions", data=data, headers={"content-type": "application/json"} | headers)
    )


def test_frames_are_events_of_their_own(address: str):
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 4, "stream": True}
    with post(address, body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = answer.read().decode().split("\n\n")
    assert sum(event.startswith(f"event: {FRAME}\n") for event in events) == 3
    assert events[-2] == "data: [DONE]"


@pytest.mark.parametrize("config", [SETTINGS, SETTINGS | {"stop": ("a b", "<|eot_id|>")}], ids=["plain", "stops"])
def test_what_is_said_is_never_taken_back(tiny_pipeline: LladaVPipeline, config: dict):
    from lladav.pipeline import step_record

    made, said = SamplingConfig(**config), ""
    for step in tiny_pipeline.stream(CONVERSATION[:1], made):
        text = stable_text(step_record(tiny_pipeline, step), made)
        assert text.startswith(said)
        said = text
    assert said == tiny_pipeline.text(step)


def test_what_may_still_change_is_not_said():
    record = {"text": "one two <|e░░", "finish_reason": None}
    assert stable_text(record, SamplingConfig()) == "one two "
    assert stable_text(record, completed({"method": "wino"})) == ""
    assert stable_text(record | {"finish_reason": "stop"}, completed({"method": "wino"})) == record["text"]


WORD = {"type": "text", "text": "x"}
SHOWN = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}  # no picture: only counted


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"messages": []}, "messages: List should have at least 1 item"),
        ({"top_p": 0.5}, "top_p: Extra inputs are not permitted, got 0.5"),
        ({"n": 2}, "n: Input should be less than or equal to 1, got 2"),
        ({"max_completion_tokens": 0}, "gen_length must be a positive whole number, got 0"),
        ({"messages": [{"role": "user", "content": [WORD] * 4097}]}, "at most 4096 items"),
        ({"messages": [{"role": "user", "content": [SHOWN] * 9}]}, "a conversation may have 8 pictures, got 9"),
        ({"max_tokens": 0, "diffusion": {"gen_length": 0}}, "gen_length must be a positive whole number, got 0"),
        ({"diffusion": {"speed": 3}}, "a setting must be method or one of"),
        ({"messages": [{"role": "user", "content": "x" * 5000}]}, "a message may have 4000 letters, got 5000"),
        ({"messages": [{"role": "judge", "content": "x"}]}, "role must be one of system, user, assistant, got 'judge'"),
    ],
    ids=str,
)
def test_a_mistake_is_told_in_a_sentence(address: str, changes: dict, sentence: str):
    with pytest.raises(HTTPError) as caught:
        post(address, {"messages": [{"role": "user", "content": "Hi"}]} | changes)
    assert caught.value.code == 400 and sentence in json.loads(caught.value.read())["error"]["message"]


@pytest.mark.parametrize("url", ["http://127.0.0.1/a.png", "file:///etc/hostname", "/etc/hostname"])
def test_nothing_is_fetched(client, url: str):
    content = [{"type": "image_url", "image_url": {"url": url}}]
    with pytest.raises(openai.BadRequestError, match="image_url must be a data URL"):
        ask(client, [{"role": "user", "content": content}])


def test_what_is_no_picture_is_told(client):
    content = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}]
    with pytest.raises(openai.BadRequestError, match="not a picture"):
        ask(client, [{"role": "user", "content": content}])


def test_bounds_are_the_pages(address: str, client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(guard, "LIMITS", replace(LIMITS, message_bytes=100))
    with pytest.raises(openai.RateLimitError, match="An upload may have"):
        ask(client, SENT[:1])
    monkeypatch.setattr(guard, "LIMITS", replace(LIMITS, queue=0))
    with pytest.raises(openai.RateLimitError, match="The page is busy"):
        ask(client, SENT[:1])


def test_runs_have_the_pages_places_and_a_client_that_leaves_frees_its_own(
    address: str, client, tiny_pipeline: LladaVPipeline
):
    with held(tiny_pipeline, steps=0) as (gate, passes):
        streams = [ask(client, SENT[:1], stream=True) for _ in range(LIMITS.runs)]
        assert queue_status(address)["running"] == LIMITS.runs
        for stream in streams:
            stream.close()
        gate.set()
    until_idle(address)
    assert len(passes) < LIMITS.runs * SETTINGS["steps"]
    assert completions.IMPATIENCE <= 1

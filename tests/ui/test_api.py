"""The endpoint `/sample` through gradio's own client."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from lladav import LladaVPipeline, SamplingConfig
from lladav.ui.app import build_app, launch
from lladav.ui.failures import FAILED, OUT_OF_MEMORY

SETTINGS = {"gen_length": 16, "block_length": 8, "steps": 8, "temperature": 0.7, "seed": 3}
QUESTION = "What is this?"


@pytest.fixture(scope="module")
def client(tiny_pipeline: LladaVPipeline) -> Iterator[Client]:
    demo = build_app(tiny_pipeline)
    _, url, _ = launch(demo, prevent_thread_lock=True, quiet=True)
    yield Client(url, verbose=False)
    demo.close()


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "red.png"
    Image.new("RGB", (90, 60), "red").save(path)
    return path


def ask(client: Client, message: str, **arguments) -> list[dict]:
    job = client.submit(message=message, api_name="/sample", **arguments)
    updates = list(job)
    job.result()  # raises what the server answered with
    return updates


def test_every_step_is_an_update(client: Client, picture: Path):
    updates = ask(client, QUESTION, image=handle_file(picture), **SETTINGS)
    assert [update["step"] for update in updates] == list(range(9))
    assert {update["steps"] for update in updates} == {8}
    assert updates[0]["tokens"] == [None] * 16 == updates[0]["confidence"]
    assert updates[-1]["finish_reason"] in ("stop", "length")
    assert updates[-1]["nfe"] == 8


def test_a_committed_token_stays(client: Client, picture: Path):
    updates = ask(client, QUESTION, image=handle_file(picture), **SETTINGS)
    for before, after in pairwise(updates):
        for was, now in zip(before["tokens"], after["tokens"], strict=True):
            assert was is None or was == now
        assert [token is None for token in after["tokens"]] == [value is None for value in after["confidence"]]
        assert before["tokens"].count(None) > after["tokens"].count(None)


def test_its_last_text_is_the_pipelines(client: Client, picture: Path, tiny_pipeline: LladaVPipeline):
    content = [{"type": "image", "image": str(picture)}, {"type": "text", "text": QUESTION}]
    reply = tiny_pipeline([{"role": "user", "content": content}], SamplingConfig(**SETTINGS))
    assert ask(client, QUESTION, image=handle_file(picture), **SETTINGS)[-1]["text"] == reply.text


def history(image: object) -> list[dict]:
    content = [{"type": "image", "image": image}, {"type": "text", "text": QUESTION}]
    return [{"role": "user", "content": content}, {"role": "assistant", "content": "A red circle."}]


def test_history_keeps_its_picture(client: Client, picture: Path, tiny_pipeline: LladaVPipeline):
    messages = [*history(str(picture)), {"role": "user", "content": "Is it red?"}]
    expected = tiny_pipeline(messages, SamplingConfig(**SETTINGS)).text
    assert ask(client, "Is it red?", history=history(handle_file(picture)), **SETTINGS)[-1]["text"] == expected


@pytest.mark.parametrize("where", ["/etc/hostname", "/etc/no-such-file", "assets/examples/frog.png", "a\0b", 7, None])
def test_history_reads_uploads_only_and_does_not_tell_which_files_there_are(client: Client, where: object):
    with pytest.raises(AppError, match="image must be a file uploaded to this server: upload it with the request"):
        ask(client, "Is it red?", history=history(where), **SETTINGS)


def test_without_a_picture(client: Client):
    assert len(ask(client, "Hello", gen_length=4, block_length=4, steps=2)) == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"message": "Hi", "gen_length": 24, "block_length": 7, "steps": 3}, "block_length must divide gen_length"),
        ({"message": "Hi", "remasking": "none"}, "remasking must be one of"),
        ({"message": "  "}, "message must hold a question"),
        ({"message": "What? " * 500}, "must fit into 512 tokens"),
        ({"message": "Hi", "image": "/etc/hostname"}, "must be a file uploaded to this server"),
        ({"message": "x" * 5000}, "a message may have 4000 letters, got 5000"),
        ({"message": "Hi", "history": "no list"}, "history must be a list"),
        ({"message": "Hi", "history": [1]}, "a message of history must be"),
        ({"message": "Hi", "history": [{"role": "user", "content": [{"type": "sound"}]}]}, "a block must be"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(client: Client, arguments: dict, sentence: str):
    with pytest.raises(AppError, match=sentence):
        ask(client, **arguments)


def test_what_is_no_picture_is_told(client: Client, tmp_path: Path):
    fake = tmp_path / "note.png"
    fake.write_text("not a picture")
    with pytest.raises(AppError, match="not a picture"):
        ask(client, QUESTION, image=handle_file(fake), **SETTINGS)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(RuntimeError("boom"), FAILED), (torch.OutOfMemoryError("no"), OUT_OF_MEMORY)],
)
def test_a_model_that_fails_in_the_middle_is_a_sentence_and_the_next_question_is_answered(
    client: Client, tiny_pipeline: LladaVPipeline, error: Exception, sentence: str
):
    passes = []

    def fail(*_: object) -> None:
        passes.append(1)
        if len(passes) == 4:
            raise error

    hook = tiny_pipeline.model.model.language_model.register_forward_hook(fail)
    job = client.submit(message=QUESTION, api_name="/sample", **SETTINGS)
    with pytest.raises(AppError, match=re.escape(sentence)):
        job.result()
    hook.remove()
    assert len(job.outputs()) == 4, "what there was stays"
    assert ask(client, QUESTION, **SETTINGS)[-1]["finish_reason"]

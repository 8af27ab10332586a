"""The endpoints for programs, through gradio's own client, and the guide's examples of them."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from helpers import ROOT, held_out
from PIL import Image

from lladav import LladaVPipeline, SamplingConfig, Trace
from lladav.sampling.completion import completed
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
        (
            {"message": "Hi", "history": [{"role": "user", "content": [{}] * 4097}]},
            "a list of at most 4096 blocks, got",
        ),
        (
            {
                "message": "Hi",
                "gen_length": 400,
                "block_length": 1,
                "settings": {"method": "remdm", "revision_rounds": 64},
            },
            "a run may come to 8192 forward passes here",
        ),
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


def test_the_last_parameters_can_be_left_out(client: Client):
    """By position, as before there were settings and trace."""
    values = [QUESTION, None, [], 8, 8, 8, 0, 0, "low_confidence", 0]
    call = httpx.post(f"{client.src}gradio_api/call/sample", json={"data": values}).json()
    told = httpx.get(f"{client.src}gradio_api/call/sample/{call['event_id']}", timeout=60).text
    assert "event: complete" in told and '"step": 8' in told


# ---- the further endpoints -----------------------------------------------------------------------


def last(client: Client, api_name: str, **arguments) -> dict:
    job = client.submit(api_name=api_name, **arguments)
    job.result()
    return job.outputs()[-1]


@pytest.fixture(scope="module")
def run(client: Client, picture: Path) -> dict:
    return last(client, "/sample", message=QUESTION, image=handle_file(picture), trace=True, **SETTINGS)["trace"]


def pictured(picture: Path, question: str = QUESTION) -> list[dict]:
    content = [{"type": "image", "image": str(picture)}, {"type": "text", "text": question}]
    return [{"role": "user", "content": content}]


def test_every_setting_and_method_can_be_asked_for(client: Client, picture: Path, tiny_pipeline: LladaVPipeline):
    settings = {"method": "token_to_mask", "gen_length": 16, "revision_threshold": 0.5, "stop": []}
    expected = tiny_pipeline(pictured(picture), completed(settings))
    update = last(client, "/sample", message=QUESTION, image=handle_file(picture), settings=settings, trace=True)
    trace = Trace.from_dict(update["trace"])
    assert (update["text"], update["nfe"]) == (expected.text, expected.nfe)
    assert trace.id == expected.trace.id and trace.config.revision == "token_to_mask"


def test_a_template_is_filled(client: Client, picture: Path):
    update = last(
        client, "/infill", message=QUESTION, template="It is ___ and {2}.", image=handle_file(picture), trace=True
    )
    assert update["text"].startswith("It is") and update["text"].endswith(".") and update["tokens"].count(None) == 0
    assert Trace.from_dict(update["trace"]).config.template


def test_a_branch_goes_on_with_other_words(client: Client, picture: Path, run: dict):
    changes = {"0": "Hello", "1": None}
    update = last(client, "/branch", trace=run, step=4, changes=changes, message=QUESTION, image=handle_file(picture))
    assert update["text"].startswith("Hello")
    assert Trace.from_dict(update["trace"]).parent == Trace.from_dict(run).id


def test_two_settings_are_compared(client: Client, picture: Path, tiny_pipeline: LladaVPipeline):
    settings = {"gen_length": 8, "steps": 8}, {"gen_length": 8, "steps": 2}
    update = last(
        client, "/compare", message=QUESTION, first=settings[0], second=settings[1], image=handle_file(picture)
    )
    replies = [tiny_pipeline(pictured(picture), completed(one)) for one in settings]
    assert update["texts"] == {"first": replies[0].text, "second": replies[1].text}
    assert update["nfes"] == {"first": replies[0].nfe, "second": replies[1].nfe} and update["side"] == "second"


@pytest.mark.parametrize("format", ["gif", "json"])
def test_a_run_is_exported(client: Client, run: dict, format: str):
    path = Path(client.predict(trace=run, format=format, api_name="/export"))
    assert path.suffix == f".{format}" and path.read_bytes().startswith({"gif": b"GIF8", "json": b"{"}[format])
    if format == "json":
        again = client.predict(trace=None, file=handle_file(path), format="png", api_name="/export")
        assert Path(again).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("api_name", "arguments", "sentence"),
    [
        ("/sample", {"message": "Hi", "settings": {"speed": 1}}, "a setting must be method or one of"),
        ("/sample", {"message": "Hi", "settings": "fast"}, "settings must be a dictionary"),
        ("/infill", {"message": "Hi", "template": "no blank"}, "There is no blank to fill"),
        ("/compare", {"message": "Hi", "first": {}, "second": {"steps": 0}}, "steps must be a positive whole number"),
        ("/branch", {"trace": {}, "step": 0, "changes": {}, "message": "Hi"}, "its version must be"),
        ("/export", {"trace": {}, "format": "gif"}, "its version must be"),
        ("/export", {"trace": {}, "format": "bmp"}, "format must be one of"),
        ("/export", {"file": "/etc/hostname"}, "file must be a file uploaded to this server"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_told(client: Client, api_name: str, arguments: dict, sentence: str):
    with pytest.raises(AppError, match=sentence):
        last(client, api_name, **arguments)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"message": "Another?"}, "must be those that the trace answers"),
        ({"step": 99}, "step must lie between 0 and 8"),
        ({"changes": {"99": None}}, "changes must be to positions from 0 to 15"),
        ({"changes": {"one": None}}, "changes must be by position"),
    ],
    ids=str,
)
def test_a_branch_is_of_its_run(client: Client, picture: Path, run: dict, changed: dict, sentence: str):
    asked = {"trace": run, "step": 4, "changes": {}, "message": QUESTION, "image": handle_file(picture)} | changed
    with pytest.raises(AppError, match=sentence):
        last(client, "/branch", **asked)


# ---- the guide -----------------------------------------------------------------------------------

GUIDE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8").partition("## Over HTTP")[2]
SAID = re.compile(r"```(bash|js|python)\n(.*?)```", re.DOTALL)
PROGRAMS = {"bash": ["bash", "-euo", "pipefail", "-c"], "js": ["node", "--input-type=module", "-e"]}
EXAMPLES = [(language, code) for language, code in SAID.findall(GUIDE) if "7860" in code]


def printed(language: str, code: str, address: str, folder: Path) -> str:
    """What an example prints that asks the page at an address, run in a folder."""
    code = code.replace("http://127.0.0.1:7860", address.rstrip("/"))
    program = [*PROGRAMS[language], code] if language in PROGRAMS else [sys.executable, "-c", code]
    if shutil.which(program[0]) is None or (language == "bash" and shutil.which("curl") is None):
        pytest.skip(f"{program[0]} or curl is not installed")
    result = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0 and result.stdout.strip(), result.stderr
    assert "error" not in result.stdout
    return result.stdout


@pytest.mark.parametrize(("language", "code"), EXAMPLES, ids=lambda text: text.strip().splitlines()[0][:40])
def test_the_guides_examples_run(client: Client, language: str, code: str, tmp_path: Path):
    (tmp_path / "assets").symlink_to(ROOT / "assets")
    printed(language, code, client.src, tmp_path)


@pytest.mark.parametrize("kind", ["name", "color", "count"])
def test_curl_gets_the_right_answer_about_a_held_out_picture(embedded: str, kind: str, tmp_path: Path):
    """By the guide's own commands."""
    picture, ((question, expected),) = held_out(kind)
    picture.save(tmp_path / "scene.png")
    (code,) = (code for language, code in EXAMPLES if language == "bash" and "upload" in code)
    code = code.replace("assets/examples/frog.png", "scene.png").replace(QUESTION, question)
    *_, ended = re.findall(r"^data: (\[\{.*)", printed("bash", code, embedded, tmp_path), re.MULTILINE)
    assert json.loads(ended)[0]["text"] == expected

"""`lladav sample`."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import picture_message

from lladav import LladaVPipeline, SamplingConfig, Trace, cli
from lladav.cli.sample import sampling_config
from lladav.pipeline import step_record

QUESTION = "What is this?"
SETTINGS = ["--gen-length", "16", "--block-length", "8", "--steps", "8", "--temperature", "0.5", "--seed", "2"]
CONFIG = SamplingConfig(gen_length=16, block_length=8, steps=8, temperature=0.5, seed=2)


@pytest.fixture
def picture(tmp_path) -> Path:
    path = tmp_path / "red.png"
    picture_message(QUESTION)["content"][0]["image"].save(path)
    return path


@pytest.fixture
def sample(tiny_random, picture, capsys):
    """Run `lladav sample` on a red picture: (exit code, stdout, stderr)."""

    def run(*options: str, question: str = QUESTION) -> tuple[int, str, str]:
        code = cli.main(["sample", question, "--model", str(tiny_random), "--image", str(picture), *options])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def no_model(monkeypatch) -> None:
    """Fails the test if it loads a model."""
    monkeypatch.setattr(LladaVPipeline, "from_pretrained", lambda *_, **__: pytest.fail("a model was loaded"))


def test_plain_output_is_the_answer_alone(sample, tiny_pipeline):
    code, out, _ = sample(*SETTINGS)
    assert code == 0
    assert out == tiny_pipeline([picture_message(QUESTION)], CONFIG).text + "\n"


def test_json_is_one_record_a_step(sample, tiny_pipeline):
    code, out, _ = sample(*SETTINGS, "--json")
    expected = [step_record(tiny_pipeline, step) for step in tiny_pipeline.stream([picture_message(QUESTION)], CONFIG)]
    assert code == 0
    assert [json.loads(line) for line in out.splitlines()] == expected


def test_a_terminal_shows_one_line_over_and_over(sample, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    _, out, _ = sample(*SETTINGS)
    frames = out.split("\r\x1b[2K")
    assert frames[1].startswith("  0/8 ░░") and frames[2].startswith("  1/8 ")
    assert "░" not in frames[-1] and frames[-1].endswith("\n")


def test_the_trace_is_written(sample, tmp_path):
    _, out, _ = sample(*SETTINGS, "--no-think", "--trace", str(tmp_path / "trace.json"))
    trace = Trace.load(tmp_path / "trace.json")
    assert trace.text + "\n" == out and trace.config == CONFIG
    assert f"{QUESTION} /no_think<|eot_id|>" in trace.prompt


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_any_encoding_of_the_terminal_shows_every_step(encoding, tiny_random, picture, tiny_pipeline, monkeypatch):
    question = picture_message(QUESTION)
    expected = [step_record(tiny_pipeline, step) for step in tiny_pipeline.stream([question], CONFIG)]
    assert "░" in expected[0]["text"]  # which neither of these encodings has
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", terminal)
    command = ["sample", QUESTION, "--model", tiny_random, "--image", picture, *SETTINGS, "--json"]
    assert cli.main([*map(str, command)]) == 0
    terminal.seek(0)
    assert [json.loads(line)["text"] for line in terminal] == [record["text"] for record in expected]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], SamplingConfig()),
        (["--gen-length", "32"], SamplingConfig(32, 32, 16)),
        (["--gen-length", "32", "--block-length", "8"], SamplingConfig(32, 8, 16)),
        (["--gen-length", "3"], SamplingConfig(3, 3, 2)),
        (["--steps", "64"], SamplingConfig(steps=64)),
        (["--preset", "docvqa"], SamplingConfig.preset("docvqa")),
        (
            ["--preset", "demo", "--steps", "64", "--threshold", "0.9"],
            SamplingConfig(128, 128, 64, threshold=0.9),
        ),
        (["--cfg-scale", "1.5", "--remasking", "random"], SamplingConfig(cfg_scale=1.5, remasking="random")),
        (["--factor", "1", "--refresh-interval", "4"], SamplingConfig(factor=1.0, refresh_interval=4)),
        (["--keep-image-tokens", "0.5"], SamplingConfig(keep_image_tokens=0.5)),
        (
            ["--entropy-bound", "0.1", "--schedule-shift", "0.5"],
            SamplingConfig(entropy_bound=0.1, schedule_shift=0.5),
        ),
        (["--method", "wino", "--gen-length", "32"], SamplingConfig.method("wino", gen_length=32)),
        (["--method", "klass", "--threshold", "0.6"], SamplingConfig.method("klass", threshold=0.6)),
        (
            ["--method", "saber", "--preset", "chartqa"],
            SamplingConfig.method("saber", gen_length=16, stop=("\n",)),
        ),
        (["--speed", "faithful"], SamplingConfig(steps=64)),
        (["--speed", "balanced"], SamplingConfig(steps=32, refresh_interval=4)),
        (["--speed", "balanced", "--steps", "8"], SamplingConfig(steps=8, refresh_interval=4)),
        (
            ["--speed", "fast", "--preset", "docvqa"],
            replace(SamplingConfig.preset("docvqa"), steps=32, refresh_interval=32, threshold=0.9),
        ),
        (
            ["--speed", "fast", "--refresh-interval", "8"],
            SamplingConfig(steps=64, refresh_interval=8, threshold=0.9),
        ),
    ],
    ids=str,
)
def test_settings(options: list[str], expected: SamplingConfig):
    args = cli.build_parser("sample").parse_args(["sample", QUESTION, *options])
    assert sampling_config(args) == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--block-length", "7"], "block_length must divide gen_length, got 7 and 64"),
        (["--speed", "fast", "--block-length", "100"], "block_length must divide gen_length, got 100 and 64"),
        (["--speed", "fast", "--block-length", "0"], "block_length must be a positive whole number, got 0"),
        (["--speed", "fast", "--gen-length", "0"], "gen_length must be a positive whole number, got 0"),
        (["--threshold", "0.5", "--factor", "1"], "exclude each other, got threshold=0.5 and factor=1.0"),
        (["--method", "wino", "--speed", "fast"], "method and speed exclude each other, got wino and fast"),
        (["--method", "wino", "--refresh-interval", "4"], "refresh_interval must be None for revision='wino'"),
        (["--trace", "/nowhere/trace.json"], "trace must lie in a folder that exists, got /nowhere/trace.json"),
        (["--trace", "/"], "trace must be a file, got the folder /"),
        (["--trace", "\udcff.json"], r"argument 8 must be UTF-8, got \udcff.json: set"),
    ],
    ids=ascii,
)
def test_a_bad_argument_is_refused_before_a_model_is_loaded(sample, no_model, options: list[str], words: str):
    code, out, err = sample(*options)
    assert (code, out) == (2, "")
    assert err.startswith("lladav: ") and words in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("question", ["", " \n\t"], ids=ascii)
def test_an_empty_question_is_refused_before_a_model_is_loaded(sample, no_model, question: str):
    code, _, err = sample(question=question)
    assert code == 2 and "question must say something, got" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--image", "nowhere.png"], "no such file: nowhere.png"), (["--image", __file__], "not a picture")],
    ids=["missing", "code"],
)
def test_a_bad_picture_gets_one_sentence(sample, options: list[str], words: str):
    code, _, err = sample(*options)
    message = err.splitlines()[-1]
    assert code == 2 and message.startswith("lladav: ") and words in message
    assert "Traceback" not in err


def test_a_model_that_is_not_there_gets_one_sentence(capsys):
    assert cli.main(["sample", QUESTION, "--model", "/nowhere/at/all"]) == 2
    expected = "lladav: model must be a directory or a hub id such as GSAI-ML/LLaDA-V, got '/nowhere/at/all'\n"
    assert capsys.readouterr().err == expected

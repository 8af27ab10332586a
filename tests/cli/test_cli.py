import json
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from helpers import picture_message
from PIL import Image

import lladav
from lladav import SamplingConfig, Trace, cli
from lladav.cli.sample import sampling_config
from lladav.pipeline import step_record

QUESTION = "What is this?"
SETTINGS = [
    "--gen-length",
    "16",
    "--block-length",
    "8",
    "--steps",
    "8",
    "--temperature",
    "0.5",
    "--seed",
    "2",
]
CONFIG = SamplingConfig(gen_length=16, block_length=8, steps=8, temperature=0.5, seed=2)


@pytest.fixture
def sample(tiny_random, tmp_path, capsys):
    """Run `lladav sample` on a red picture: (exit code, stdout, stderr)."""
    picture = tmp_path / "red.png"
    picture_message(QUESTION)["content"][0]["image"].save(picture)

    def run(*options: str) -> tuple[int, str, str]:
        code = cli.main(["sample", QUESTION, "--model", str(tiny_random), "--image", str(picture), *options])
        return code, *capsys.readouterr()

    return run


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


def test_a_trace_is_exported(sample, tmp_path, capsys):
    trace, film = tmp_path / "trace.json", tmp_path / "run.gif"
    sample(*SETTINGS, "--trace", str(trace))
    assert cli.main(["export", str(trace), str(film)]) == 0
    assert "run.gif" in capsys.readouterr().err  # the progress bar
    with Image.open(film) as gif:
        assert gif.n_frames == 8
    assert cli.main(["export", str(trace), str(tmp_path / "run.avi")]) == 2
    expected = "lladav: path must end in .gif, .mp4, .png, .html, .json, got '.avi'\n"
    assert capsys.readouterr().err.endswith(expected)
    assert cli.main(["export", "nowhere.json", str(film)]) == 2
    assert capsys.readouterr().err == "lladav: no such file: nowhere.json\n"
    assert cli.main(["export", str(film), str(film)]) == 2
    assert "run.gif cannot be read as a trace" in capsys.readouterr().err


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
        (
            ["--entropy-bound", "0.1", "--schedule-shift", "0.5"],
            SamplingConfig(entropy_bound=0.1, schedule_shift=0.5),
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
        (["--image", "nowhere.png"], "no such file: nowhere.png"),
        (["--threshold", "0.5", "--factor", "1"], "exclude each other, got threshold=0.5 and factor=1.0"),
        (["--image", __file__], "not a picture"),
        (["--trace", "/nowhere/trace.json"], "no such file: /nowhere/trace.json"),
    ],
    ids=str,
)
def test_a_bad_argument_gets_one_sentence(sample, options: list[str], words: str):
    code, _, err = sample(*options)
    message = err.splitlines()[-1]
    assert code == 2 and message.startswith("lladav: ") and words in message
    assert "Traceback" not in err


def test_a_model_that_is_not_there_gets_one_sentence(capsys):
    assert cli.main(["sample", QUESTION, "--model", "/nowhere/at/all"]) == 2
    expected = "lladav: model must be a directory or a hub id such as GSAI-ML/LLaDA-V, got '/nowhere/at/all'\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("argv", [["sample"], ["sample", QUESTION, "--steps", "many"], ["dance"], []], ids=str)
def test_usage_errors_exit_with_2(argv: list[str], capsys):
    with pytest.raises(SystemExit) as exit_info:
        cli.main(argv)
    assert exit_info.value.code == 2
    assert capsys.readouterr().err.startswith("usage: lladav")


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_a_command_is_a_module_imported_when_needed(command: str, monkeypatch):
    calls = []
    module = SimpleNamespace(
        add_arguments=lambda parser: parser.add_argument("--count", type=int),
        main=lambda args: calls.append(args.count) or 7,
    )
    imported = []
    monkeypatch.setattr(cli.importlib, "import_module", lambda name: imported.append(name) or module)
    assert cli.main([command, "--count", "3"]) == 7
    assert calls == [3] and imported == [cli.COMMANDS[command][0]]


@pytest.mark.parametrize("command", ["sample", "app", "export"])
def test_every_command_has_its_module(command: str, capsys):
    with pytest.raises(SystemExit) as exit_info:
        cli.main([command, "--help"])
    assert exit_info.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: lladav {command}")


def test_help_waits_for_nothing():
    code = "import sys, lladav.cli as c; c.build_parser(None).format_help(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_public_names_are_there_when_asked_for():
    assert dir(lladav) == sorted(lladav.__all__) == sorted(lladav._HOMES)
    for name in lladav.__all__:
        assert getattr(lladav, name).__module__.startswith(f"lladav.{lladav._HOMES[name]}")
    with pytest.raises(AttributeError, match="module 'lladav' has no attribute 'sampel'"):
        lladav.sampel  # noqa: B018

"""The model and the task for lmms-eval: settings by task, questions in a folder, and a run by its own command."""

import json
import os
import re
import subprocess
import sys
import tomllib
from argparse import ArgumentParser
from dataclasses import replace
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from helpers import ROOT
from PIL import Image

from lladav import SamplingConfig, cli
from lladav.assets import asset
from lladav.evaluation import add_arguments, conversation, held_out_questions, lmms
from lladav.evaluation.command import evaluation_config
from lladav.evaluation.lmms.settings import TASKS, task_settings
from lladav.evaluation.lmms.task import doc_to_messages, doc_to_target, doc_to_text, process_results, write_questions
from lladav.evaluation.questions import ASKED
from lladav.sampling.presets import PUBLISHED
from lladav.scenes import render

EXAMPLE = ROOT / "examples" / "lmms"
FOR_OTHERS = {  # what tasks say to autoregressive models
    "max_new_tokens": 16,
    "temperature": 0.0,
    "until": ["ASSISTANT:"],
    "do_sample": False,
    "num_beams": 1,
    "top_p": 1.0,
    "image_aspect_ratio": "original",
}
WITHOUT = "lmms-eval is not installed, which is an extra"


def published_commands() -> dict[str, dict[str, Any]]:
    """Task -> the settings that the published evaluation is given for it, as docs/benchmarks.md has them."""
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    words = dict(re.findall(r"^(\w+)='(.*)'$", text, re.MULTILINE))
    tasks = re.findall(r"^evaluate (\w+) (?:\"\$(\w+)\"|'(.*)')", text, re.MULTILINE)
    return {task: json.loads(f"{{{words[name] if name else settings}}}") for task, name, settings in tasks}


def example_task() -> dict[str, Any]:
    """The YAML file of the task, its functions by their names."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
    return yaml.load((EXAMPLE / "lladav_scenes.yaml").read_text(encoding="utf-8"), Loader)


# ---- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_a_task_whose_figure_is_published_is_asked_as_published(task: str):
    settings = task_settings(task, FOR_OTHERS)
    assert (settings.config, settings.thinking) == (PUBLISHED[TASKS[task]].config, PUBLISHED[TASKS[task]].thinking)


def test_the_published_command_says_the_same_to_both():
    commands = published_commands()
    assert len(commands) == 17 and {*TASKS.values()} == PUBLISHED.keys() - {"demo"}
    for task, given in commands.items():
        settings = task_settings("a task of no name", given | {"cfg": 0, "remasking": "low_confidence"})
        parts = [name for name in TASKS if name == task or (task not in TASKS and name.startswith(task))]
        assert parts, f"{task} has no settings"
        assert {task_settings(part, {})[:2] for part in parts} == {settings[:2]}


def test_what_is_given_in_the_samplers_own_words_goes_before_what_is_published():
    published = SamplingConfig.preset("chartqa")
    settings = task_settings("chartqa", FOR_OTHERS | {"temperature": 0.5, "think_mode": "think"})
    assert settings.config == replace(published, temperature=0.5) and settings.thinking is True
    longer = task_settings("chartqa", {"gen_length": 64})
    assert longer.config == SamplingConfig(gen_length=64, block_length=64, steps=32, stop=("\n",))
    assert longer.thinking is False
    assert task_settings("chartqa", {"gen_steps": 8}).config == replace(published, steps=8)


def test_another_task_is_asked_as_it_says():
    settings = task_settings("gqa", FOR_OTHERS | {"until": ["\n\n", "ASSISTANT:", "<|eot_id|>"]})
    stop = ("<|eot_id|>", "ASSISTANT:")
    assert settings.config == SamplingConfig(gen_length=16, block_length=16, steps=8, stop=stop)
    assert settings.thinking is None
    assert task_settings("gqa", {"until": "ASSISTANT:"}).config.stop == stop
    assert task_settings("gqa", {"until": None}).config == SamplingConfig()
    assert task_settings("gqa", {"method": "exact", "max_new_tokens": 8}).config.steps == 8


def test_settings_say_whose_they_are():
    assert str(task_settings("chartqa", {})) == (
        "as published for chartqa: gen_length=16, block_length=16, steps=16, stop=('\\n',), think_mode='no_think'"
    )
    assert str(task_settings("gqa", {"max_new_tokens": 4, "threshold": 0.9})) == (
        "the task's settings: gen_length=4, block_length=4, steps=2, threshold=0.9"
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"gen_lenght": 16}, "a setting must be method or one of .*, got 'gen_lenght'"),
        ({"think_mode": "hard"}, "think_mode must be think or no_think, got 'hard'"),
        ({"max_new_tokens": 16384}, "gen_length must be at most 4096, got 16384"),
        ({"gen_length": 24, "block_length": 16}, "block_length must divide gen_length"),
    ],
    ids=str,
)
def test_what_cannot_be_honored_is_refused(given: dict[str, Any], words: str):
    with pytest.raises(ValueError, match=words):
        task_settings("gqa", given)


# ---- the task -------------------------------------------------------------------------------------


def test_questions_come_out_of_a_folder_as_they_went_in(tiny_pipeline, tmp_path: Path):
    questions = list(held_out_questions(0, len(ASKED)))
    assert write_questions(questions, tmp_path / "scenes") == len(ASKED)
    lines = (tmp_path / "scenes" / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    for line, (scene, example) in zip(lines, questions, strict=True):
        row = json.loads(line)
        row["image"] = Image.open(tmp_path / "scenes" / row.pop("file_name"))
        read, asked = (tiny_pipeline.prepare(it) for it in (doc_to_messages(row), conversation(scene, example)))
        assert (read.text, read.image_hashes) == (asked.text, asked.image_hashes)
        assert (doc_to_text(row), doc_to_target(row)) == example.turns[-1]
        assert process_results(row, [f" {doc_to_target(row)}"]) == {"accuracy": 1.0}
        assert process_results(row, ["A unicorn."]) == {"accuracy": 0.0}


def test_a_command_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture):
    arguments = ["evaluate", "--count", "2", "--held-out-artwork", "--questions", str(tmp_path / "scenes")]
    assert cli.main(arguments) == 0
    assert capsys.readouterr().out == f"2 questions in {tmp_path / 'scenes'}\n"
    ((scene, _), _) = held_out_questions(0, 2, ("twemoji",))
    pixels = np.asarray(Image.open(tmp_path / "scenes" / "00000.png"))
    assert np.array_equal(pixels, np.asarray(render(scene)))
    assert cli.main(arguments) == 2
    assert "scenes: File exists" in capsys.readouterr().err


def test_the_example_asks_as_lladav_evaluate_does():
    task, parser = example_task(), ArgumentParser()
    add_arguments(parser)
    assert task_settings(task["task"], task["generation_kwargs"]).config == evaluation_config(parser.parse_args([]))
    for name in ("doc_to_messages", "doc_to_text", "doc_to_target", "process_results"):
        module, _, function = task[name].rpartition(".")
        assert callable(getattr(import_module(module), function))


# ---- the model ------------------------------------------------------------------------------------


def test_the_package_tells_lmms_eval_of_its_model():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ((name, value),) = project["entry-points"]["lmms_eval.models"].items()
    assert EntryPoint(name, value, "lmms_eval.models").load() is lmms.manifest


@pytest.fixture
def model(tiny_random: Path) -> Any:
    """The model of lmms-eval with random weights, asked three questions at once, about a picture in "test"."""
    pytest.importorskip("lmms_eval", reason=WITHOUT)
    from lladav.evaluation.lmms.model import LladaV

    model = LladaV(str(tiny_random), device="cpu", batch_size="3")
    rows = [{"image": Image.new("RGB", (40, 30), color), "question": f"Is it {color}?"} for color in ("red", "blue")]
    model.task_dict = {task: {"test": rows} for task in ("chartqa", "gqa")}
    return model


def requests(task: str, given: dict[str, Any], count: int = 2) -> list[Any]:
    from lmms_eval.api.instance import Instance

    def messages(row: dict[str, Any]) -> list[dict[str, Any]]:
        content = [{"type": "image", "url": row["image"]}, {"type": "text", "text": row["question"]}]
        return [{"role": "user", "content": content}]

    about = {"task": task, "repeats": 1}
    return [
        Instance("generate_until", ("", messages, given, number % 2, task, "test"), 0, about | {"doc_id": number % 2})
        for number in range(count)
    ]


def test_requests_of_all_tasks_are_answered_in_their_order(model: Any):
    first, second = requests("gqa", {"max_new_tokens": 8}, 4), requests("chartqa", FOR_OTHERS, 2)
    mixed = [first[0], second[0], *first[1:], second[1]]
    given = model.generate_until(mixed)
    assert [one.text for one in given] == [model.generate_until([one])[0].text for one in mixed]
    assert all(one.token_counts.output_tokens <= 16 for one in given)
    assert given[0].text != given[2].text


def test_a_published_task_is_sampled_as_published(model: Any, monkeypatch: pytest.MonkeyPatch):
    asked, stream_batch = [], model.pipe.stream_batch

    def watched(conversations: Any, config: SamplingConfig, thinking: bool | None) -> Any:
        asked.append((len(conversations), config, thinking))
        return stream_batch(conversations, config, thinking)

    monkeypatch.setattr(model.pipe, "stream_batch", watched)
    model.generate_until(requests("chartqa", FOR_OTHERS, 4))
    assert asked == [(3, SamplingConfig.preset("chartqa"), False), (1, SamplingConfig.preset("chartqa"), False)]


def test_what_takes_one_prompt_at_a_time_is_given_one(model: Any):
    assert model.batch_size > 1
    given = model.generate_until(requests("gqa", {"method": "elastic", "gen_length": 8}, 2))
    assert len(given) == 2


def test_what_the_model_cannot_do_is_refused(model: Any):
    for refused in (model.loglikelihood, model.generate_until_multi_round):
        with pytest.raises(NotImplementedError, match="choose tasks of output_type generate_until"):
            refused([])
    with pytest.raises(ValueError, match="batch_size must be a positive whole number, got 'auto'"):
        type(model)(batch_size="auto")
    with pytest.raises(ValueError, match="dtype must be one of float32, bfloat16, got 'int3'"):
        type(model)(dtype="int3")


def test_a_run_of_lmms_eval_comes_to_what_lladav_evaluate_does(tmp_path: Path, capsys: pytest.CaptureFixture):
    pytest.importorskip("lmms_eval", reason=WITHOUT)
    count, model, results = str(len(ASKED)), str(asset("lladav-tiny")), tmp_path / "results"
    assert cli.main(["evaluate", "--count", count, "--questions", str(tmp_path / "runs" / "scenes")]) == 0
    command = [sys.executable, "-m", "lmms_eval", "--model", "lladav", "--model_args", f"pretrained={model},device=cpu"]
    command += ["--include_path", str(EXAMPLE), "--tasks", "lladav_scenes", "--output_path", str(results)]
    command += ["--gen_kwargs", "gen_length=32,block_length=32,steps=16", "--log_samples"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path / "cache")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "steps=16" in done.stdout + done.stderr, done.stderr
    (path,), (answers,) = results.rglob("*_results.json"), results.rglob("*_samples_*.jsonl")
    accuracy = json.loads(path.read_text(encoding="utf-8"))["results"]["lladav_scenes"]["accuracy,none"]
    right = [json.loads(line)["accuracy"] for line in answers.read_text(encoding="utf-8").splitlines()]
    arguments = ["--gen-length", "32", "--steps", "16", "--batch-size", "1", "--model", model, "--json"]
    assert cli.main(["evaluate", "--count", count, *arguments]) == 0
    evaluated = json.loads(capsys.readouterr().out.splitlines()[-1])["accuracy"]
    assert {"all": round(accuracy, 4), **dict(zip(ASKED, right, strict=True))} == evaluated
    assert 0 < accuracy < 1

"""`lladav bench`: what it says, and what it refuses."""

import json
import re
import time
from dataclasses import fields

import pytest
import torch

from lladav import cli
from lladav.benchmarks import growth
from lladav.benchmarks.report import Row
from lladav.cli import bench, checks
from lladav.language import LladaVLanguageModel
from lladav.sampling import METHODS

MODES = ["plain", "exact", "refresh-4", "refresh-32", "refresh-32+factor", "refresh-32+threshold"]
LENGTHS = ("--prompt-length", "20", "--gen-length", "8")


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def run_bench(capsys):
    """Run `lladav bench`: (exit code, stdout, stderr)."""

    def run(*options: str) -> tuple[int, str, str]:
        code = cli.main(["bench", *options])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def no_model(monkeypatch):
    monkeypatch.setattr(bench, "make_subject", lambda *_: pytest.fail("a model was loaded"))


def test_json_ends_the_output_and_holds_the_table(run_bench):
    code, out, _ = run_bench("--model", "random:tiny", *LENGTHS, "--steps", "4", "--json")
    result = json.loads(out.splitlines()[-1])
    rows = {row["mode"]: row for row in result["rows"]}
    assert code == 0
    assert list(rows) == MODES
    assert [line.split("|")[1].strip() for line in out.splitlines() if line.startswith("| ")][2:] == MODES
    assert all(set(row) == {field.name for field in fields(Row)} for row in rows.values())
    assert (result["prompt_length"], result["gen_length"]) == (20, 8)
    assert rows["plain"]["ratio_to_plain"] == 1
    assert rows["plain"]["agreement"] == rows["exact"]["agreement"] == 1
    assert rows["exact"]["nfe"] == 4 and rows["exact"]["tokens_per_forward"] == 2
    assert rows["exact"]["cached_step_seconds"] is None and rows["refresh-32"]["cached_step_seconds"] > 0
    assert rows["refresh-32"]["agreement"] <= 1
    assert all(
        row["peak_memory_gb"] > 0.05 > row["weights_gb"] > 0.01 and row["ratio_to_floor"] > 0 for row in rows.values()
    )


def test_every_method_that_fills_an_answer_has_a_row(run_bench):
    code, out, _ = run_bench("--model", "random:tiny", *LENGTHS, "--methods", "--json")
    rows = {row["mode"]: row for row in json.loads(out.splitlines()[-1])["rows"]}
    assert code == 0 and set(rows) - set(MODES) == METHODS.keys() - {"exact", "daedal", "adablock"}
    assert rows["margin"]["nfe"] == 8 and rows["saber"]["nfe"] <= 8 < rows["remdm"]["nfe"]


def test_two_answers_at_once_are_a_mode(run_bench):
    code, out, _ = run_bench("--model", "random:tiny", *LENGTHS, "--steps", "4", "--batched", "--json")
    (batched,) = (row for row in json.loads(out.splitlines()[-1])["rows"] if row["mode"] == "two at once")
    assert code == 0
    assert batched["nfe"] == 4 and batched["agreement"] == 1


def test_recorded_steps_and_fewer_bits_are_modes_of_their_own(run_bench):
    pytest.importorskip("bitsandbytes")
    code, out, _ = run_bench("--model", "random:tiny", *LENGTHS, "--steps", "2", "--json", "--compiled", "--quantized")
    rows = {row["mode"]: row for row in json.loads(out.splitlines()[-1])["rows"]}
    assert code == 0 and list(rows) == [*MODES, "refresh-32+compiled", "int8", "int4"]
    assert rows["refresh-32+compiled"]["agreement"] == rows["refresh-32"]["agreement"]
    assert rows["int4"]["weights_gb"] < rows["int8"]["weights_gb"] < rows["exact"]["weights_gb"]


def test_a_model_on_disk_is_asked_about_a_picture(run_bench, tiny_random):
    code, out, _ = run_bench("--model", str(tiny_random), "--gen-length", "8", "--steps", "2", "--json")
    assert code == 0
    assert json.loads(out.splitlines()[-1])["prompt_length"] > 64  # the tokens of the picture
    assert "The threshold is 0.9." in out


def test_profile_and_plot(run_bench, tmp_path, monkeypatch):
    monkeypatch.setattr(growth, "PATIENCE", 0)
    forward = LladaVLanguageModel.forward

    def slowly(*args, **options):
        time.sleep(0.1)  # more than all else together, on a busy machine too
        return forward(*args, **options)

    monkeypatch.setattr(LladaVLanguageModel, "forward", slowly)
    path = tmp_path / "growth.png"
    code, out, _ = run_bench("--model", "random:tiny", *LENGTHS, "--steps", "1", "--profile", "--plot", str(path))
    assert code == 0
    shares = re.search(r"language model (\d+)%, head (\d+)%", out)
    assert shares and 50 < int(shares[1]) < 100 and int(shares[2]) < 50
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--model", "random:huge"), "model must be one of random:tiny, random:medium, random:8b, got random:huge"),
        (("--model", "nowhere"), "model must be a directory or a hub id"),
        (("--model", "random:tiny", "--steps", "0"), "steps must be at least 1, got 0"),
        (("--model", "random:tiny", "--gen-length", "0"), "gen_length must be at least 1, got 0"),
        (("--model", "random:tiny", "--prompt-length", "-3"), "prompt_length must be at least 1, got -3"),
        (("--model", "random:tiny", "--repetitions", "0"), "repetitions must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_measured_is_refused(options: tuple[str, ...], complaint: str, run_bench):
    code, out, error = run_bench(*options)
    assert (code, out) == (2, "")
    assert complaint in error


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--plot", "/nowhere/growth.png"], "plot must lie in a folder that exists"),
        (["--plot", "growth.png"], '--plot needs matplotlib, which is not installed: pip install "lladav[train]"'),
        (["--quantized"], '--quantized needs bitsandbytes, which is not installed: pip install "lladav[quantized]"'),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused_before_anything_is_measured(options, words, no_model, run_bench, monkeypatch):
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    code, _, error = run_bench(*options)
    assert code == 2 and words in error

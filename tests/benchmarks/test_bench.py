"""The plain loop against the published trajectories and against ours; then what `lladav bench` says."""

import json
import re
from dataclasses import fields

import numpy as np
import pytest
import torch
from helpers import CASES, GOLDEN, sampling_config

from lladav import LladaVForMaskedDiffusion, SamplingConfig, cli, sample
from lladav.benchmarks import growth, plain_loop, random_model, random_prompt
from lladav.benchmarks.machine import Machine, floor_seconds
from lladav.benchmarks.measuring import Mode, Run, choose_threshold, exact_config, make_modes, parallel_modes
from lladav.benchmarks.report import Row
from lladav.benchmarks.subjects import MODEL_SHAPES, Subject

MODES = ["plain", "exact", "refresh-4", "refresh-32", "refresh-32+factor", "refresh-32+threshold"]
LENGTHS = ("--prompt-length", "20", "--gen-length", "8")


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture(scope="module")
def tiny() -> LladaVForMaskedDiffusion:
    return random_model("tiny").to("cpu", torch.float32)


@pytest.fixture
def subject(tiny) -> Subject:
    return Subject("random:tiny", tiny, random_prompt(tiny, 40), gen_length=16, is_random=True, load_seconds=0.0)


@pytest.fixture
def bench(capsys):
    """Run `lladav bench`: (exit code, stdout, stderr)."""

    def run(*options: str) -> tuple[int, str, str]:
        code = cli.main(["bench", *options])
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize("name", ["text_only_g24b8s6_cfg0.0", "text_only_g32b32s5_cfg0.0"])
def test_the_plain_loop_is_the_published_one(name: str, golden_model, golden_inputs):
    with torch.no_grad():
        prompt, _ = golden_model.embed_prompt(**golden_inputs(CASES[name]["input"]))
    steps = np.stack(list(plain_loop(golden_model, prompt, sampling_config(CASES[name]))))
    expected = np.load(GOLDEN / "traj.npz")[f"{name}/x_after"]
    np.testing.assert_array_equal(steps, expected)


@pytest.mark.parametrize(
    "lengths",
    [(32, 32, 32), (32, 8, 12), (16, 16, 1), (16, 8, 40)],
    ids=["one-a-step", "blocks-with-a-remainder", "all-at-once", "more-steps-than-tokens"],
)
def test_exact_mode_is_the_plain_loop(lengths: tuple[int, int, int], tiny):
    gen_length, block_length, steps = lengths
    config = SamplingConfig(gen_length=gen_length, block_length=block_length, steps=steps, stop=())
    prompt = random_prompt(tiny, 60)
    ours = [step.tokens for step in sample(tiny, {"inputs_embeds": prompt}, config)]
    plain = list(plain_loop(tiny, prompt, config))
    assert len(plain) == len(ours) - 1  # ours begins with the canvas
    assert torch.stack(plain).equal(torch.stack(ours[1:]))
    assert len(plain[-1].unique()) > gen_length / 4  # an answer of one word would prove little


def test_exact_mode_of_a_causal_model_is_plain_generation(tiny):
    causal = LladaVForMaskedDiffusion(type(tiny.config).from_dict(tiny.config.to_dict() | {"is_causal": True})).eval()
    causal.load_state_dict(tiny.state_dict())
    subject = Subject("causal", causal, random_prompt(causal, 40), gen_length=16, is_random=True, load_seconds=0.0)
    config = exact_config(16, 16)
    (plain, exact), others = make_modes(subject, config), parallel_modes(subject, config, 0.9)
    answers = list(plain.steps())
    assert torch.stack(answers).equal(torch.stack(list(exact.steps()))) and len(answers) == 16 and not others
    assert len(answers[-1].unique()) > 4
    assert exact.refresh_interval == 16  # one step in sixteen runs the prompt


def test_json_ends_the_output_and_holds_the_table(bench):
    code, out, _ = bench("--model", "random:tiny", *LENGTHS, "--steps", "4", "--json")
    result = json.loads(out.splitlines()[-1])
    rows = {row["mode"]: row for row in result["rows"]}
    assert code == 0
    assert list(rows) == MODES
    assert [line.split(" | ")[0].removeprefix("| ") for line in out.splitlines() if line.startswith("| ")][2:] == MODES
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


def test_recorded_steps_and_fewer_bits_are_modes_of_their_own(bench):
    pytest.importorskip("bitsandbytes")
    code, out, _ = bench("--model", "random:tiny", *LENGTHS, "--steps", "2", "--json", "--compiled", "--quantized")
    rows = {row["mode"]: row for row in json.loads(out.splitlines()[-1])["rows"]}
    assert code == 0 and list(rows) == [*MODES, "refresh-32+compiled", "int8", "int4"]
    assert rows["refresh-32+compiled"]["agreement"] == rows["refresh-32"]["agreement"]
    assert rows["int4"]["weights_gb"] < rows["int8"]["weights_gb"] < rows["exact"]["weights_gb"]


def test_a_model_on_disk_is_asked_about_a_picture(bench, tiny_random):
    code, out, _ = bench("--model", str(tiny_random), "--gen-length", "8", "--steps", "2", "--json")
    assert code == 0
    assert json.loads(out.splitlines()[-1])["prompt_length"] > 64  # the tokens of the picture
    assert "The threshold is 0.9." in out


def test_profile_and_plot(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(growth, "PATIENCE", 0)
    path = tmp_path / "growth.png"
    code, out, _ = bench("--model", "random:tiny", *LENGTHS, "--steps", "1", "--profile", "--plot", str(path))
    assert code == 0
    shares = re.search(r"language model (\d+)%, head (\d+)%", out)
    assert shares and 50 < int(shares[1]) < 100 and int(shares[2]) < 50
    assert path.read_bytes().startswith(b"\x89PNG")


def test_growth_is_measured_at_parts_of_both_lengths(subject, monkeypatch):
    monkeypatch.setattr(growth, "PATIENCE", 0)
    curves = growth.growth(subject)
    assert [length for length, _ in curves["prompt length"]["plain"]] == [10, 20, 30, 40]
    assert [length for length, _ in curves["answer length"]["refresh-32"]] == [4, 8, 12, 16]


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
def test_what_cannot_be_measured_is_refused(options: tuple[str, ...], complaint: str, bench):
    code, out, error = bench(*options)
    assert (code, out) == (2, "")
    assert complaint in error


def test_an_average_step_is_one_of_a_long_run():
    mode = Mode("refresh-4", lambda: iter(()), refresh_interval=4)
    run = Run(mode, answer=torch.zeros(12), seconds=[[9, 1, 2, 1, 9, 1], [7, 1, 1, 1, 7, 9]])
    assert (run.full, run.cached) == (8, 1)
    assert run.seconds_per_step == (8 + 3 * 1) / 4
    assert run.tokens_per_forward == 2
    assert Run(mode, seconds=[[9]]).seconds_per_step == 9


def test_the_threshold_for_random_weights_commits_about_twice_as_much(subject):
    config = exact_config(gen_length=16, steps=8)
    threshold = choose_threshold(subject, config)
    settings = SamplingConfig(**vars(config) | {"threshold": threshold, "refresh_interval": 32})
    *_, last = sample(subject.model, {"inputs_embeds": subject.prompt}, settings)
    assert 2 <= last.nfe <= 5  # of 8


def test_a_floor_is_the_longer_of_arithmetic_and_reading(subject):
    arithmetic = Machine(bandwidth=1e30, rate=1.0)
    reading = Machine(bandwidth=1.0, rate=1e30)
    block = 4 * 192**2 + 3 * 192 * 576 + 2 * 192
    head, scores = 1000 * 192, 4 * 56 * 192
    whole, last = 2 * block + scores, 2 * (block - 2 * 192**2) + scores
    expected = 56 * 5 * whole + 56 * 2 * 2 * 192**2 + 3 * last + 2 * 3 * head
    assert floor_seconds(subject, arithmetic, 56, rows=3) == pytest.approx(expected, rel=1e-12)
    layers = 6 * block
    assert floor_seconds(subject, reading, 16, rows=3) == 4 * (layers + head + 2 * 40 * 192 * 6)


def test_the_full_size_fits_a_gpu():
    with torch.device("meta"):
        model = LladaVForMaskedDiffusion(MODEL_SHAPES["8b"].config())
    assert 16e9 < 2 * model.num_parameters() < 20e9

"""Sweeps: what is asked, stopping and going on, and what they may not be."""

import json
from itertools import islice
from pathlib import Path

import pytest

from lladav import LladaVPipeline, SamplingConfig
from lladav.evaluation import sweep as sweep_module
from lladav.evaluation.results import sweep_table
from lladav.evaluation.sweep import ANSWERS_FILE, SWEEP_FILE, Sweep, SweepRun, is_noisy

TEXT = """
axes:
  steps: [8, 2]
  remasking: [low_confidence, margin]
questions: {count: 3}
settings: {gen_length: 8}
batch_size: 2
"""


@pytest.fixture
def sweep() -> Sweep:
    return Sweep.read(TEXT)


def finished(pipe: LladaVPipeline, sweep: Sweep, folder: Path) -> SweepRun:
    run = SweepRun(pipe, sweep, folder)
    *_, last = run.run()
    assert last.done == last.total
    return run


def without_time(run: SweepRun) -> list[dict]:
    table = sweep_table(run).drop(columns="seconds")
    return table.to_dict("records")


def test_it_reads_what_it_writes(sweep: Sweep):
    assert Sweep.read(sweep.to_yaml()) == sweep
    configs = [config for _, config in sweep.combinations()]
    assert configs[1] == SamplingConfig(8, 8, 8, remasking="margin") and len(configs) == 4


def test_every_answer_is_the_one_that_is_given_alone(tiny_pipeline: LladaVPipeline, sweep: Sweep, tmp_path: Path):
    run = finished(tiny_pipeline, sweep, tmp_path)
    assert len(list(run.answers())) == 4 * 3
    for cell, one, given, exact in list(run.answers())[::3]:
        reply = tiny_pipeline(one.messages(), cell.config)
        assert (given.text, given.nfe) == (reply.text, reply.nfe)
        committed = sum(len(step.transfer_index) for step in reply.trace.steps)
        assert given.committed == committed and given.revoked == 0
        assert given.unsure == sum(
            value < 0.5
            for step in reply.trace.steps
            for at, value in zip(step.positions, step.confidence, strict=True)
            if at in step.transfer_index
        )
        assert exact is not None and exact.text == tiny_pipeline(one.messages(), cell.reference).text


def test_it_stops_within_a_step_and_goes_on(tiny_pipeline: LladaVPipeline, sweep: Sweep, tmp_path: Path):
    whole = finished(tiny_pipeline, sweep, tmp_path / "whole")
    passes = []
    hook = tiny_pipeline.model.model.language_model.register_forward_hook(lambda *_: passes.append(1))
    try:
        broken = SweepRun(tiny_pipeline, sweep, tmp_path / "broken")
        running = broken.run()
        done = [progress.done for progress in islice(running, 16)]
        count = len(passes)
        running.close()
        assert 0 < done[-1] < 12 and len(passes) == count
        kept = len((tmp_path / "broken" / ANSWERS_FILE).read_text().splitlines())
        assert kept == done[-1]
        first, *others = list(SweepRun(tiny_pipeline, sweep, tmp_path / "broken").run())
        assert first.done == kept and others[-1].done == others[-1].total
    finally:
        hook.remove()
    again = SweepRun(tiny_pipeline, sweep, tmp_path / "broken")
    assert without_time(again) == without_time(whole)
    assert [progress.done for progress in again.run()] == [12]


def test_a_line_that_was_broken_off_is_asked_again(tiny_pipeline: LladaVPipeline, sweep: Sweep, tmp_path: Path):
    whole = without_time(finished(tiny_pipeline, sweep, tmp_path))
    path = tmp_path / ANSWERS_FILE
    path.write_text(path.read_text()[:-20])
    run = SweepRun(tiny_pipeline, sweep, tmp_path)
    assert [progress.done for progress in run.run()][-1] == 12 and without_time(run) == whole


def test_what_comes_to_the_same_is_asked_once(tiny_pipeline: LladaVPipeline, tmp_path: Path):
    text = "axes: {temperature: [0, 1]}\nquestions: {count: 2}\nseeds: [0, 1, 2]\nsettings: {gen_length: 4, steps: 4}"
    run = finished(tiny_pipeline, Sweep.read(text), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / ANSWERS_FILE).read_text().splitlines()]
    assert len(lines) == 2 + 3 * 2  # without noise exact mode is what is asked, and no seed makes a difference
    assert list(sweep_table(run)["asked"]) == [6, 6]
    assert not is_noisy(SamplingConfig()) and is_noisy(SamplingConfig(remasking="random"))


def test_sureness_is_probability_whatever_score_decides(tiny_pipeline: LladaVPipeline, tmp_path: Path):
    text = "questions: {count: 1}\naxes: {remasking: [margin, pc_sampler, left_to_right]}\nsettings: {gen_length: 4}"
    run = finished(tiny_pipeline, Sweep.read(text), tmp_path)
    for cell, one, given, _ in run.answers():
        *_, last = tiny_pipeline.stream(one.messages(), cell.config)
        expected = last.top_probs[: len(given.confidence), 0].tolist()  # without noise the best token is taken
        assert given.confidence == pytest.approx(expected, abs=1e-4)


def test_an_answer_that_grows_is_asked_for_alone(tiny_pipeline: LladaVPipeline, tmp_path: Path):
    sweep = Sweep.read("axes: {start_length: [4]}\nquestions: {count: 2}\nsettings: {gen_length: 8}")
    assert sweep_table(finished(tiny_pipeline, sweep, tmp_path))["asked"].item() == 2


def test_a_folder_holds_one_sweep_of_one_model(tiny_pipeline: LladaVPipeline, sweep: Sweep, tmp_path: Path):
    SweepRun(tiny_pipeline, sweep, tmp_path)
    assert Sweep.read((tmp_path / SWEEP_FILE).read_text()) == sweep
    with pytest.raises(ValueError, match="folder must be empty or hold this sweep"):
        SweepRun(tiny_pipeline, sweep.model_copy(update={"seeds": (1,)}), tmp_path)
    (tmp_path / "about.json").write_text('{"model_hash": "another"}')
    with pytest.raises(ValueError, match=r"folder must hold results of this model, got .* those of another"):
        SweepRun(tiny_pipeline, sweep, tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("axes: {steps: [3], block_length: [32]}", r"steps=3, block_length=32: steps must be a multiple of"),
        ("axes: {stpes: [3]}", "an axis must be method or one of .*, got 'stpes'"),
        ("axes: {seed: [3]}", "an axis must be method"),
        ("axes: {steps: []}", r"axes.steps must be a list of different values, got \[\]"),
        ("axes: {steps: [2, 2]}", "axes.steps must be a list of different values"),
        ("axes: {method: [waltz]}", "method='waltz': method must be one of exact"),
        ("axes: {}", "axes: Dictionary should have at least 1 item"),
        (
            "axes: {steps: [1]}\nquestions: {count: 0}",
            "questions.count: Input should be greater .* got 0",
        ),
        ("axes: {steps: [1]}\nspeed: 9", "speed: Extra inputs are not permitted, got 9"),
        ("axes: [", "my.yaml must be YAML"),
        ("", "my.yaml: "),
    ],
    ids=str,
)
def test_what_is_no_sweep_is_refused_in_a_sentence(text: str, words: str):
    with pytest.raises(ValueError, match=words):
        Sweep.read(text, "my.yaml")


@pytest.mark.parametrize(
    ("axes", "seeds", "count"),
    [
        (("steps", "revision_rounds"), 1, 4096),
        (("steps", "revision_rounds", "kl_steps"), 1, 262144),
        (("steps",), 16, 1024),
    ],
    ids=str,
)
def test_too_many_combinations(axes: tuple[str, ...], seeds: int, count: int, monkeypatch: pytest.MonkeyPatch):
    """They are counted before one is made."""
    monkeypatch.setattr(sweep_module, "product", lambda *_: pytest.fail("combinations were made"))
    many = list(range(1, 65))
    text = f"axes: {{{', '.join(f'{name}: {many}' for name in axes)}}}\nseeds: {list(range(seeds))}"
    with pytest.raises(ValueError, match=f"a sweep may have 1000 combinations, got {count}$"):
        Sweep.read(text)

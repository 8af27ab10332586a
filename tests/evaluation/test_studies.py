"""The settings and models that are compared."""

import pytest
from helpers import made_up_score

from lladav.evaluation import held_out_questions, run_settings
from lladav.evaluation.studies import load_scores, models_by_share, robustness, save_scores, speeds, sweep
from lladav.pipeline import LladaVPipeline
from lladav.sampling import SPEEDS, SamplingConfig

SHORT = SamplingConfig(gen_length=8, block_length=8, steps=4)


def test_the_sweep_crosses_blocks_and_steps():
    settings = sweep(SamplingConfig(64, 64, 64))
    pairs = [(setting.config.block_length, setting.config.steps) for setting in settings]
    assert pairs == [(block, steps) for block in (64, 32, 16, 8) for steps in (64, 32, 16)]
    assert len({setting.label for setting in settings}) == len(settings)


def test_every_speed_is_there():
    assert [setting.label for setting in speeds(SHORT)] == list(SPEEDS)


def test_what_comes_to_the_same_is_run_once(tiny_pipeline, monkeypatch):
    runs, stream_batch = [], tiny_pipeline.stream_batch

    def spy(conversations, config):
        runs.append(config)
        return stream_batch(conversations, config)

    monkeypatch.setattr(tiny_pipeline, "stream_batch", spy)
    settings = [*speeds(SHORT), *sweep(SHORT), *robustness(SHORT)[:1]]
    results = list(run_settings(tiny_pipeline, list(held_out_questions(0, 2)), settings))
    assert [(one.study, one.label) for one, _ in results] == [(each.study, each.label) for each in settings]
    assert len(runs) == len({setting.config for setting in settings}) < len(settings)


def test_a_causal_model_has_one_way_of_sampling(twin_folder):
    twin = LladaVPipeline.from_pretrained(twin_folder, device="cpu")
    settings = [*sweep(SHORT), *speeds(SHORT), *robustness(SHORT)[:2]]
    results = [one for one, _ in run_settings(twin, list(held_out_questions(0, 2)), settings)]
    assert [one.study for one in results] == ["sweep", "speeds", "robust", "robust"]
    assert [one.label for one in results[:2]] == ["left to right"] * 2
    assert {one.objective for one in results} == {"autoregressive"} and results[0].tokens_per_forward == 1


def test_shares_are_read_off_folders(tmp_path):
    for name in ("masked-1_16", "autoregressive-1", "masked-1_4"):
        (tmp_path / name / "model").mkdir(parents=True)
    shares = [(share, path.parent.name) for share, path in models_by_share(tmp_path)]
    assert shares == [("1/16", "masked-1_16"), ("1/4", "masked-1_4"), ("1", "autoregressive-1")]
    with pytest.raises(ValueError, match="scalability must be a folder that holds masked-1_16/model"):
        list(models_by_share(tmp_path / "masked-1_4"))


def test_scores_are_json(tmp_path):
    scores = [made_up_score("questions", "", 0.8), made_up_score("speeds", "other", 0.7)]
    save_scores(scores, tmp_path / "scores.json")
    assert load_scores(tmp_path / "scores.json") == scores
    (tmp_path / "scores.json").write_text('[{"model": "x"}]')
    with pytest.raises(ValueError, match=r"load must be a file that evaluate --save wrote, got .*scores\.json"):
        load_scores(tmp_path / "scores.json")

"""Whether colors look at what they are of."""

import torch

from lladav import LladaVPipeline, SamplingConfig, cli
from lladav.evaluation.looking import Look, color_questions, looking_table, looks


def test_one_thing_is_asked_about_and_it_is_on_the_picture():
    for scene, example, item in color_questions(0, 12):
        ((question, answer),) = example.turns
        assert item in scene.items and item.color
        assert question.endswith(f" {item.name}?") and answer == f"{item.color.capitalize()}."
        assert [other.name for other in scene.items].count(item.name) == 1


def test_other_seeds_ask_other_questions():
    one, other = ([scene for scene, *_ in color_questions(seed, 3)] for seed in (0, 1))
    assert one != other and one == [scene for scene, *_ in color_questions(0, 3)]


def test_every_layer_is_judged(tiny_pipeline: LladaVPipeline):
    found = looks(tiny_pipeline, 0, 2, SamplingConfig(gen_length=4, block_length=4, steps=4))
    assert [one.hits.shape for one in found] == [(3,)] * 2  # the mean, and two layers
    assert all(0 < share < 1 for one in found for share in one.shares.tolist())


def test_the_table_counts_pictures_with_several_things_by_themselves():
    hit, miss, shares = torch.tensor([True, True]), torch.tensor([False, True]), torch.tensor([0.25, 0.5])
    table = looking_table([Look(hit, shares, True), Look(miss, shares, False)]).splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in table]
    assert cells[0] == ["layer", "on the object (2)", "among others (1)", "attention on the picture"]
    assert cells[2:] == [["mean", "50.0%", "0.0%", "25.0%"], ["1", "100.0%", "100.0%", "50.0%"]]


def test_the_command_prints_it(tiny_random, capsys):
    assert cli.main(["evaluate", "--attention", "--count", "1", "--gen-length", "4", "--model", str(tiny_random)]) == 0
    assert "on the object (1)" in capsys.readouterr().out

"""Scores as pictures."""

from dataclasses import replace

import pytest
from helpers import made_up_score
from PIL import Image

from lladav.evaluation import Score
from lladav.evaluation.plots import interval, plot_scores


@pytest.mark.parametrize("study", ["all of them", "questions", "scalability"])
def test_scores_are_drawn(scores: list[Score], tmp_path, study: str):
    shares = [
        made_up_score("scalability", share, accuracy, objective)
        for objective in ("masked", "autoregressive")
        for share, accuracy in {"1/16": 0.3, "1/4": 0.6, "1": 0.9}.items()
    ]
    plot_scores({"questions": scores[:1], "scalability": shares}.get(study, scores), tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as picture:
        assert picture.format == "PNG" and min(picture.size) > 400
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 100


def test_an_interval_holds_its_accuracy_and_narrows():
    for accuracy in (0.0, 0.3, 1.0):
        one = made_up_score("questions", "", accuracy)
        low, high = interval(one, "all")
        assert 0 <= low <= accuracy <= high <= 1 and 0.03 < high - low < 0.2
        more = interval(replace(one, asked=dict.fromkeys(one.asked, 10_000)), "all")
        assert more[1] - more[0] < high - low

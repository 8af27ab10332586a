"""Figures of a sweep: every combination is named, and no name lies on another."""

import pandas as pd
import pytest
from matplotlib import pyplot

from lladav.evaluation.frontier import MOST_NAMES, MOST_ROWS, frontier_panel, names_panel


def table_of(count: int) -> pd.DataFrame:
    """That many methods, of which the first is on the front."""
    return pd.DataFrame(
        {
            "method": [f"method {index}" for index in range(count)],
            "accuracy": [0.7 + index / 1000 for index in range(count)],
            "agreement": [0.9] * count,
            "spread": [0.1] * count,
            "nfe": [float(count - index) for index in range(count)],
            "pareto": [index == 0 for index in range(count)],
        }
    )


@pytest.mark.parametrize(
    ("count", "named"), [(MOST_NAMES, MOST_NAMES), (MOST_NAMES + 1, 0), (MOST_ROWS, 0), (MOST_ROWS + 1, 1)]
)
def test_points_are_named_where_there_is_room_and_no_other_panel_has_their_names(count, named):
    figure, axis = pyplot.subplots()
    frontier_panel(axis, table_of(count), ["method"], "accuracy")
    assert len(axis.texts) == named
    pyplot.close(figure)


def test_the_panel_of_names_has_a_row_a_combination_with_the_fewest_passes_on_top():
    figure, axis = pyplot.subplots()
    names_panel(axis, table_of(3), ["method"])
    assert [label.get_text() for label in axis.get_yticklabels()] == ["method 0  3.0", "method 1  2.0", "method 2  1.0"]
    right, same = (points.get_offsets().tolist() for points in axis.collections[1:])
    assert right == [[0.7, 0], [0.701, 1], [0.702, 2]] and same == [[0.9, 0], [0.9, 1], [0.9, 2]]
    pyplot.close(figure)

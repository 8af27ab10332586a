"""Time per step against lengths."""

from lladav.benchmarks import growth


def test_growth_is_measured_at_parts_of_both_lengths(subject, monkeypatch):
    monkeypatch.setattr(growth, "PATIENCE", 0)
    curves = growth.growth(subject)
    assert [length for length, _ in curves["prompt length"]["plain"]] == [10, 20, 30, 40]
    assert [length for length, _ in curves["answer length"]["refresh-32"]] == [4, 8, 12, 16]

"""The least time that a machine takes."""

import pytest

from lladav.benchmarks.machine import Machine, floor_seconds


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

from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.metrics import interval


def test_close_to_the_textbook_interval():
    values = np.random.default_rng(0).normal(3, 2, 400)
    low, high = interval(values)
    half = 1.96 * values.std() / np.sqrt(400)
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)
    narrow = interval(values, level=0.5)
    assert low < narrow[0] < values.mean() < narrow[1] < high


def test_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(1)
    inside = 0
    for _ in range(200):
        low, high = interval(random.uniform(0, 1, 50), draws=300)
        inside += low <= 0.5 <= high
    assert 0.9 <= inside / 200 <= 0.98


def test_seeded():
    values = np.arange(20.0)
    assert interval(values, seed=3) == interval(values, seed=3)
    assert interval(values, seed=3) != interval(values, seed=4)
    assert interval(values, draws=250) == interval(values, draws=250)


def test_values_that_do_not_vary_have_no_width():
    assert interval(np.full(5, 0.25)) == (0.25, 0.25)


def test_fewer_than_two_values_have_no_interval():
    assert all(math.isnan(edge) for edge in interval(np.array([0.5])))
    assert all(math.isnan(edge) for edge in interval(np.array([])))

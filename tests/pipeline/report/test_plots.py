"""Numbers and marks."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipeline.report import numbers, page, plots
from pipeline.report.plots import Axis, axis_of, histogram, shared_axis


@pytest.mark.parametrize("module", [numbers, page, plots])
def test_examples(module):
    assert doctest.testmod(module).failed == 0


FINITE = st.floats(-1e6, 1e6)


@given(st.lists(FINITE, min_size=1))
def test_axis_holds_its_values(values):
    axis = axis_of(values)
    assert axis.low <= min(values)
    assert max(values) <= axis.high
    assert all(0 <= axis.at(value) <= 100 for value in values)
    assert [place for place, _ in axis.ticks] == sorted(place for place, _ in axis.ticks)


def test_axis_of_nothing_known():
    assert axis_of([float("nan")]) == Axis(0.0, 1.0)


def test_scores_share_an_axis_but_not_with_distances():
    assert shared_axis([[0.2], [-0.3, 0.3], [130.0]]) == [Axis(-1.0, 1.0), Axis(-1.0, 1.0), Axis(0.0, 200.0)]


@given(arrays.arrays(np.float32, st.integers(1, 300), elements=st.floats(-1, 1, width=32)))
def test_histogram_stays_in_its_frame(values):
    found = histogram(values)
    assert found is not None
    assert max(height for _, _, height, _ in found.bars) == 1
    assert all(0 <= left <= 100 - width for left, width, _, _ in found.bars)
    assert found.median == pytest.approx(50 + 50 * float(np.median(values)), abs=0.01)


def test_histogram_of_nothing():
    assert histogram(np.array([], np.float32)) is None


def test_zero_bars_are_split_at_zero():
    found = histogram(np.array([-0.01, 0.01]))
    assert found is not None
    assert [(left, above) for left, _, _, above in found.bars] == [(47.5, False), (50.0, True)]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.78941, ".789"), (-0.0001, ".000"), (1.0, "1.000"), (-0.25, "−.250"), (float("nan"), "–")],
)
def test_decimals(value, text):
    assert numbers.decimal(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 ms"), (0.9999, "1.0 s"), (59.96, "1 min 0 s"), (119.7, "2 min 0 s"), (3600, "1 h 0 min")],
)
def test_durations(seconds, text):
    assert numbers.duration(seconds) == text

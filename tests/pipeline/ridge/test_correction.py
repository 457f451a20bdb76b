from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ShapeError
from pipeline.ridge import Moments, batch_moments, moments, restandardize


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_test_batch_takes_on_the_training_moments(library, random, dtype):
    predicted = random.normal(3, 0.1, (40, 1030)).astype(dtype)
    targets = random.normal(-2, 5, (60, 1030)).astype(dtype)
    put = library.put(predicted)
    found = library.get(restandardize(put, batch_moments(put), moments(library.put(targets))))
    expected = (predicted - predicted.mean(0)) / predicted.std(0) * targets.std(0) + targets.mean(0)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=1e-4 if dtype == "float32" else 1e-9, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=2, max_size=9).filter(lambda counts: sum(counts) > 0))
def test_counted_moments_are_those_of_repeated_rows(counts):
    values = np.random.default_rng(len(counts)).normal(7, 2, (len(counts), 6))
    found, repeated = moments(values, np.array(counts)), np.repeat(values, counts, axis=0)
    np.testing.assert_allclose(found.mean, repeated.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.std, repeated.std(0), atol=1e-12)


def test_a_stored_correction_decodes_one_row(random):
    left_out, targets = random.normal(1, 0.2, (50, 3)), random.normal(4, 2, (50, 3))
    one = random.normal(1, 0.2, (1, 3))
    found = restandardize(one, moments(left_out), moments(targets))
    expected = (one - left_out.mean(0)) / left_out.std(0) * targets.std(0) + targets.mean(0)
    np.testing.assert_allclose(found, expected)


def test_what_does_not_vary_gets_the_training_mean(library):
    predicted = np.array([[1.0, 1 / 3], [2.0, 1 / 3], [3.0, 1 / 3]], dtype="float32")
    predicted[0, 1] = np.nextafter(predicted[0, 1], np.float32(1))  # rounding is no variation
    targets = np.array([[0.1, 1.0], [0.1, 3.0]], dtype="float32")
    put = library.put(predicted)
    found = library.get(restandardize(put, batch_moments(put), moments(library.put(targets))))
    np.testing.assert_allclose(found, np.tile([0.1, 2.0], (3, 1)), rtol=1e-6)


def test_predictions_at_zero_do_not_divide_by_zero():
    target = Moments(np.array([2.0]), np.array([3.0]))
    found = restandardize(np.zeros((3, 1)), batch_moments(np.zeros((3, 1))), target)
    np.testing.assert_array_equal(found, np.full((3, 1), 2.0))


def test_one_row_has_no_batch():
    with pytest.raises(
        ShapeError, match=r'1 test row.* correction = "test-batch" needs at least 2: use .*"stored"'
    ):
        batch_moments(np.ones((1, 3)))


@pytest.mark.parametrize("counts", [[1, 2], [0, 0, 0]])
def test_counts_that_do_not_fit_are_refused(counts):
    with pytest.raises(ShapeError, match=r"counts summing to .* for 3 rows of targets"):
        moments(np.ones((3, 2)), np.array(counts))

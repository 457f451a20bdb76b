from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import r2_score

from pipeline.errors import ShapeError
from pipeline.ridge import scores


def test_scores_are_numpys_and_scikit_learns(library, random):
    targets = random.normal(50, 1, (30, 700)).astype("float32")
    predicted = (targets + random.normal(0, 1, targets.shape)).astype("float32")
    found = scores(library.put(predicted), library.put(targets))
    r = [
        np.corrcoef(p, t)[0, 1]
        for p, t in zip(predicted.T.astype(float), targets.T.astype(float), strict=True)
    ]
    np.testing.assert_allclose(library.get(found.r), r, rtol=1e-9)
    expected = r2_score(targets.astype(float), predicted.astype(float), multioutput="raw_values")
    np.testing.assert_allclose(library.get(found.r2), expected, rtol=1e-9)


def test_what_does_not_vary_scores_zero():
    varying, constant = np.arange(4.0), np.full(4, 0.1)
    found = scores(np.stack([varying, constant], axis=1), np.stack([constant, varying], axis=1))
    np.testing.assert_array_equal(found.r, [0, 0])
    assert found.r2[0] == 0
    assert found.r2[1] < 0  # worse than the mean, and it may say so


def test_one_row_scores_zero():
    found = scores(np.array([[1.0, 2.0]]), np.array([[5.0, 2.0]]))
    np.testing.assert_array_equal([found.r, found.r2], np.zeros((2, 2)))


def test_shapes_must_be_equal():
    with pytest.raises(ShapeError, match=r"\(2, 3\) against targets of shape \(3, 2\)"):
        scores(np.ones((2, 3)), np.ones((3, 2)))

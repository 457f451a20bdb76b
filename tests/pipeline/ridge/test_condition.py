from __future__ import annotations

import numpy as np
import pytest

from pipeline.errors import ShapeError
from pipeline.ridge import (
    cross_gram,
    dual_smoother,
    eigenvalue_bound,
    factorise,
    float32_error,
    gram_and_cross_for,
    gram_band,
    largest_eigenvalue,
    predict,
    safe_precision,
)
from pipeline.ridge.condition import PASSES, TOLERANCE


def strong(random, n=300, p=500, m=40):
    """Rows whose variance falls off steeply: where float32 hurts."""
    scale = np.logspace(0, -3, p)
    return ((random.normal(size=(n + m, p)) * scale) @ np.linalg.qr(random.normal(size=(p, p)))[0]) * 30


@pytest.mark.parametrize("spread", ["flat", "steep"])
def test_the_largest_eigenvalue_is_met_from_below(library, random, spread):
    x = strong(random) if spread == "steep" else random.normal(size=(300, 1500))
    walks = []

    def walk():
        walks.append(1)
        return [library.put((x + 3).astype("float32")[:, at : at + 700]) for at in range(0, x.shape[1], 700)]

    found = largest_eigenvalue(walk)
    exact = np.linalg.norm(x - x.mean(axis=0), 2) ** 2
    assert 0.7 * exact < found < 1.001 * exact
    assert len(walks) == PASSES


def test_it_is_the_same_for_voxels_and_rows(random):
    x = random.normal(size=(40, 5))
    assert largest_eigenvalue(lambda: [x]) == pytest.approx(
        np.linalg.norm(x - x.mean(axis=0), 2) ** 2, rel=1e-3
    )


@pytest.mark.parametrize("ratio", [1e1, 1e2, 1e3, 1e4, 1e6])
def test_what_is_predicted_for_float32_is_no_less_than_what_happens(random, ratio):
    """The switch must come before the error does; measured errors stay under three times the estimate."""
    rows = strong(random)
    x, x_test = rows[:300], rows[300:]
    y = x @ random.normal(size=(500, 4)) + random.normal(size=(300, 4))
    alpha = np.linalg.norm(x - x.mean(axis=0), 2) ** 2 / ratio

    def predictions(dtype):
        train, test = x.astype("float32"), x_test.astype("float32")
        factor = factorise(gram_band([train], 0, 300, dtype), alpha)
        return predict(
            dual_smoother(factor, cross_gram([(train, test)], dtype)).astype(dtype), y.astype(dtype)
        )

    exact = predictions("float64")
    error = np.linalg.norm(predictions("float32") - exact) / np.linalg.norm(exact - exact.mean(axis=0))
    assert error < 3 * float32_error(ratio * alpha, alpha) + 2e-6


def test_the_switch():
    assert safe_precision(1e6, 1e3) == "float32"
    assert safe_precision(1e8, 1e3) == "float64"
    assert float32_error(1e8, 1e3) > TOLERANCE > float32_error(1e6, 1e3)


def test_no_voxels_are_refused():
    with pytest.raises(ShapeError, match="No voxels found"):
        largest_eigenvalue(list)


def test_no_eigenvalue_is_over_the_bound(library, random):
    x = strong(random)[:200]
    gram = gram_band([library.put(x)], 0, 200, "float64")
    whole = (x - x.mean(axis=0)) @ (x - x.mean(axis=0)).T
    assert eigenvalue_bound(gram) == pytest.approx(np.linalg.norm(whole), rel=1e-9)


@pytest.mark.parametrize(
    ("alpha", "dtype", "walks"), [(300.0, "float32", 1), (50.0, "float32", 2), (1e-2, "float64", 3)]
)
def test_a_gram_in_memory_is_as_exact_as_its_penalty_needs(random, alpha, dtype, walks):
    """The Frobenius norm is 7.7 times the largest eigenvalue here: between the two it is estimated."""
    x, x_test = np.eye(60, 80, dtype="float32") * 300, random.normal(size=(4, 80)).astype("float32")
    x[:, 60:] = random.normal(size=(60, 20))
    seen = []

    def walk():
        seen.append(1)
        return [(x, x_test)]

    gram, cross = gram_and_cross_for(alpha, walk)
    assert gram.dtype == cross.dtype == dtype
    assert len(seen) == walks + (PASSES - 1 if walks > 1 else 0)

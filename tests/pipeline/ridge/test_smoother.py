from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge

from pipeline.errors import PipelineError, RecipeError, ShapeError
from pipeline.ridge import (
    centred,
    column_means,
    cross_gram,
    dual_smoother,
    factorise,
    fold_intercept,
    from_weights,
    gram_band,
    merge_columns,
    moments,
    predict,
    predict_blocks,
    predict_left,
    primal_gram_band,
    primal_left,
    primal_smoother,
)

TOLERANCE = {"float32": 1e-5, "float64": 1e-9}


def dual(x, x_test, y, alpha, dtype):
    factor = factorise(gram_band([x], 0, x.shape[0], dtype), alpha)
    return predict(dual_smoother(factor, cross_gram([(x, x_test)], dtype)), y)


def by_smoother(x, x_test, y, alpha, dtype):
    factor = factorise(primal_gram_band(x, [], x.shape[1], dtype), alpha)
    return predict(primal_smoother(factor, centred(x_test, column_means(x), dtype), [x]), y)


def by_left(x, x_test, y, alpha, dtype):
    factor, means = factorise(primal_gram_band(x, [], x.shape[1], dtype), alpha), column_means(x)
    left = primal_left(factor, centred(x, means, dtype))
    return predict_left(left, centred(x_test, means, dtype), y, moments(y).mean)


def reference(x, x_test, y, alpha):
    x, x_test, y = (part.astype("float64") for part in (x, x_test, y))
    return Ridge(alpha).fit(x, y).predict(x_test)


def check(found, expected, dtype):
    scale = np.linalg.norm(expected - expected.mean(0)) + 1e-3 * np.linalg.norm(expected)
    assert np.linalg.norm(found - expected) <= TOLERANCE[dtype] * scale


def problem(n, p, m=7, t=5, mean=0.0, target_mean=1.0, dtype="float64"):
    random = np.random.default_rng(n * 1000 + p)
    x = random.normal(mean, 1, (n + m, p))
    x[:, 0] = 3.25  # a voxel that never varies
    y = x[:n] @ random.normal(0, 1, (p, t)) / np.sqrt(p) + random.normal(target_mean, 1, (n, t))
    return x[:n].astype(dtype), x[n:].astype(dtype), y.astype(dtype)


# In float32 each form is held to its own side of n = p, where it is chosen and well conditioned.
WIDE, TALL = [(40, 90), (50, 50), (2, 9), (60, 1100)], [(90, 40), (51, 50), (1100, 60)]
CASES = [(dual, "float32", shape) for shape in WIDE]
CASES += [(way, "float32", shape) for way in (by_smoother, by_left) for shape in TALL]
CASES += [(way, "float64", shape) for way in (dual, by_smoother, by_left) for shape in WIDE + TALL]


@pytest.mark.parametrize(("way", "dtype", "shape"), CASES)
def test_predictions_are_those_of_scikit_learn(library, way, dtype, shape):
    x, x_test, y = problem(*shape, dtype=dtype)
    found = way(library.put(x), library.put(x_test), library.put(y), 10.0, dtype)
    assert library.get(found).dtype == dtype
    check(library.get(found), reference(x, x_test, y, 10.0), dtype)


@pytest.mark.parametrize("way", [dual, by_smoother, by_left])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_voxel_means(way, dtype):
    x, x_test, y = problem(40, 60, mean=100.0, dtype=dtype)
    y = y - y.mean(axis=0)  # or it would be the targets' means that round
    check(way(x, x_test, y, 10.0, dtype), reference(x, x_test, y, 10.0), dtype)


@pytest.mark.parametrize("way", [by_smoother, by_left])
def test_targets_that_stream_past_give_the_same(library, way):
    x, x_test, y = problem(90, 40)
    factor, means = factorise(primal_gram_band(x, [], 40, "float64"), 10.0), column_means(x)
    test = centred(x_test, means, "float64")
    blocks = [library.put(y[rows]) for rows in (slice(0, 30), slice(30, 31), slice(31, 90))]
    if way is by_smoother:
        found = predict_blocks(library.put(primal_smoother(factor, test, [x])), blocks)
    else:
        weights = predict_blocks(library.put(primal_left(factor, centred(x, means, "float64"))), blocks)
        found = from_weights(weights, library.put(test), library.put(moments(y).mean))
    check(library.get(found), reference(x, x_test, y, 10.0), "float64")


def test_targets_in_float16_are_widened_a_block_at_a_time(library, random):
    smoother, y = random.normal(size=(3, 8)).astype("float32"), random.normal(size=(8, 5)).astype("float16")
    if library.name == "array_api_strict":
        pytest.skip("the standard knows no float16")
    found = library.get(predict_blocks(library.put(smoother), [library.put(y[:5]), library.put(y[5:])]))
    np.testing.assert_allclose(found, smoother @ y.astype("float32"), rtol=1e-5, atol=1e-6)
    assert found.dtype == np.float32


@pytest.mark.parametrize("rows", [0, 7, 9])
def test_targets_of_another_number_of_rows_are_refused(rows):
    with pytest.raises(ShapeError, match=f"{rows} rows of targets for 8 columns"):
        predict_blocks(np.ones((3, 8)), [np.ones((rows, 2))] if rows else [])


def test_large_target_means_with_an_offset():
    x, x_test, y = problem(40, 60, target_mean=1000.0, dtype="float32")
    factor = factorise(gram_band([x], 0, 40), 10.0)
    smoother = dual_smoother(factor, cross_gram([(x, x_test)]))
    expected = reference(x, x_test, y, 10.0)
    found = predict(smoother, y, offset=moments(y).mean)
    error = np.abs(found - expected).max()
    assert error < 2e-4  # float32 resolves 6e-5 at 1000
    assert error <= np.abs(predict(smoother, y) - expected).max()


@pytest.mark.parametrize("way", [dual, by_smoother, by_left])
def test_constant_voxels_alone_predict_the_mean(way):
    x, x_test, y = np.full((6, 4), 2.0), np.full((2, 4), 2.0), np.arange(12.0).reshape(6, 2)
    np.testing.assert_allclose(way(x, x_test, y, 1.0, "float64"), np.tile(y.mean(0), (2, 1)))


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 30), st.integers(1, 30), st.floats(1e-2, 1e6), st.floats(-50, 50), st.floats(0.1, 10))
def test_identities(n, p, alpha, shift, scale):
    x, x_test, y = problem(n, p, m=3)
    expected = dual(x, x_test, y, alpha, "float64")
    close = {"rtol": 1e-6, "atol": 1e-7}
    np.testing.assert_allclose(by_smoother(x, x_test, y, alpha, "float64"), expected, **close)
    np.testing.assert_allclose(by_left(x, x_test, y, alpha, "float64"), expected, **close)
    # Shifted voxels change nothing; shifted targets shift; scaled voxels are a scaled penalty.
    np.testing.assert_allclose(dual(x + shift, x_test + shift, y, alpha, "float64"), expected, **close)
    np.testing.assert_allclose(dual(x, x_test, y + shift, alpha, "float64"), expected + shift, **close)
    scaled = dual(x * scale, x_test * scale, y, alpha * scale**2, "float64")
    np.testing.assert_allclose(scaled, expected, **close)


def test_repeated_rows_meet_targets_that_are_not_repeated(library, random):
    pictures = np.array([0, 1, 1, 2, 0, 4, 1])
    x, x_test, y = random.normal(size=(7, 12)), random.normal(size=(3, 12)), random.normal(size=(5, 4))
    means = column_means(library.put(x))
    train, test = (centred(library.put(part), means, "float64") for part in (x, x_test))
    smoother = dual_smoother(
        factorise(gram_band([library.put(x)], 0, 7, "float64"), 3.0),
        cross_gram([(library.put(x), library.put(x_test))], "float64"),
    )
    merged = merge_columns(smoother, pictures, 5)
    expected = reference(x, x_test, y[pictures], 3.0)
    assert np.all(library.get(merged)[:, 3] == 0)
    np.testing.assert_allclose(library.get(predict(merged, library.put(y))), expected, rtol=1e-9)
    left = primal_left(factorise(primal_gram_band(library.put(x), [], 12, "float64"), 3.0), train)
    weighted = moments(library.put(y), np.bincount(pictures, minlength=5)).mean
    found = predict_left(merge_columns(left, pictures, 5), test, library.put(y), weighted)
    np.testing.assert_allclose(library.get(found), expected, rtol=1e-9)


def test_rows_of_a_smoother_sum_to_one(random):
    smoother = fold_intercept(random.normal(size=(4, 9)).astype("float32"))
    assert smoother.dtype == np.float32
    np.testing.assert_allclose(smoother.sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("pictures", [[0, 1], [0, 1, 5], [0, -1, 1]])
def test_pictures_that_do_not_fit_the_columns_are_refused(pictures):
    with pytest.raises(ShapeError, match="rows' pictures for 3 columns; expected one of 0 to 4 for each"):
        merge_columns(np.ones((2, 3)), np.array(pictures), 5)


@pytest.mark.parametrize("alpha", [0, -1.0, float("nan"), float("inf")])
def test_alpha_must_be_finite_and_positive(alpha):
    with pytest.raises(RecipeError, match=f"alpha = {alpha} found; expected a finite number above 0"):
        factorise(np.eye(3), alpha)


@pytest.mark.parametrize("spoiled", [-10.0, np.nan])
def test_a_matrix_without_factor_names_alpha(library, spoiled):
    lower = np.eye(3)
    lower[1, 1] = spoiled
    with pytest.raises(PipelineError, match=r"alpha = 5 on its diagonal .* float64 .*; raise alpha"):
        factorise(library.put(lower), 5.0)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match=r"A Gram matrix of shape \(2, 3\) found; expected a square one"):
        factorise(np.ones((2, 3)), 1.0)
    factor = factorise(np.eye(3), 1.0)
    with pytest.raises(ShapeError, match="Right-hand sides of 4 columns for a Gram matrix of 3"):
        dual_smoother(factor, np.ones((2, 4)))
    for voxels in (2, 4):
        with pytest.raises(ShapeError, match=f"Training rows of {voxels} voxels for a Gram matrix of 3"):
            primal_smoother(factor, np.ones((2, 3)), [np.ones((5, voxels))])


def test_the_gram_is_left_as_it_was():
    gram = np.eye(4)
    factorise(gram, 2.0)
    np.testing.assert_array_equal(gram, np.eye(4))


def test_no_test_rows_give_no_predictions():
    assert dual_smoother(factorise(np.eye(3), 1.0), np.ones((0, 3))).shape == (0, 3)


def test_one_smoother_is_the_published_loop_over_tokens():
    """Brain-Diffuser fits a Ridge for each of 77 tokens; one smoother makes them all, and the same."""
    x, x_test, y = problem(40, 90, t=77 * 3)
    factor = factorise(gram_band([x], 0, 40, "float64"), 10.0)
    found = predict(dual_smoother(factor, cross_gram([(x, x_test)], "float64")), y)
    for token in range(77):
        own = slice(3 * token, 3 * token + 3)
        np.testing.assert_allclose(found[:, own], reference(x, x_test, y[:, own], 10.0), atol=1e-9)

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest
import torch

from pipeline.ridge.bare import BareCupy, bare
from pipeline.ridge.kernels import kernels_for, on_array_api, on_numpy, on_torch
from pipeline.ridge.namespace import namespace_of


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_updates_are_in_place_in_slices_of_columns(random, dtype, order):
    band = on_numpy.accumulator(4, 9, np.empty(0, dtype))
    left, right = random.normal(size=(4, 6)).astype(dtype), random.normal(size=(3, 6)).astype(dtype)
    left, right = np.array(left, order=order), np.array(right, order=order)
    on_numpy.product_update(band[:, :3], left, right)
    on_numpy.rank_k_update(band[:, 3:7], left)
    expected = np.concatenate([left @ right.T, np.tril(left @ left.T), np.zeros((4, 2))], axis=1)
    np.testing.assert_allclose(band, expected, rtol=1e-5, atol=1e-6)


def test_blas_is_not_handed_copies(random, monkeypatch):
    results = []
    monkeypatch.setattr(on_numpy, "_keep", lambda accumulator, result: results.append(accumulator is result))
    band = on_numpy.accumulator(4, 9, np.empty(0))
    on_numpy.product_update(band[:, :3], random.normal(size=(4, 6)), random.normal(size=(3, 6)))
    on_numpy.rank_k_update(band[:, 3:7], random.normal(size=(4, 6)))
    assert results == [True, True]


def test_an_accumulator_in_the_wrong_order_is_still_updated(random):
    block, accumulator = random.normal(size=(4, 6)), np.zeros((4, 4))
    on_numpy.rank_k_update(accumulator, block)
    np.testing.assert_allclose(accumulator, np.tril(block @ block.T))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_differences_lose_nothing_that_their_dtype_can_hold(library, random, dtype):
    block, means = random.normal(1e4, 1, (600, 3)).astype("float32"), random.normal(1e4, 1, 3)
    put = library.put(block)
    found = library.get(kernels_for(put).difference(put, library.put(means), dtype))
    assert found.dtype == dtype
    ulp = 2.0 ** (-23 if dtype == "float32" else -52)
    np.testing.assert_allclose(found, block.astype("float64") - means, rtol=ulp, atol=1e-9 * ulp)


def test_sums_are_taken_in_float64(library, random):
    block = (random.normal(size=(5000, 3)) + 1e4).astype("float32")
    put = library.put(block)
    np.testing.assert_allclose(
        library.get(kernels_for(put).column_sums(put)), block.astype("float64").sum(axis=0), rtol=1e-14
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_updates_touch_the_lower_triangle_alone(library, random, dtype, monkeypatch):
    for module in (on_array_api, on_torch):
        monkeypatch.setattr(module, "TILE", 4)  # so that small matrices have tiles
    block = random.normal(size=(11, 6)).astype(dtype)
    put = library.put(block)
    kernels = kernels_for(put)
    found = kernels.accumulator(11, 15, put)
    kernels.rank_k_update(found[:, 2:13], put)
    kernels.rank_k_update(found[:, 2:13], put)
    kernels.product_update(found[:, :2], put, put[3:5, :])
    expected = np.concatenate([block @ block[3:5].T, 2 * np.tril(block @ block.T), np.zeros((11, 2))], axis=1)
    np.testing.assert_allclose(library.get(found), expected, rtol=1e-5, atol=1e-5)
    assert not np.triu(library.get(found)[:, 2:13], 1).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_eigenvectors_of_the_lower_triangle(library, random, dtype):
    x = random.normal(size=(9, 6)).astype(dtype)
    matrix = x @ x.T
    dirty = np.tril(matrix) + np.triu(np.full((9, 9), 7.0, dtype), 1)
    put = library.put(dirty)
    values, vectors = (library.get(part) for part in kernels_for(put).eigh(put))
    assert values.dtype == vectors.dtype == dtype
    assert np.all(np.diff(values) >= 0)
    tolerance = 1e-4 if dtype == "float32" else 1e-11
    np.testing.assert_allclose((vectors * values) @ vectors.T, matrix, atol=tolerance)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(9), atol=tolerance)


def test_torch_multiplies_float32_as_float32(random):
    torch.set_float32_matmul_precision("medium")
    try:
        with on_torch.exact():
            assert torch.get_float32_matmul_precision() == "highest"
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("order", ["C", "F"])
def test_factor_and_solves(library, random, order):
    x, rows = random.normal(size=(6, 9)), random.normal(size=(3, 6))
    matrix = x @ x.T
    lower = library.put(np.array(np.tril(matrix) + np.triu(np.full((6, 6), 7.0), 1), order=order))
    kernels = kernels_for(lower)
    factor = kernels.cholesky(lower, 2.0)
    expected = np.linalg.cholesky(matrix + 2 * np.eye(6))
    np.testing.assert_allclose(library.get(factor), expected, atol=1e-12)
    plain = library.get(kernels.solve_triangular(factor, library.put(rows), transposed=False))
    np.testing.assert_allclose(plain @ expected, rows, atol=1e-12)
    turned = library.get(kernels.solve_triangular(factor, library.put(rows), transposed=True))
    np.testing.assert_allclose(turned @ expected.T, rows, atol=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_factor_may_take_the_place_of_its_matrix(random, order):
    x = random.normal(size=(6, 9))
    lower = np.array(np.tril(x @ x.T), order=order)
    kept = lower.copy()
    on_numpy.cholesky(lower, 2.0)
    np.testing.assert_array_equal(lower, kept)
    factor = on_numpy.cholesky(lower, 2.0, overwrite=True)
    assert np.shares_memory(factor, lower)
    np.testing.assert_allclose(factor, np.linalg.cholesky(x @ x.T + 2 * np.eye(6)), atol=1e-12)


def test_no_factor_of_an_indefinite_matrix(library):
    lower = library.put(-np.eye(3))
    with pytest.raises(np.linalg.LinAlgError):
        kernels_for(lower).cholesky(lower, 0.5)


def test_a_factor_of_nan_counts_as_none():
    strict = array_api_strict.asarray([[float("nan")]])
    with pytest.raises(np.linalg.LinAlgError):
        on_array_api.cholesky(strict, 1.0)


def test_arrays_find_their_own_library(monkeypatch):
    strict = array_api_strict.asarray([1.0])
    assert namespace_of(np.ones(1)) is np
    assert namespace_of(strict) is array_api_strict
    assert kernels_for(strict) is on_array_api
    monkeypatch.setitem(__import__("sys").modules, "array_api_compat", None)
    assert namespace_of(strict) is array_api_strict
    assert namespace_of(torch.ones(1)) is bare("torch")


def test_bare_libraries_by_the_standards_names(random):
    """numpy stands in for cupy, whose functions beneath have the same names."""
    values = random.normal(size=(4, 4))
    xp = BareCupy(np)
    assert xp.astype(xp.asarray(values, device="gpu"), "float32").dtype == "float32"
    assert xp.zeros((2, 3), dtype="float32", device="gpu").shape == (2, 3)
    np.testing.assert_array_equal(xp.eye(2, device="gpu"), np.eye(2))
    np.testing.assert_array_equal(xp.concat([values, values], axis=1), np.concat([values] * 2, axis=1))
    np.testing.assert_array_equal(xp.clip(values, min=0.0), np.clip(values, 0, None))
    np.testing.assert_array_equal(xp.linalg.diagonal(values), np.diag(values))
    np.testing.assert_allclose(xp.linalg.svdvals(values), np.linalg.svdvals(values))
    np.testing.assert_array_equal(xp.matrix_transpose(values[None]), values.T[None])
    assert xp.sqrt is np.sqrt


def test_an_inverse_is_whole(library, random):
    x = random.normal(size=(9, 20))
    gram = library.put(np.tril(x @ x.T))
    kernels = kernels_for(gram)
    found = library.get(kernels.inverse(kernels.cholesky(gram, 3.0)))
    np.testing.assert_allclose(found, np.linalg.inv(x @ x.T + 3 * np.eye(9)), atol=1e-12)

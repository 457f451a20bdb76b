"""Kernels for cupy arrays, in cupy's documented functions only, so little can go wrong unseen.

cupy multiplies float32 as float32 unless the environment variable ``CUPY_TF32`` asks for TF32. The first
call of each process compares the updates with float64 on a small random block, which catches that variable
and any other fault of card, driver or library.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import PipelineError

from . import on_array_api

if TYPE_CHECKING:
    from ..namespace import Array, Precision

TOLERANCE = 2e-6
"""Relative error a float32 product of 64 terms may have; TF32 makes 3e-4."""


def accumulator(rows: int, columns: int, like: Array) -> Array:
    """Return zeros with the dtype of another array, on the device in use."""
    import cupy

    _checked()
    return cupy.zeros((rows, columns), dtype=like.dtype)


def column_sums(block: Array) -> Array:
    """Return the sum of every column, taken in float64."""
    return block.sum(axis=0, dtype=np.float64)


def difference(block: Array, means: Array, dtype: Precision) -> Array:
    """Return block less its column means; in float32 the means go off in two parts, to lose nothing."""
    high = means.astype(dtype)
    result = block.astype(dtype, copy=False) - high
    result -= (means - high).astype(dtype)
    return result


def rank_k_update(accumulator: Array, block: Array) -> None:
    """Add block block^T to the lower triangle of the accumulator, by row tiles."""
    import cupy

    for start in range(0, block.shape[0], on_array_api.TILE):
        stop = min(start + on_array_api.TILE, block.shape[0])
        rows = block[start:stop]
        product_update(accumulator[start:stop, :start], rows, block[:start])
        accumulator[start:stop, start:stop] += cupy.tril(rows @ rows.T)


def product_update(accumulator: Array, left: Array, right: Array) -> None:
    """Add left right^T to the accumulator."""
    if accumulator.size:
        accumulator += left @ right.T


def cholesky(lower: Array, shift: float, *, overwrite: bool = False) -> Array:  # noqa: ARG001
    """Return the Cholesky factor of A + shift I."""
    import cupy

    work = cupy.tril(lower) + cupy.tril(lower, k=-1).T
    work.ravel()[:: work.shape[0] + 1] += work.dtype.type(shift)
    factor = cupy.linalg.cholesky(work)
    if not bool(cupy.isfinite(factor).all()) or not bool((factor.diagonal() > 0).all()):
        raise np.linalg.LinAlgError("matrix is not positive definite")
    return factor


def solve_triangular(factor: Array, rows: Array, *, transposed: bool) -> Array:
    """Return Z with Z L = rows, or Z L^T = rows, by trsm."""
    from cupyx.scipy.linalg import solve_triangular

    right = rows.astype(factor.dtype, copy=False).T
    return solve_triangular(factor, right, trans="N" if transposed else "T", lower=True).T


def inverse(factor: Array) -> Array:
    """Return A^-1, by two triangular solves: there is no routine for it."""
    import cupy

    eye = cupy.eye(factor.shape[0], dtype=factor.dtype)
    return solve_triangular(factor, solve_triangular(factor, eye, transposed=True), transposed=False)


def eigh(lower: Array) -> tuple[Array, Array]:
    """Return eigenvalues and eigenvectors of A."""
    import cupy

    values, vectors = cupy.linalg.eigh(lower, UPLO="L")
    return values, vectors


@cache
def _checked() -> None:
    """Raise `PipelineError` where this card's float32 products are not those of float32."""
    import cupy

    block = np.random.default_rng(0).normal(size=(96, 64)).astype("float32")
    expected = np.tril(block.astype("float64") @ block.T.astype("float64"))
    found = cupy.zeros((96, 96), dtype="float32")
    rank_k_update(found, cupy.asarray(block))
    error = np.linalg.norm(cupy.asnumpy(found) - expected) / np.linalg.norm(expected)
    if not error < TOLERANCE:
        tf32 = "; unset CUPY_TF32" if os.environ.get("CUPY_TF32") else ""
        raise PipelineError(
            f"float32 products on this GPU are off by {error:.0e}, expected under {TOLERANCE:.0e}{tf32}"
        )

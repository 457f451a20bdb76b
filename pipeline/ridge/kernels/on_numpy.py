"""Kernels for numpy arrays: BLAS and LAPACK through scipy, in place.

BLAS speaks Fortran order. Handing it the wrong order works, by a silent copy of the whole matrix, so
accumulators are Fortran-ordered (a slice of their columns is contiguous), and blocks go in as transposed
views. ``numpy.linalg.cholesky`` reaches a quarter of the speed of potrf in float32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from ..namespace import Precision

Matrix: TypeAlias = np.ndarray[Any, np.dtype[Any]]

ROWS = 64
"""Rows worked on at a time, so that what is widened to float64 stays in the cache."""

MIRRORED = 256
"""Rows of a triangle that are mirrored at a time."""


def accumulator(rows: int, columns: int, like: Matrix) -> Matrix:
    """Return zeros in Fortran order."""
    return np.zeros((rows, columns), dtype=like.dtype, order="F")


def column_sums(block: Matrix) -> Matrix:
    """Return the sum of every column, in float64 and in one order however the block lies in memory."""
    sums = np.zeros(block.shape[1])
    wide = np.empty((ROWS, block.shape[1]))  # one for all: fresh memory costs more than the sums
    for start in range(0, block.shape[0], ROWS):
        rows = block[start : start + ROWS]
        wide[: len(rows)] = rows
        sums += wide[: len(rows)].sum(axis=0)
    return sums


def difference(block: Matrix, means: Matrix, dtype: Precision) -> Matrix:
    """Return block less its column means; in float32 the means go off in two parts.

    The first difference is exact where it is small, so nothing is lost that float32 could hold, and a tenth
    of the time of a detour through float64 is taken.
    """
    out = np.empty(block.shape, dtype=dtype)
    high = means.astype(dtype)
    low = (means - high).astype(dtype)
    for start in range(0, block.shape[0], ROWS):
        rows = out[start : start + ROWS]
        np.subtract(block[start : start + ROWS], high, out=rows, dtype=dtype, casting="same_kind")
        rows -= low
    return out


def rank_k_update(accumulator: Matrix, block: Matrix) -> None:
    """Add block block^T to the lower triangle of the accumulator, by syrk."""
    from scipy.linalg import get_blas_funcs

    syrk = get_blas_funcs("syrk", (accumulator,))
    factor, is_transposed = _fortran(block)
    result = syrk(1, factor, beta=1, c=accumulator, trans=is_transposed, lower=1, overwrite_c=1)
    _keep(accumulator, result)


def product_update(accumulator: Matrix, left: Matrix, right: Matrix) -> None:
    """Add left right^T to the accumulator, by gemm."""
    if not accumulator.size:
        return
    from scipy.linalg import get_blas_funcs

    gemm = get_blas_funcs("gemm", (accumulator,))
    (a, a_is_transposed), (b, b_is_transposed) = _fortran(left), _fortran(right)
    result = gemm(
        1, a, b, beta=1, c=accumulator, trans_a=a_is_transposed, trans_b=not b_is_transposed, overwrite_c=1
    )
    _keep(accumulator, result)


def cholesky(lower: Matrix, shift: float, *, overwrite: bool = False) -> Matrix:
    """Return the Cholesky factor of A + shift I, by potrf, on a copy of A or in its place."""
    from scipy.linalg import get_lapack_funcs

    work = lower if overwrite else np.array(lower)
    np.einsum("ii->i", work)[...] += work.dtype.type(shift)
    # The lower triangle of a C-ordered matrix is the upper one of its Fortran-ordered transpose.
    turned = work.flags.c_contiguous
    a = work.T if turned else work
    factor, info = get_lapack_funcs("potrf", (work,))(a, lower=not turned, clean=1, overwrite_a=1)
    # OpenBLAS's potrf takes NaN for a number and reports success.
    if info or not np.isfinite(factor.diagonal()).all():
        raise np.linalg.LinAlgError(f"leading minor {info} is not positive" if info else "NaN on its way")
    return np.asarray(factor.T if turned else factor)


def solve_triangular(factor: Matrix, rows: Matrix, *, transposed: bool) -> Matrix:
    """Return Z with Z L = rows, or Z L^T = rows, by trsm from the right (twice the rate of potrs)."""
    if not rows.size:
        return rows
    from scipy.linalg import get_blas_funcs

    work = np.array(rows, dtype=factor.dtype, order="F")
    trsm, lower = get_blas_funcs("trsm", (factor,)), factor.flags.f_contiguous
    a = factor if lower else np.asfortranarray(factor.T)
    return np.asarray(trsm(1, a, work, side=1, lower=lower, trans_a=transposed == lower, overwrite_b=1))


def inverse(factor: Matrix) -> Matrix:
    """Return A^-1 in the factor's place, by potri, which costs two Cholesky factors."""
    from scipy.linalg import get_lapack_funcs

    upper = np.asfortranarray(factor.T)
    half, _ = get_lapack_funcs("potri", (upper,))(upper, lower=0, overwrite_c=1)
    return _mirrored(half.T)


def _mirrored(lower: Matrix) -> Matrix:
    """Return a C-ordered matrix with its lower triangle copied over its upper one, in place."""
    size = len(lower)
    for start in range(0, size, MIRRORED):
        stop = min(start + MIRRORED, size)
        lower[start:stop, stop:] = lower[stop:, start:stop].T
        corner = np.tril(lower[start:stop, start:stop])
        lower[start:stop, start:stop] = corner + np.tril(corner, -1).T
    return lower


def eigh(lower: Matrix) -> tuple[Matrix, Matrix]:
    """Return eigenvalues and eigenvectors of A, by divide and conquer, in its place.

    scipy's default driver takes five times as long.
    """
    from scipy.linalg import eigh as decomposed

    # A lower triangle in C order is an upper one in Fortran order, which is what LAPACK is handed.
    work, turned = _fortran(lower)
    values, vectors = decomposed(work, lower=not turned, driver="evd", overwrite_a=True, check_finite=False)
    return values, vectors


def _fortran(block: Matrix) -> tuple[Matrix, bool]:
    """Return the block in Fortran order without copying if it can be, and whether it is now transposed."""
    if block.flags.f_contiguous and not block.flags.c_contiguous:
        return block, False
    return np.ascontiguousarray(block).T, True


def _keep(accumulator: Matrix, result: Matrix) -> None:
    """Write a result back where BLAS was handed a copy after all."""
    if result is not accumulator:
        accumulator[...] = result

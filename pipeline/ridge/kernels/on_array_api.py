"""Kernels in nothing but the array API standard: for any library without a file of its own.

Slices must be views, as they are in numpy, cupy and torch: accumulators are updated through them.
"""

from __future__ import annotations

import numpy as np

from ..namespace import Array, Precision, namespace_of

TILE = 2048
"""Rows of a Gram matrix at a time: the half above the diagonal is wasted within tiles only."""


def accumulator(rows: int, columns: int, like: Array) -> Array:
    """Return zeros with the dtype and device of another array."""
    return namespace_of(like).zeros((rows, columns), dtype=like.dtype, device=like.device)


def column_sums(block: Array) -> Array:
    """Return the sum of every column, taken in float64."""
    xp = namespace_of(block)
    return xp.sum(block, axis=0, dtype=xp.float64)


def difference(block: Array, means: Array, dtype: Precision) -> Array:
    """Return block less its column means; in float32 the means go off in two parts, to lose nothing."""
    xp = namespace_of(block)
    kind = getattr(xp, dtype)
    if dtype == "float64":
        return xp.astype(block, kind, copy=False) - means
    high = xp.astype(means, kind)
    low = xp.astype(means - xp.astype(high, xp.float64), kind)
    return _narrow(block, kind) - high - low


def _narrow(block: Array, kind: Array) -> Array:
    return namespace_of(block).astype(block, kind, copy=False)


def rank_k_update(accumulator: Array, block: Array) -> None:
    """Add block block^T to the lower triangle of the accumulator, by row tiles."""
    xp = namespace_of(block)
    for start in range(0, block.shape[0], TILE):
        stop = min(start + TILE, block.shape[0])
        rows = block[start:stop, :]
        if start:
            product_update(accumulator[start:stop, :start], rows, block[:start, :])
        accumulator[start:stop, start:stop] += xp.tril(rows @ rows.T)


def product_update(accumulator: Array, left: Array, right: Array) -> None:
    """Add left right^T to the accumulator."""
    accumulator[...] = accumulator + left @ right.T


def cholesky(lower: Array, shift: float, *, overwrite: bool = False) -> Array:  # noqa: ARG001
    """Return the Cholesky factor of A + shift I."""
    xp = namespace_of(lower)
    ridge = shift * xp.eye(lower.shape[0], dtype=lower.dtype, device=lower.device)
    return finite(xp.linalg.cholesky(symmetric(lower) + ridge))


def finite(factor: Array) -> Array:
    """Return a factor, or raise where it holds NaN: some libraries answer with NaN where others raise."""
    xp = namespace_of(factor)
    if not bool(xp.all(xp.isfinite(factor))):
        raise np.linalg.LinAlgError("matrix is not positive definite")
    return factor


def solve_triangular(factor: Array, rows: Array, *, transposed: bool) -> Array:
    """Return Z with Z L = rows, or Z L^T = rows, by the general solver: the standard has no other."""
    xp = namespace_of(factor)
    matrix = factor if transposed else factor.T
    return xp.linalg.solve(matrix, xp.astype(rows, factor.dtype).T).T


def inverse(factor: Array) -> Array:
    """Return A^-1, by two triangular solves: there is no routine for it."""
    xp = namespace_of(factor)
    eye = xp.eye(factor.shape[0], dtype=factor.dtype, device=factor.device)
    return solve_triangular(factor, solve_triangular(factor, eye, transposed=True), transposed=False)


def eigh(lower: Array) -> tuple[Array, Array]:
    """Return eigenvalues and eigenvectors of A."""
    values, vectors = namespace_of(lower).linalg.eigh(symmetric(lower))
    return values, vectors


def symmetric(lower: Array) -> Array:
    """Return the whole of A."""
    xp = namespace_of(lower)
    return xp.tril(lower) + xp.tril(lower, k=-1).T

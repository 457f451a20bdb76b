"""Kernels in nothing but the array API standard: for any library without a file of its own.

Slices must be views, as they are in numpy, cupy and torch: accumulators are updated through them.
"""

from __future__ import annotations

import numpy as np

from ..namespace import Array, Precision, namespace_of


def accumulator(rows: int, columns: int, like: Array) -> Array:
    """Return zeros with the dtype and device of another array."""
    return namespace_of(like).zeros((rows, columns), dtype=like.dtype, device=like.device)


def difference(block: Array, means: Array, dtype: Precision) -> Array:
    """Return block less its column means, taken in float64 and rounded once."""
    xp = namespace_of(block)
    return xp.astype(xp.astype(block, xp.float64) - means, getattr(xp, dtype))


def rank_k_update(accumulator: Array, block: Array) -> None:
    """Add block block^T to the lower triangle of the accumulator."""
    accumulator[...] = accumulator + namespace_of(block).tril(block @ block.T)


def product_update(accumulator: Array, left: Array, right: Array) -> None:
    """Add left right^T to the accumulator."""
    accumulator[...] = accumulator + left @ right.T


def cholesky(lower: Array, shift: float) -> Array:
    """Return the Cholesky factor of A + shift I."""
    xp = namespace_of(lower)
    size = lower.shape[0]
    ridge = shift * xp.eye(size, dtype=lower.dtype, device=lower.device)
    factor = xp.linalg.cholesky(xp.tril(lower) + xp.tril(lower, k=-1).T + ridge)
    # Some libraries answer with NaN where others raise.
    if not bool(xp.all(xp.isfinite(factor))):
        raise np.linalg.LinAlgError("matrix is not positive definite")
    return factor


def solve_triangular(factor: Array, rows: Array, *, transposed: bool) -> Array:
    """Return Z with Z L = rows, or Z L^T = rows, by the general solver: the standard has no other."""
    xp = namespace_of(factor)
    matrix = factor if transposed else factor.T
    return xp.linalg.solve(matrix, xp.astype(rows, factor.dtype).T).T

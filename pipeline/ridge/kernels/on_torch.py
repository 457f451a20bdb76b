"""Kernels for torch tensors, on a CPU or a GPU: updates by addmm in place, TF32 switched off.

torch is not imported here: where there is a tensor, it is loaded.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..namespace import Array, Precision

TILE = 2048
"""Rows of a Gram matrix at a time: the half above the diagonal is wasted within tiles only."""


def _torch() -> Any:
    return sys.modules["torch"]


@contextmanager
def exact() -> Iterator[None]:
    """Multiply float32 as float32: with TF32's ten bits a Gram matrix is off by 1e-3."""
    torch = _torch()
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def accumulator(rows: int, columns: int, like: Array) -> Array:
    """Return zeros with the dtype and device of another tensor."""
    return _torch().zeros((rows, columns), dtype=like.dtype, device=like.device)


def column_sums(block: Array) -> Array:
    """Return the sum of every column, taken in float64."""
    return block.sum(dim=0, dtype=_torch().float64)


def difference(block: Array, means: Array, dtype: Precision) -> Array:
    """Return block less its column means; in float32 the means go off in two parts, to lose nothing."""
    kind = getattr(_torch(), dtype)
    high = means.to(kind)
    return (block.to(kind) - high).sub_((means - high).to(kind))


def rank_k_update(accumulator: Array, block: Array) -> None:
    """Add block block^T to the lower triangle of the accumulator, by row tiles."""
    for start in range(0, block.shape[0], TILE):
        stop = min(start + TILE, block.shape[0])
        rows = block[start:stop]
        product_update(accumulator[start:stop, :start], rows, block[:start])
        with exact():
            accumulator[start:stop, start:stop] += (rows @ rows.T).tril_()


def product_update(accumulator: Array, left: Array, right: Array) -> None:
    """Add left right^T to the accumulator."""
    if accumulator.numel():
        with exact():
            accumulator.addmm_(left, right.T)


def cholesky(lower: Array, shift: float, *, overwrite: bool = False) -> Array:  # noqa: ARG001
    """Return the Cholesky factor of A + shift I, on one copy of A."""
    work = lower.tril()
    work.diagonal().add_(shift)
    factor, info = _torch().linalg.cholesky_ex(work)
    if int(info) or not bool(factor.diagonal().isfinite().all()):
        raise np.linalg.LinAlgError(f"leading minor {int(info)} is not positive, or NaN on its way")
    return factor


def solve_triangular(factor: Array, rows: Array, *, transposed: bool) -> Array:
    """Return Z with Z L = rows, or Z L^T = rows, by trsm from the right."""
    matrix = factor.T if transposed else factor
    solve = _torch().linalg.solve_triangular
    return solve(matrix, rows.to(factor.dtype), upper=transposed, left=False)


def inverse(factor: Array) -> Array:
    """Return A^-1, by potri."""
    return _torch().cholesky_inverse(factor)


def eigh(lower: Array) -> tuple[Array, Array]:
    """Return eigenvalues and eigenvectors of A."""
    values, vectors = _torch().linalg.eigh(lower, UPLO="L")
    return values, vectors

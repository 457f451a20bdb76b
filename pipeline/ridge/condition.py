"""How much float32 would cost: a bound on its error, from the largest eigenvalue of the Gram matrix.

A Gram matrix formed in float32 is that of slightly other data. Measured on strong signals, where it matters
most, predictions are then off by about 3e-8 lmax / alpha of their spread. A residual does not show it: the
equations that are solved are the wrong ones, and are solved well. So the eigenvalue is estimated before
anything is formed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import ShapeError

from .blocks import WIDTH, recut
from .gram import gram_and_cross
from .namespace import Array, Precision, namespace_of, on_device, precision_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FLOAT32_ERROR = 3e-8
"""Relative error of predictions by lmax / alpha in float32, measured for lmax / alpha of 10 to 1e8."""
TOLERANCE = 1e-4
"""Relative error up to which float32 is good enough: a hundredth of what the noise of fMRI does."""
PASSES = 2
VECTORS = 8
TILE = 128
"""Columns of a Gram matrix squared at a time."""


def largest_eigenvalue(walk: Callable[[], Iterable[Array]], seed: int = 0) -> float:
    """Return the largest eigenvalue of Xc Xc^T (and so of Xc^T Xc), without forming either.

    Subspace iteration: some random vectors are multiplied by the matrix, block by block, a few times over.

    Parameters
    ----------
    walk : callable
        Returns the blocks (row, voxel) of all training rows, in any width; called `PASSES` times.
    seed : int
        Of the vectors to start with.

    Returns
    -------
    float
        From below: within a few per cent where few directions hold most of the variance, a quarter short
        where all hold alike, and float32 is safe anyway.

    Raises
    ------
    ShapeError
        If there are no voxels, or fewer than two rows.
    """
    basis: Array | None = None
    for _ in range(PASSES):
        product = None
        for (piece,) in recut(((block,) for block in walk()), WIDTH):
            if basis is None:
                basis = _centred(_orthonormal(_random(piece, seed)))
            step = piece @ (piece.T @ basis)
            product = step if product is None else product + step
        if product is None or basis is None:
            raise ShapeError("No voxels found; expected at least one: check the ROI expression.")
        product = _centred(product)  # with the vectors centred on both sides, no voxel has to be
        basis = _centred(_orthonormal(product))
    return float(namespace_of(product).max(namespace_of(product).linalg.svdvals(product)))


def _random(x: Array, seed: int) -> Array:
    if x.shape[0] < 2:
        raise ShapeError(f"{x.shape[0]} training row(s) found; ridge regression needs at least 2.")
    drawn = np.random.Generator(np.random.PCG64(seed)).normal(size=(x.shape[0], VECTORS))
    return on_device(drawn[:, : x.shape[0] - 1].astype(precision_of(x)), x)


def _centred(vectors: Array) -> Array:
    return vectors - namespace_of(vectors).mean(vectors, axis=0)


def _orthonormal(vectors: Array) -> Array:
    return namespace_of(vectors).linalg.qr(vectors)[0]


def float32_error(lmax: float, alpha: float) -> float:
    """Return the relative error that predictions may have when Gram and factor are float32."""
    return FLOAT32_ERROR * lmax / alpha


def safe_precision(lmax: float, alpha: float) -> Precision:
    """Return "float32" where that is exact enough for a penalty, else "float64"."""
    return "float32" if float32_error(lmax, alpha) <= TOLERANCE else "float64"


def eigenvalue_bound(lower: Array) -> float:
    """Return the Frobenius norm of a Gram matrix: no eigenvalue is larger, and one look at it is enough.

    Parameters
    ----------
    lower : (n, n) float32 or float64
        Its lower triangle, zeros above.
    """
    xp, square = namespace_of(lower), 0.0
    for start in range(0, lower.shape[0], TILE):
        tile = lower[:, start : min(start + TILE, lower.shape[0])]
        square += 2 * float(xp.sum(tile * tile)) - float(xp.sum(xp.linalg.diagonal(tile[start:, :]) ** 2))
    return float(square**0.5)


def gram_and_cross_for(
    alpha: float, walk: Callable[[], Iterable[tuple[Array, Array]]]
) -> tuple[Array, Array]:
    """Return Gram and cross in float32 where that is exact enough for a penalty, else in float64.

    Parameters
    ----------
    alpha : float
        The penalty, or the least of several.
    walk : callable
        Returns what `gram_and_cross` takes; called once where the finished Gram proves that float32 will do.

    Returns
    -------
    gram : (n, n), cross : (m, n)
    """
    gram, cross = gram_and_cross(walk(), "float32")
    if safe_precision(eigenvalue_bound(gram), alpha) == "float32":
        return gram, cross
    largest = largest_eigenvalue(lambda: (train for train, _ in walk()))
    if safe_precision(largest, alpha) == "float32":
        return gram, cross
    del gram, cross
    return gram_and_cross(walk(), "float64")

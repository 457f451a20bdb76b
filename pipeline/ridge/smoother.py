"""From Gram matrix to predictions, without ever forming the weights.

A smoother S~ (test row, training row) carries the penalty and the intercept; predictions are S~ Y, a target
block at a time. Its rows sum to one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import PipelineError, ShapeError

from .blocks import WIDTH, centred, column_means, recut
from .kernels import kernels_for
from .namespace import Array, namespace_of, precision_of, row_major
from .penalty import check_penalty, mean_eigenvalue

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Factor:
    """A Cholesky factor of (Gram + alpha I): made once, used for every right-hand side."""

    lower: Array
    """(n, n) float32 or float64, lower triangular, as the kernels of its library made it."""
    alpha: float
    """The penalty, in scikit-learn's units."""

    def solve(self, rows: Array) -> Array:
        """Return rows (Gram + alpha I)^-1.

        Parameters
        ----------
        rows : (m, n) float32 or float64
            Taken to the dtype of the factor.

        Returns
        -------
        (m, n)
        """
        if rows.shape[1] != self.lower.shape[0]:
            raise ShapeError(
                f"Right-hand sides of {rows.shape[1]} columns for a Gram matrix of {self.lower.shape[0]}; "
                "expected as many."
            )
        kernels = kernels_for(self.lower)
        half = kernels.solve_triangular(self.lower, rows, transposed=True)
        return row_major(kernels.solve_triangular(self.lower, half, transposed=False))

    def inverse(self) -> Array:
        """Return (Gram + alpha I)^-1, (n, n); the factor is used up."""
        return row_major(kernels_for(self.lower).inverse(self.lower))


def factorise(gram_lower: Array, alpha: float, *, overwrite: bool = False) -> Factor:
    """Return the factor of a Gram matrix with a penalty on its diagonal.

    Parameters
    ----------
    gram_lower : (n, n) float32 or float64
        Above the diagonal nothing is read. Its dtype is that of the computation.
    alpha : float
        Penalty, finite and > 0, not divided by n.
    overwrite : bool
        Whether the matrix may be lost, which saves a copy of it.

    Returns
    -------
    Factor

    Raises
    ------
    RecipeError
        If alpha is not a finite number above 0, or lost in the rounding of the diagonal.
    ShapeError
        If the matrix is not square.
    PipelineError
        If the penalised matrix is not positive definite in this precision, or holds NaN.
    """
    if gram_lower.ndim != 2 or gram_lower.shape[0] != gram_lower.shape[1]:
        raise ShapeError(f"A Gram matrix of shape {tuple(gram_lower.shape)} found; expected a square one.")
    check_penalty(alpha, mean_eigenvalue(gram_lower), precision_of(gram_lower))
    try:
        return Factor(kernels_for(gram_lower).cholesky(gram_lower, alpha, overwrite=overwrite), float(alpha))
    except np.linalg.LinAlgError as error:
        raise PipelineError(
            f"The Gram matrix with alpha = {alpha:g} on its diagonal is not positive definite in "
            f"{precision_of(gram_lower)} ({error}); raise alpha, compute in float64, or look for NaN voxels."
        ) from error


def fold_intercept(smoother: Array) -> Array:
    """Return S + (1 - S 1) 1^T / n: a smoother for targets that are not centred.

    Parameters
    ----------
    smoother : (m, n) float32 or float64
        For centred targets; a column a training row.

    Returns
    -------
    (m, n) same dtype
        Rows sum to one.
    """
    xp = namespace_of(smoother)
    sums = xp.sum(smoother, axis=1, keepdims=True, dtype=xp.float64)
    return smoother + xp.astype((1.0 - sums) / smoother.shape[1], smoother.dtype)


def dual_smoother(factor: Factor, cross: Array) -> Array:
    """Return the smoother cross (K + alpha I)^-1 with the intercept folded in.

    Parameters
    ----------
    factor : Factor
        Of K (n, n).
    cross : (m, n) float32 or float64
        Test rows against training rows (``cross_gram``); or rows of K (``gram_rows``), for the hat matrix.

    Returns
    -------
    (m, n) dtype of the factor
    """
    return fold_intercept(factor.solve(cross))


def primal_smoother(factor: Factor, x_test: Array, train_blocks: Iterable[Array]) -> Array:
    """Return the smoother x_test (G + alpha I)^-1 Xc^T with the intercept folded in.

    Parameters
    ----------
    factor : Factor
        Of G (p, p).
    x_test : (m, p) float32 or float64
        Test rows less the training mean; or centred training rows, for the hat matrix.
    train_blocks : iterable of (n, voxel) float32 or float64
        Training rows as they are, consecutive voxels, p in all, in blocks of any width.

    Returns
    -------
    (m, n) dtype of the factor

    Raises
    ------
    ShapeError
        If the blocks do not hold p voxels.
    """
    solved = factor.solve(x_test)
    kernels, smoother, start = kernels_for(solved), None, 0
    for (piece,) in recut(((block,) for block in train_blocks), WIDTH):
        x = centred(piece, column_means(piece), precision_of(solved))
        if smoother is None:
            smoother = kernels.accumulator(solved.shape[0], x.shape[0], x)
        stop = start + x.shape[1]
        if stop <= solved.shape[1]:
            kernels.product_update(smoother, row_major(solved[:, start:stop]), x)
        start = stop
    if smoother is None or start != solved.shape[1]:
        raise ShapeError(
            f"Training rows of {start} voxels for a Gram matrix of {solved.shape[1]}; expected as many."
        )
    return fold_intercept(row_major(smoother))


def primal_left(factor: Factor, x_train: Array) -> Array:
    """Return (G + alpha I)^-1 Xc^T, from which predictions are x_test (left Y).

    Parameters
    ----------
    factor : Factor
        Of G (p, p).
    x_train : (n, p) float32 or float64
        Training rows, centred.

    Returns
    -------
    (p, n) dtype of the factor
        For centred targets: use ``predict_left``.
    """
    return row_major(factor.solve(x_train).T)

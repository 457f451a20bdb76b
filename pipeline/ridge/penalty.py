"""Penalties that a Gram matrix can feel."""

from __future__ import annotations

import math

import numpy as np

from pipeline.errors import RecipeError

from .namespace import Array, Precision, namespace_of


def mean_eigenvalue(gram_lower: Array) -> float:
    """Return the mean eigenvalue of a Gram matrix, 1 where all are 0: a size within its scale."""
    xp = namespace_of(gram_lower)
    diagonal = xp.linalg.diagonal(gram_lower)
    return float(xp.sum(diagonal, dtype=xp.float64)) / int(diagonal.shape[0]) or 1.0


def check_penalty(alpha: float, scale: float, dtype: Precision) -> None:
    """Refuse a penalty that is none, or that changes no digit of a Gram matrix's diagonal.

    A centred Gram matrix of fewer rows than voxels is singular: whatever comes out without a penalty is
    rounding, be it a refusal of the factor or predictions.

    Parameters
    ----------
    alpha : float
        The penalty, not divided by the number of rows.
    scale : float
        The mean eigenvalue, which is the mean of the diagonal.
    dtype : {"float32", "float64"}
        In which the penalty meets the eigenvalues.

    Raises
    ------
    RecipeError
        If alpha is not a finite number above 0, or below the rounding of the diagonal.
    """
    if not (math.isfinite(alpha) and alpha > 0):
        raise RecipeError(f"alpha = {alpha} found; expected a finite number above 0, such as 100.")
    least = float(np.finfo(dtype).eps) * scale
    if alpha < least:
        raise RecipeError(
            f"alpha = {alpha:g} is lost in the rounding of a Gram matrix with {scale:.2g} on its diagonal in "
            f"{dtype}; expected {least:.0e} at least: raise alpha"
        )


def grid(start: float, stop: float, count: float) -> tuple[float, ...]:
    """Return penalties evenly spaced in their logarithm, ends among them.

    >>> grid(1, 100, 3)
    (1.0, 10.0, 100.0)

    Raises
    ------
    RecipeError
        If they are not finite, above 0 and ascending, or fewer than two.
    """
    if not (0 < start < stop < math.inf and count >= 2):
        raise RecipeError(
            f"{count:g} penalties from {start:g} to {stop:g} found; expected 0 < from < to, and two at least."
        )
    count = int(count)
    low, high = math.log10(start), math.log10(stop)
    inner = (10 ** (low + (high - low) * at / (count - 1)) for at in range(1, count - 1))
    return (float(start), *inner, float(stop))
